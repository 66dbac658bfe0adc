"""The page's WebSocket `/ws/live`: the tree, then patches; ends when the session does.

The guard has checked Host, Origin and session before this runs; a page has nothing to say here.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import cookie_parser
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.live.hub import Hub
from dashboard.security.guard import COOKIE_NAME
from dashboard.security.sessions import Sessions

SESSION_CHECK_EVERY_S = 1.0
SEND_DEADLINE_S = 10.0
PAGES_MAX = 200
CLOSE_SIGNED_OUT = 4401
CLOSE_TOO_MANY = 4429
CLOSE_TALKING = 1008


class LiveSocket:
    """The endpoint; counts the open pages."""

    def __init__(self, hub: Hub, sessions: Sessions) -> None:
        self._hub = hub
        self._sessions = sessions
        self._open_count = 0

    async def endpoint(self, websocket: WebSocket) -> None:
        await websocket.accept()
        if self._open_count >= PAGES_MAX:
            await websocket.close(CLOSE_TOO_MANY, f"{PAGES_MAX} pages are open")
            return
        self._open_count += 1
        tasks = [asyncio.ensure_future(work) for work in (self._push(websocket), self._listen(websocket))]
        tasks.append(asyncio.ensure_future(self._watch_session(websocket)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code, reason = next((t.result() for t in done if t.exception() is None), (1001, "connection lost"))
        finally:
            self._open_count -= 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # It fails when the other side has closed already.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close(code, reason)

    async def _push(self, websocket: WebSocket) -> tuple[int, str]:
        subscriber = self._hub.subscribe()
        try:
            while True:
                message = await subscriber.next(self._hub.tree_message)
                async with asyncio.timeout(SEND_DEADLINE_S):
                    await websocket.send_text(message.decode())
        finally:
            self._hub.unsubscribe(subscriber)

    async def _listen(self, websocket: WebSocket) -> tuple[int, str]:
        try:
            await websocket.receive_text()
        except (WebSocketDisconnect, KeyError):
            return 1000, "page closed"
        return CLOSE_TALKING, "this connection only sends"

    async def _watch_session(self, websocket: WebSocket) -> tuple[int, str]:
        session_id = cookie_parser(websocket.headers.get("cookie", "")).get(COOKIE_NAME)
        while self._sessions.valid(session_id):
            await asyncio.sleep(SESSION_CHECK_EVERY_S)
        return CLOSE_SIGNED_OUT, "signed out"
