"""One WebSocket client of a venue: what goes out to it, its pings, and how it is dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType, web

from simulator.limits import MessageRate
from simulator.settings import Timers

OUTBOX_MAX = 20_000  # messages; a client that far behind is cut off
MESSAGE_SIZE_MAX = 1 << 20

TextHandler = Callable[["Peer", str], None]


class Peer:
    """`push` never waits; a task writes. Pings and pongs are handled here because they count as messages."""

    def __init__(self, request: web.Request, role: str, timers: Timers, answers_pings: bool) -> None:
        self.role = role  # feed, orders, user
        self.subscriptions: set[str] = set()
        self.combined = False  # Binance: events wrapped with the name of their stream
        self.query = request.query
        self.opened_s = time.monotonic()
        self.active_s = self.opened_s
        self._request = request
        self._timers = timers
        self._answers_pings = answers_pings
        self._pong_s = self.opened_s
        self._outbox: asyncio.Queue[str | bytes] = asyncio.Queue(OUTBOX_MAX)
        self.ws = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=MESSAGE_SIZE_MAX)

    def push(self, message: str | bytes) -> None:
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            self.abort()

    def abort(self) -> None:
        """Cuts the connection without a close frame, as a network does."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self, code: int = WSCloseCode.GOING_AWAY, reason: str = "") -> None:
        await self.ws.close(code=code, message=reason.encode())

    async def run(self, on_text: TextHandler, rate: MessageRate) -> web.WebSocketResponse:
        """Serves the client until it leaves or breaks the message limit."""
        await self.ws.prepare(self._request)
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._ping())]
        try:
            await self._read(on_text, rate)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.ws.close()
        return self.ws

    async def _read(self, on_text: TextHandler, rate: MessageRate) -> None:
        while True:
            message = await self.ws.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return
            self.active_s = time.monotonic()
            if rate.exceeded(time.time_ns() // 1_000_000):
                await self.close(WSCloseCode.POLICY_VIOLATION, "Too many requests")
                return
            if message.type == WSMsgType.PING and self._answers_pings:
                await self.ws.pong(message.data)
            elif message.type == WSMsgType.PONG:
                self._pong_s = self.active_s
            elif message.type == WSMsgType.TEXT:
                on_text(self, message.data)

    async def _write(self) -> None:
        try:
            while True:
                message = await self._outbox.get()
                if isinstance(message, str):
                    await self.ws.send_str(message)
                else:
                    await self.ws.send_bytes(message)
                self.active_s = time.monotonic()
        except (ConnectionError, RuntimeError):
            self.abort()  # the client is gone; the reader ends on its own

    async def _ping(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._timers.ping_every_s)
                if time.monotonic() - self._pong_s > self._timers.pong_within_s:
                    await self.close(WSCloseCode.POLICY_VIOLATION, "Pong timeout")
                    return
                await self.ws.ping(str(time.time_ns() // 1_000_000).encode())
        except (ConnectionError, RuntimeError):
            self.abort()
