"""The guard: a pure ASGI layer outside of everything else. Nothing passes unless a rule here says so.

Order: known host; allow-listed path; signed in; same origin for what changes something and for WebSockets;
size of the body. A browser proves itself by its session cookie, a program by `Authorization: Bearer TOKEN`,
which is good for the API only. Query strings are never looked at for secrets.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from dashboard.security.headers import HeaderPolicy
from dashboard.security.sessions import Sessions
from dashboard.security.throttle import Throttle
from dashboard.security.token import SignInToken

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE_NAME = "arbdeck_session"
API_PREFIX = "/api/"
OPEN_ROUTES = frozenset(
    {
        ("GET", "/api/v2/engine/health"),
        ("HEAD", "/api/v2/engine/health"),
        ("GET", "/login"),
        ("POST", "/login"),
    }
)
SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = frozenset({*SAFE_METHODS, "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BODY_BYTES_MAX = 1024 * 1024
BODY_DEADLINE_S = 15.0
WS_CLOSE_NOT_ALLOWED = 4403

log = logging.getLogger("arbdeck.web")


class _Refusal(Exception):
    """Why the guard says no: HTTP status, code and sentence."""

    def __init__(self, status: int, code: str, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence
        self.headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]


class Request:
    """The few facts about a connection that the rules need."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        client = scope.get("client")
        self.client: str = client[0] if client else "unknown"
        self._headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            self._headers.setdefault(name.lower(), []).append(value.decode("latin-1"))

    def header(self, name: bytes) -> str | None:
        """The value; None when absent; repeated headers joined, so that no rule is met by one of two."""
        values = self._headers.get(name)
        return None if values is None else ", ".join(values)

    @property
    def session_id(self) -> str | None:
        try:
            morsel = SimpleCookie(self.header(b"cookie") or "").get(COOKIE_NAME)
        except CookieError:
            return None
        return None if morsel is None else morsel.value

    @property
    def bearer(self) -> str | None:
        scheme, _, token = (self.header(b"authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    @property
    def is_api(self) -> bool:
        return self.path.startswith(API_PREFIX) or self.path == API_PREFIX.rstrip("/")


class Guard:
    """Wraps the whole application. See the module for the rules."""

    def __init__(
        self,
        app: App,
        *,
        token: SignInToken,
        sessions: Sessions,
        throttle: Throttle,
        hosts: frozenset[str],
        policy: HeaderPolicy,
    ) -> None:
        self._app = app
        self._token = token
        self._sessions = sessions
        self._throttle = throttle
        self._hosts = hosts
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                raw = list(message.get("headers", []))
                status = message["status"]
                message = {**message, "headers": self._policy.apply(raw, request.path, request.query, status)}
            await send(message)

        try:
            self._check_host(request)
            if request.method not in METHODS:
                raise _Refusal(405, "METHOD_NOT_ALLOWED", f"Method {request.method[:16]} is not used here.")
            signed_in = self._check_signed_in(request)
            if request.method not in SAFE_METHODS:
                self._check_origin(request, needed=signed_in == "cookie")
                receive = await self._body_read(request, receive)
        except _Refusal as refusal:
            await self._refuse(request, refusal, send_with_headers)
            return
        scope["arbdeck_actor"] = {"cookie": "web", "bearer": "api"}.get(signed_in, "")
        await self._app(scope, receive, send_with_headers)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            self._check_host(request)
            if not self._sessions.valid(request.session_id):
                raise _Refusal(403, "SIGN_IN", "Sign in first.")
            self._check_origin(request, needed=True)
        except _Refusal as refusal:
            log.warning("refused WebSocket %r from %s: %s", request.path[:80], request.client, refusal.code)
            await receive()
            # Closing before accepting is an HTTP 403 to the client.
            await send({"type": "websocket.close", "code": WS_CLOSE_NOT_ALLOWED, "reason": refusal.code})
            return
        await self._app(scope, receive, send)

    def _check_host(self, request: Request) -> None:
        host = (request.header(b"host") or "").lower()
        if host not in self._hosts:
            allowed = ", ".join(sorted(self._hosts))
            raise _Refusal(400, "HOST", f"Host {host[:80]!r} is not served here. Allowed: {allowed}.")

    def _check_signed_in(self, request: Request) -> str:
        """How the client proved itself: "cookie", "bearer" or "open" for an allow-listed route."""
        if (request.method, request.path) in OPEN_ROUTES:
            return "open"
        bearer = request.bearer
        if bearer is not None and request.is_api:
            return self._check_bearer(request, bearer)
        if self._sessions.valid(request.session_id):
            return "cookie"
        raise _Refusal(401, "SIGN_IN", "Sign in first: `arbdeck login` prints how.", www_authenticate="Bearer")

    def _check_bearer(self, request: Request, bearer: str) -> str:
        if self._token.matches(bearer):
            self._throttle.succeeded(request.client)
            return "bearer"
        wait_s = self._throttle.wait_s(request.client)
        if wait_s > 0:
            raise _Refusal(429, "TOO_MANY_TRIES", f"Wait {wait_s:.0f} s.", retry_after=str(int(wait_s) + 1))
        self._throttle.failed(request.client)
        log.warning("wrong bearer token from %s", request.client)
        raise _Refusal(401, "TOKEN", "This token is not the one of this desk.", www_authenticate="Bearer")

    def _check_origin(self, request: Request, *, needed: bool) -> None:
        """Refuse what another site made the browser send; `needed`: the browser must say its origin."""
        origin = request.header(b"origin")
        if origin is not None:
            if origin.lower() not in {f"{scheme}://{host}" for host in self._hosts for scheme in ("http", "https")}:
                raise _Refusal(403, "ORIGIN", f"Requests from {origin[:80]!r} are not accepted.")
            if origin.lower().partition("://")[2] != (request.header(b"host") or "").lower():
                raise _Refusal(403, "ORIGIN", f"Origin {origin[:80]!r} is not the address of this page.")
        site = request.header(b"sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            raise _Refusal(403, "ORIGIN", f"Sec-Fetch-Site {site[:20]!r} is not accepted (allowed: same-origin).")
        if needed and origin is None and site is None:
            raise _Refusal(403, "ORIGIN", "A signed-in browser must send Origin or Sec-Fetch-Site.")

    async def _body_read(self, request: Request, receive: Receive) -> Receive:
        """The whole body, bounded in size and time, before the application sees the request."""
        declared = request.header(b"content-length") or "0"
        if not declared.isdigit() or int(declared) > BODY_BYTES_MAX:
            raise _Refusal(413, "BODY_TOO_LARGE", f"Body of {declared[:20]} bytes; allowed: {BODY_BYTES_MAX}.")
        try:
            async with asyncio.timeout(BODY_DEADLINE_S):
                body = await _body_collect(receive)
        except TimeoutError:
            raise _Refusal(408, "BODY_TOO_SLOW", f"The body took over {BODY_DEADLINE_S:.0f} s.") from None
        content_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
        if body and request.is_api and content_type != "application/json":
            raise _Refusal(415, "CONTENT_TYPE", f"Content-Type {content_type[:40]!r}; allowed: application/json.")
        delivered = False

        async def replay() -> MutableMapping[str, Any]:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        return replay

    async def _refuse(self, request: Request, refusal: _Refusal, send: Send) -> None:
        if refusal.status == 401 and request.method == "GET" and "text/html" in (request.header(b"accept") or ""):
            # Only a page navigation asks for HTML; a script that lost its session needs the 401.
            headers = [(b"location", b"/login"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 303, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        body = json.dumps({"error": {"code": refusal.code, "message": refusal.sentence}}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *refusal.headers,
        ]
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": body if request.method != "HEAD" else b""})


async def _body_collect(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refusal(400, "BODY_CUT", "The connection ended inside the body.")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise _Refusal(413, "BODY_TOO_LARGE", f"Body over {BODY_BYTES_MAX} bytes.")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
