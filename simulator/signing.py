"""Checking signatures and timestamps of signed requests: HMAC-SHA-256 at both venues, Ed25519 at Binance."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RECV_WINDOW_DEFAULT_MS = 5000
RECV_WINDOW_MAX_MS = 60000
AHEAD_MAX_MS = 1000
MICROSECONDS_FROM = Decimal(10) ** 14  # a `timestamp` at least this large is in microseconds


def signature(secret: str, payload: str) -> str:
    """Lowercase hex HMAC-SHA-256 of the UTF-8 payload."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signature_matches(secret: str, payload: str, given: str) -> bool:
    return hmac.compare_digest(signature(secret, payload).encode(), given.encode())


def ed25519_matches(public_key: bytes, payload: str, given: str) -> bool:
    """`public_key`: its 32 bytes; `given`: the signature in base64."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(given, validate=True), payload.encode())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def sorted_payload(params: Mapping[str, object]) -> str:
    """Binance WS API: every parameter but `signature`, by name, raw UTF-8."""
    rows = sorted((name, value) for name, value in params.items() if name != "signature")
    return "&".join(f"{name}={json_text(value)}" for name, value in rows)


def json_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def query_payload(query: str, body: str) -> str:
    """REST: query and body as sent (percent-encoded), without the signature, joined by nothing."""
    return _without_signature(query) + _without_signature(body)


def _without_signature(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def check_time(timestamp: object, recv_window: object, now_ms: int) -> str:
    """'' when within the window, else 'ahead', 'late', 'timestamp' or 'recvWindow' (cannot be read)."""
    try:
        stamp = Decimal(str(timestamp))
    except InvalidOperation:
        return "timestamp"
    if not stamp.is_finite() or stamp < 0:
        return "timestamp"
    if stamp >= MICROSECONDS_FROM:
        stamp /= 1000
    try:
        window = Decimal(str(recv_window)) if recv_window is not None else Decimal(RECV_WINDOW_DEFAULT_MS)
    except InvalidOperation:
        return "recvWindow"
    if not window.is_finite() or not 0 <= window <= RECV_WINDOW_MAX_MS:
        return "recvWindow"
    if stamp >= now_ms + AHEAD_MAX_MS:
        return "ahead"
    return "late" if now_ms - stamp > window else ""
