"""What every simulated venue's server has in common: its port, its clients, and faults of the network."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.errors import SettingsError
from simulator.exchange import Exchange
from simulator.peer import Peer
from simulator.settings import VenueSettings

log = logging.getLogger("simulator")
HOST = "127.0.0.1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HELD_MAX_S = 60.0  # an answer that never comes: how long the request is held before its connection is cut
SHUTDOWN_S = 0.3
LIFE_CHECK_S = 0.05


@dataclass(frozen=True)
class Event:
    """One message of user data."""

    message: str | bytes
    topic: str
    is_fill: bool = False


def tls_context(settings: VenueSettings) -> ssl.SSLContext | None:
    """TLS as the venue's settings ask for it; None: plain."""
    if settings.certificate_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        name = f"certificate_file of {settings.name}"
        raise SettingsError(name, str(settings.certificate_file), f"PEM, with its key in key_file ({error})") from error
    return context


class VenueServer(ABC):
    """Listens on one port; subclasses add routes and wire formats."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.name = exchange.settings.name
        self._tls = tls_context(exchange.settings)
        self.faults = exchange.faults
        self.peers: set[Peer] = set()
        self.app = web.Application(client_max_size=1 << 20, middlewares=[self._limited])
        self._order_transports: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    # --- life

    async def start(self) -> None:
        self._runner = web.AppRunner(
            self.app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False
        )
        await self._runner.setup()
        await self._listen()
        self.spawn(self._end_old_connections())

    async def _listen(self) -> None:
        assert self._runner is not None
        port = self.exchange.settings.port
        self._site = web.TCPSite(self._runner, HOST, port, reuse_address=True, ssl_context=self._tls)
        await self._site.start()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.drop("all")
        if self._runner is not None:
            await self._runner.cleanup()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned_done)

    def _spawned_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: a request failed", self.name, exc_info=task.exception())

    # --- faults of the network

    def drop(self, role: str, most: int | None = None) -> int:
        """Cuts the connections of a role (feed, orders, user, all), the oldest first and so many at most. Returns how
        many."""
        doomed = [peer for peer in self.peers if role in ("all", peer.role, *self.also(peer))]
        doomed = sorted(doomed, key=lambda peer: peer.opened_s)[:most]
        for peer in doomed:
            peer.abort()
        count = len(doomed)
        if role in ("orders", "all"):
            count += len(self._order_transports)
            for transport in list(self._order_transports):
                transport.abort()
            self._order_transports.clear()
        return count

    def also(self, peer: Peer) -> tuple[str, ...]:
        """Further roles of a connection (Binance: user data comes on the order connection)."""
        return ()

    async def _end_old_connections(self) -> None:
        """Closes what is older than the fault says, as venues do after a day."""
        while True:
            await asyncio.sleep(LIFE_CHECK_S)
            limit_s = self.faults.close_after_s
            now_s = time.monotonic()
            for peer in [peer for peer in self.peers if limit_s > 0.0 and now_s - peer.opened_s > limit_s]:
                self.peers.discard(peer)
                self.spawn(peer.close())

    async def announce_shutdown(self, close_s: float) -> None:
        """Says on every connection that is open now that it will be closed, and closes it after that time."""
        doomed = list(self.peers)
        for peer in doomed:
            message = self.shutdown_message(peer)
            if message is not None:
                peer.push(message)
        await asyncio.sleep(close_s)
        for peer in doomed:
            await peer.close()

    def shutdown_message(self, peer: Peer) -> str | None:
        """How this venue announces that it will close a connection; None: it does not."""
        return None

    @web.middleware
    async def _limited(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.faults.use("limited"):
            headers = {"Retry-After": str(self.faults.retry_after_s)} if self.faults.retry_after_s else {}
            body = {"code": 429, "msg": "Too Many Requests"}
            return web.json_response(body, status=self.faults.limited_status, headers=headers)
        if "Upgrade" in request.headers:
            await asyncio.sleep(self.faults.delay_upgrade_ms / 1000.0)
        return await handler(request)

    async def go_down(self) -> None:
        """Refuses connections for as long as the fault says, then listens again."""
        assert self._site is not None
        await self._site.stop()
        self.drop("all")
        log.warning("%s: down for %.1f s", self.name, self.faults.down_s)
        while (left_s := self.faults.down_s) > 0.0:
            await asyncio.sleep(min(left_s, 0.1))
        await self._listen()
        log.warning("%s: up again", self.name)

    # --- requests

    def note_order_connection(self, request: web.Request) -> None:
        transport = request.transport
        if transport is not None:
            self._order_transports = {t for t in self._order_transports if not t.is_closing()}
            self._order_transports.add(transport)

    async def travel(self) -> None:
        """Half of the venue's latency, before an order meets the market; the rest is before its answer."""
        await asyncio.sleep(self.exchange.settings.latency_ms / 2000.0)

    async def delay_ack(self) -> None:
        await asyncio.sleep(self.exchange.settings.latency_ms / 2000.0 + self.faults.delay_ack_ms / 1000.0)

    async def hold(self, request: web.Request) -> web.Response:
        """Never answers: holds the request until its client leaves, or cuts it off after a minute."""
        waited_s = 0.0
        while waited_s < HELD_MAX_S and request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.05)
            waited_s += 0.05
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    # --- user data

    def send_events(self, events: list[Event]) -> None:
        if self.faults.use("lose_events"):
            return
        if self.faults.use("reorder_fills"):
            events = events[::-1]
        doubled: list[Event] = []
        for event in events:
            doubled.append(event)
            if event.is_fill and self.faults.use("duplicate_fills"):
                doubled.append(event)
        if self.faults.delay_events_ms > 0.0:
            loop = asyncio.get_running_loop()
            loop.call_later(self.faults.delay_events_ms / 1000.0, self._send_all, doubled)
        else:
            self._send_all(doubled)

    def _send_all(self, events: list[Event]) -> None:
        for event in events:
            self.send_event(event)

    @abstractmethod
    def send_event(self, event: Event) -> None:
        """Sends one event to everybody who subscribed to it, in the venue's format."""
