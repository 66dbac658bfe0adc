"""Security headers of every answer, and what may be cached."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

STATIC_PREFIXES = ("/assets/", "/_dash-component-suites/")

_FIXED = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)


def script_hash(source: str) -> str:
    """The CSP source expression that allows exactly this inline text."""
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


class HeaderPolicy:
    """Builds the header list for a path and status.

    Dash writes two inline scripts (its renderer start, the page title): `allow_scripts` adds their hashes,
    everything else inline stays forbidden. Styles may be inline because components set them as attributes.
    """

    def __init__(self) -> None:
        self._script_hashes: list[str] = []
        self._csp = self._build()

    def allow_scripts(self, hashes: Iterable[str]) -> None:
        self._script_hashes = sorted({*self._script_hashes, *hashes})
        self._csp = self._build()

    def _build(self) -> bytes:
        scripts = " ".join(["'self'", *self._script_hashes])
        return (
            f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
            "manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
            "frame-ancestors 'none'"
        ).encode()

    def apply(
        self, headers: list[tuple[bytes, bytes]], path: str, query: bytes, status: int
    ) -> list[tuple[bytes, bytes]]:
        """The answer's headers with ours in place of any of the same name."""
        ours = [*_FIXED, (b"content-security-policy", self._csp)]
        # A versioned static file never changes under its address; everything else is this session's business.
        versioned = path.startswith(STATIC_PREFIXES) and (b"m=" in query or ".v" in path) and status == 200
        ours.append((b"cache-control", b"private, max-age=31536000, immutable" if versioned else b"no-store"))
        names = {name for name, _ in ours} | {b"server"}
        return [(name, value) for name, value in headers if name.lower() not in names] + ours
