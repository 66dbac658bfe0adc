"""Who a request comes from: a signature of its own, or the session of its WebSocket (Binance's session.logon)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.binance_shapes import ApiError, Json
from simulator.exchange import wall_ms
from simulator.faults import Faults
from simulator.settings import VenueSettings
from simulator.signing import ed25519_matches, signature_matches

INVALID_KEY = "Invalid API-key, IP, or permissions for action."
LOGON_METHODS = ("session.logon", "session.status", "session.logout")


class SessionRevoked(Exception):
    """The key of a session is not valid any more: said once, in answer to no request in particular."""


@dataclass
class Session:
    """What one WebSocket connection is to the venue."""

    connected_ms: int = field(default_factory=wall_ms)
    returns_limits: bool = True
    key: str = ""  # '': not logged on
    authorized_ms: int = 0
    ends_seen: int = 0  # of Faults.session_ends, at logon

    def to_json(self, user_data: bool) -> Json:
        on = bool(self.key)
        return {
            "apiKey": self.key if on else None,
            "authorizedSince": self.authorized_ms if on else None,
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.returns_limits,
            "serverTime": wall_ms(),
            "userDataStream": user_data,
        }


@dataclass(frozen=True)
class Proof:
    """What a request brings along: the text it signed, its key, the session it came through (None: over REST)."""

    payload: str
    key: str
    session: Session | None = None

    def by_session(self, params: Mapping[str, object]) -> bool:
        """True when the session speaks for it: it names neither key nor signature."""
        named = self.key or params.get("signature") not in (None, "")
        return self.session is not None and bool(self.session.key) and not named


class Keys:
    """The venue's list of keys, and what it thinks of proofs."""

    def __init__(self, settings: VenueSettings, faults: Faults) -> None:
        self._settings = settings
        self._faults = faults

    def check(self, params: Mapping[str, object], proof: Proof) -> None:
        """Raises ApiError unless the request is signed, or made in a session; its time is another's business."""
        if proof.by_session(params):
            if params.get("timestamp") in (None, ""):
                raise mandatory("timestamp")
            return
        if not proof.key:
            raise mandatory("apiKey")
        if proof.key not in (self._settings.key, self._settings.ed25519_key):
            raise ApiError(401, -2015, INVALID_KEY)
        for name in ("timestamp", "signature"):
            if params.get(name) in (None, ""):
                raise mandatory(name)
        if not self._signed(proof, str(params["signature"])):
            raise ApiError(400, -1022, "Signature for this request is not valid.")

    def _signed(self, proof: Proof, signature: str) -> bool:
        if proof.key == self._settings.ed25519_key:
            return ed25519_matches(self._settings.ed25519_public_key, proof.payload, signature)
        return signature_matches(self._settings.secret, proof.payload, signature.lower())

    def check_logon(self, params: Mapping[str, object], proof: Proof) -> None:
        """Keys of another kind than Ed25519 get no session."""
        if self._faults.use("refuse_logons"):
            raise ApiError(401 if self._faults.logon_code == -2015 else 400, self._faults.logon_code, INVALID_KEY)
        self.check(params, Proof(proof.payload, proof.key))
        if proof.key != self._settings.ed25519_key:
            raise ApiError(400, -1022, "Signature for this request is not valid.")

    def begin(self, session: Session, key: str) -> None:
        session.key = key
        session.authorized_ms = wall_ms()
        session.ends_seen = self._faults.session_ends

    def expire(self, session: Session) -> None:
        """Ends a session that a fault has ended: silently, or with SessionRevoked."""
        if not session.key or session.ends_seen == self._faults.session_ends:
            return
        session.key = ""
        if self._faults.session_end == "revoked":
            raise SessionRevoked


def mandatory(name: str) -> ApiError:
    return ApiError(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
