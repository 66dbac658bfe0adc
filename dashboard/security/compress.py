"""Gzip for static files, each compressed once and kept: the page is 1 MB of scripts, and ssh tunnels are
slow.

Only whole 200 answers to plain GETs of the static folders; everything dynamic passes untouched, so no secret
is ever compressed beside something a stranger chose.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import MutableMapping
from typing import Any

from dashboard.security.guard import App, Receive, Scope, Send
from dashboard.security.headers import STATIC_PREFIXES

SIZE_MIN = 1024
CACHE_BYTES_MAX = 32 * 1024 * 1024
_COMPRESSIBLE = (b"javascript", b"text/", b"json", b"svg")

Headers = list[tuple[bytes, bytes]]


class StaticCompression:
    """Wraps the application; keeps compressed bodies by path, query and ETag."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._cache: dict[tuple[str, bytes, bytes], bytes] = {}
        self._cache_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._wanted(scope):
            await self._app(scope, receive, send)
            return
        start: MutableMapping[str, Any] = {}
        parts: list[bytes] = []

        async def collect(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                body, headers = await self._compressed(scope, start, b"".join(parts))
                await send({**start, "headers": headers})
                await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, collect)

    @staticmethod
    def _wanted(scope: Scope) -> bool:
        if scope["method"] != "GET" or not scope["path"].startswith(STATIC_PREFIXES):
            return False
        headers = {name.lower(): value for name, value in scope["headers"]}
        return b"gzip" in headers.get(b"accept-encoding", b"") and b"range" not in headers

    async def _compressed(self, scope: Scope, start: MutableMapping[str, Any], body: bytes) -> tuple[bytes, Headers]:
        headers: Headers = list(start.get("headers", []))
        facts = {name.lower(): value for name, value in headers}
        kind = facts.get(b"content-type", b"")
        if start["status"] != 200 or len(body) < SIZE_MIN or not any(word in kind for word in _COMPRESSIBLE):
            return body, headers
        key = (scope["path"], scope.get("query_string", b""), facts.get(b"etag", b""))
        packed = self._cache.get(key)
        if packed is None:
            packed = await asyncio.to_thread(gzip.compress, body, 6)
            if self._cache_bytes + len(packed) <= CACHE_BYTES_MAX:
                self._cache[key] = packed
                self._cache_bytes += len(packed)
        kept = [(name, value) for name, value in headers if name.lower() not in {b"content-length", b"accept-ranges"}]
        kept += [(b"content-encoding", b"gzip"), (b"content-length", str(len(packed)).encode())]
        return packed, [*kept, (b"vary", b"accept-encoding")]
