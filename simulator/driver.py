"""Plays a market into the venues' books in real time."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from simulator.book import Book
from simulator.market import Market
from simulator.replay import Replay

log = logging.getLogger("simulator")
CATCH_UP_MAX_S = (
    1.0  # a process that was stopped for longer does not send what it missed; market time stood still
)
REPLAY_TICK_S = 0.01


class Driver(Protocol):
    """Runs until cancelled; `to_json` says where the market stands."""

    async def run(self) -> None: ...

    def to_json(self) -> dict[str, object]: ...


class SyntheticDriver:
    def __init__(self, market: Market, books: list[Book], seed: int) -> None:
        self.market = market
        self._books = books
        self._seed = seed

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        rate = self.market.steps_per_s
        start_s, start_step = loop.time(), self.market.step
        while True:
            behind = int((loop.time() - start_s) * rate) - (self.market.step - start_step)
            if behind > CATCH_UP_MAX_S * rate:
                start_s, start_step = loop.time(), self.market.step
                continue
            for _ in range(behind):
                self._step()
            next_s = start_s + (self.market.step - start_step + 1) / rate
            await asyncio.sleep(max(0.0, next_s - loop.time()))

    def _step(self) -> None:
        for update in self.market.advance():
            self._books[update.venue].show(self.market.symbols[update.symbol].symbol, update.quote)

    def to_json(self) -> dict[str, object]:
        return {
            "source": "synthetic",
            "seed": self._seed,
            "step": self.market.step,
            "steps_per_s": self.market.steps_per_s,
            "gap_count": self.market.gap_count,
            "parameters": vars(self.market.settings),
        }


class ReplayDriver:
    """Plays recorded quotes at `speed` times real time; between two of them the present one is sent again."""

    def __init__(
        self, replay: Replay, books: dict[str, Book], speed: float, quotes_per_s: float, loop_at_end: bool
    ) -> None:
        self.replay = replay
        self._books = books
        self._speed = speed
        self.quotes_per_s = quotes_per_s
        self._loop_at_end = loop_at_end
        self.ended = False
        self._live: dict[
            tuple[str, str], tuple[int, float]
        ] = {}  # (venue, symbol) -> (valid until ns, sent s)

    async def run(self) -> None:
        log.info("replay: %s", self.replay.describe())
        while True:
            await self._play()
            if not self._loop_at_end:
                break
            log.info("replay: end of the file, from the start again")
        self.ended = True
        log.info("replay: end of the file; the market holds still")
        while True:
            self._repeat(asyncio.get_running_loop().time())
            await asyncio.sleep(REPLAY_TICK_S)

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        start_s, start_ns = loop.time(), self.replay.start_ns
        self.replay.rewind()
        self._live.clear()
        while not self.replay.finished:
            now_s = loop.time()
            now_ns = start_ns + int((now_s - start_s) * 1e9 * self._speed)
            self.replay.now_ns = min(now_ns, self.replay.end_ns)  # at the end the market holds still
            for point in self.replay.due():
                self._books[point.venue].show(point.symbol, point.quote)
                self._live[point.venue, point.symbol] = (point.until_ns, now_s)
            self._repeat(now_s)
            await asyncio.sleep(REPLAY_TICK_S)

    def _repeat(self, now_s: float) -> None:
        for key, (until_ns, sent_s) in list(self._live.items()):
            venue, symbol = key
            if not self.ended and self.replay.now_ns > until_ns:
                self._books[venue].hide(symbol)
                del self._live[key]
            elif now_s - sent_s >= 1.0 / self.quotes_per_s - REPLAY_TICK_S / 2:
                self._books[venue].repeat(symbol)
                self._live[key] = (until_ns, now_s)

    def to_json(self) -> dict[str, object]:
        return {
            "source": "replay",
            "speed": self._speed,
            "ended": self.ended,
            "loop": self._loop_at_end,
            **self.replay.to_json(),
        }
