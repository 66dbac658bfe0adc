"""The hub: reads the engine ten times a second, builds one JSON tree, sends every page what changed.

A page gets the whole tree first, then numbered patches. Queues are bounded: a page that cannot follow loses
its queue and gets the tree again, so it is at worst late, never wrong, and cannot make this process grow.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson

from bridge.errors import BridgeError
from bridge.types import Snapshot
from dashboard.live import view
from dashboard.live.memory import CounterWindow, CurveMemory, RowMemory
from dashboard.live.patch import patch_between
from dashboard.live.shown import Shown
from dashboard.services import EngineService

PERIOD_S = 0.1
IDLE_PERIOD_S = 1.0  # nobody looks: often enough to know since when the engine is gone
SLOW_EVERY = 3  # ticks between repaints of text
TABLE_EVERY = 5
CURVE_EVERY = 10
QUEUE_COUNT_MAX = 20
POINTS_MAX = 500
ROWS_MAX = 20
READ_ROWS = 512
WINDOWS = {"5m": 300.0, "1h": 3600.0}
HISTOGRAM_STAGE = "TICK_TO_ORDER"

log = logging.getLogger("arbdeck.live")
Tree = dict[str, Any]


class Subscriber:
    """One open page: a bounded queue of encoded messages."""

    def __init__(self) -> None:
        self._queue: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self.needs_tree = True

    def push(self, message: bytes) -> None:
        if len(self._queue) >= QUEUE_COUNT_MAX:
            self._queue.clear()
            self.needs_tree = True
        if not self.needs_tree:
            self._queue.append(message)
        self._ready.set()

    def reset(self) -> None:
        """Drop what waits; the page gets the whole tree next."""
        self._queue.clear()
        self.needs_tree = True
        self._ready.set()

    async def next(self, tree: Callable[[], bytes]) -> bytes:
        """The next message, the whole tree when the page needs it."""
        while not self.needs_tree and not self._queue:
            self._ready.clear()
            await self._ready.wait()
        if self.needs_tree:
            self.needs_tree = False
            return tree()
        return self._queue.popleft()


class Hub:
    """Owns the tree. All methods run on the event loop's thread."""

    def __init__(self, engine: EngineService, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._subscribers: set[Subscriber] = set()
        self._curve = CurveMemory()
        self._window = CounterWindow()
        self._points = RowMemory(POINTS_MAX)
        self._tables = {name: RowMemory(ROWS_MAX) for name in ("opportunities", "orders", "fills")}
        self._shown = Shown()
        self._tree: Tree = {}
        self._sequence = 0
        self._tick = 0
        self._generation: int | None = None
        self._was_down: Tree | None = None
        self._wake = asyncio.Event()

    def subscribe(self) -> Subscriber:
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        self._wake.set()
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    def tree_message(self) -> bytes:
        """The whole tree, numbered like the last patch."""
        message = {
            "t": "tree",
            "seq": self._sequence,
            "now": self._engine.now_ns // 10**6,
            "curve": {"fine": list(self._curve.fine), "coarse": list(self._curve.coarse)},
            "tree": self._tree,
        }
        return orjson.dumps(message)

    async def run(self) -> None:
        """Sample for ever. A tick that fails is logged and the next one tries again: no frozen page."""
        next_at = self._monotonic()
        while True:
            try:
                self.tick()
            except Exception:
                log.exception("live tick failed")
            if self._subscribers:
                next_at = max(next_at + PERIOD_S, self._monotonic() - PERIOD_S)
                await asyncio.sleep(max(0.0, next_at - self._monotonic()))
            else:
                self._wake.clear()
                try:
                    async with asyncio.timeout(IDLE_PERIOD_S):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                next_at = self._monotonic()

    def tick(self) -> None:
        """One sample: read, build, send what changed."""
        self._tick += 1
        tree = dict(self._tree)
        added: list[list[float]] = []
        try:
            snapshot = self._engine.refresh()
            restarted = snapshot.identity.generation != self._generation
            self._window.note(snapshot.identity.generation, self._monotonic(), snapshot.counters, snapshot.refused)
            self._fast(tree, snapshot)
            if restarted or self._tick % SLOW_EVERY == 0:
                self._slow(tree, snapshot)
            if restarted or self._tick % TABLE_EVERY == 0:
                self._rows(tree, snapshot.identity.generation)
            if restarted or self._tick % CURVE_EVERY == 0:
                added = self._charts(tree)
            self._note_recovery(tree, snapshot)
            self._generation = snapshot.identity.generation
        except BridgeError:
            # Values stay as they were; the link says why they no longer move.
            pass
        tree["link"] = view.link_view(self._engine.link)
        if tree["link"]["word"] != "OK":
            self._was_down = dict(tree["link"])
        self._send(tree, added)

    def _send(self, tree: Tree, added: list[list[float]]) -> None:
        message: Tree = {"t": "patch", "seq": self._sequence + 1, "now": self._engine.now_ns // 10**6}
        message["p"] = patch_between(self._tree, tree)
        if added:
            message["curve"] = added
        self._tree = tree
        self._sequence += 1
        if not self._subscribers:
            return
        encoded = orjson.dumps(message)
        for subscriber in self._subscribers:
            subscriber.push(encoded)

    def _fast(self, tree: Tree, snapshot: Snapshot) -> None:
        tree["engine"] = view.engine_view(snapshot)
        tree["beat"] = round(snapshot.status.heartbeat_age_s, 1)
        tree["pnl"] = view.pnl_view(snapshot)
        tree["exposures"] = view.exposures_view(snapshot)
        tree["venues"] = {venue.name: view.venue_view(venue) for venue in snapshot.venues}

    def _slow(self, tree: Tree, snapshot: Snapshot) -> None:
        tree["strategies"] = {strategy.name: view.strategy_view(strategy) for strategy in snapshot.strategies}
        tree["alarms"] = view.alarms_view(snapshot)
        tree["limits"] = view.limits_view(snapshot)
        now = self._monotonic()
        quotes, quotes_shown = self._shown.quotes(snapshot, now)
        balances, balances_shown = self._shown.balances(snapshot, now)
        tree["quotes"], tree["balances"] = view.quotes_view(quotes), view.balances_view(balances)
        tree["shown"] = {"quotes": quotes_shown, "balances": balances_shown}
        tree["latency"] = view.latency_view(snapshot)
        tree["funnel"] = {
            name: view.funnel_view(*self._window.growth(span_s, now, snapshot.counters, snapshot.refused))
            for name, span_s in WINDOWS.items()
        }

    def _rows(self, tree: Tree, generation: int) -> None:
        reader = self._engine.reader()
        fresh = generation != self._generation
        opportunities = sorted(reader.opportunities(READ_ROWS if fresh else 2 * ROWS_MAX), key=lambda item: item.id)
        keyed = [(f"{generation}-{item.id}", item) for item in opportunities]
        self._points.merge((key, view.point_view(item)) for key, item in keyed)
        self._tables["opportunities"].merge((key, view.opportunity_view(item)) for key, item in keyed)
        orders = sorted(reader.orders(ROWS_MAX), key=lambda item: item.id)
        self._tables["orders"].merge((f"{generation}-{item.id}", view.order_view(item)) for item in orders)
        fills = sorted(reader.fills(ROWS_MAX), key=lambda item: item.id)
        self._tables["fills"].merge((f"{generation}-{item.id}", view.fill_view(item)) for item in fills)
        tree["points"] = self._points.as_dict()
        for name, rows in self._tables.items():
            tree[name] = rows.as_dict()

    def _charts(self, tree: Tree) -> list[list[float]]:
        reader = self._engine.reader()
        tree["bars"] = view.histogram_view(*reader.histogram(HISTOGRAM_STAGE))
        return self._curve.extend(reader.pnl_curve(self._curve.last_ns or None))

    def _note_recovery(self, tree: Tree, snapshot: Snapshot) -> None:
        """After an outage, say once when it began, how it ended and what it was."""
        if self._was_down is None:
            return
        tree["recovered"] = {
            "from": self._was_down["since"],
            "to": self._engine.now_ns // 10**6,
            "word": self._was_down["word"],
            "reason": self._was_down["reason"],
            "restarted": self._generation is not None and snapshot.identity.generation != self._generation,
        }
        self._was_down = None
