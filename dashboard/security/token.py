"""The sign-in token: one secret in one file that only its owner can read.

Whoever can read the file may trade, so a file that others can read is refused instead of used.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

TOKEN_FILE = "web-token"
TOKEN_BYTES = 32
TOKEN_LENGTH_MIN = 32
TOKEN_LENGTH_MAX = 256


class TokenFileError(RuntimeError):
    """The token file cannot be trusted; the message says why and what to do."""


class SignInToken:
    """The secret of this installation, kept as its SHA-256."""

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()

    @property
    def fingerprint(self) -> str:
        """Names this token without telling it; sessions made with another token are not valid."""
        return hashlib.sha256(b"fingerprint" + self._digest).hexdigest()

    def matches(self, candidate: str) -> bool:
        """Whether the candidate is the token, in constant time."""
        digest = hashlib.sha256(candidate.encode("utf-8", "surrogatepass")).digest()
        return hmac.compare_digest(digest, self._digest)

    @classmethod
    def load(cls, run_dir: Path) -> SignInToken:
        """The token of `run_dir`, made (0600) when there is none.

        Raises TokenFileError when the file belongs to someone else, is readable by others, or holds no token.
        """
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = run_dir / TOKEN_FILE
        _create_once(path)
        return cls(_read_checked(path))


def _create_once(path: Path) -> None:
    """Write a new token unless a file is there; of two processes that try at once, one wins whole.

    The text is linked into place only when complete, so nobody ever reads half a token.
    """
    if os.path.lexists(path):
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _read_checked(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise TokenFileError(f"Cannot read the sign-in token {path}: {error.strerror}.") from error
    with os.fdopen(descriptor) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise TokenFileError(f"{path} is not a regular file: remove it and start again.")
        if status.st_uid != os.geteuid():
            raise TokenFileError(
                f"{path} belongs to uid {status.st_uid}, this process is uid {os.geteuid()}: remove the file."
            )
        if status.st_mode & 0o077:
            raise TokenFileError(
                f"{path} has mode {stat.S_IMODE(status.st_mode):04o}, others can read it: "
                "remove it and start again to get a new token (allowed: 0600)."
            )
        token = file.read(TOKEN_LENGTH_MAX + 2).strip()
    if not TOKEN_LENGTH_MIN <= len(token) <= TOKEN_LENGTH_MAX:
        raise TokenFileError(
            f"{path} holds {len(token)} characters, a token has {TOKEN_LENGTH_MIN} to {TOKEN_LENGTH_MAX}: "
            "remove the file and start again."
        )
    return token
