"""One-minute candles: of the displayed mid for the minutes that this process has seen, invented for those before it.

The invented past is a function of venue, symbol and minute, so that every process tells the same one. Volume is
invented for all minutes: the simulated market has quotes but no public trades. Some minutes are without a trade.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from simulator.book import Quote
from simulator.settings import SymbolSettings

MINUTE_MS = 60_000
KEPT = 1000
LISTED_MS = 1_672_531_200_000  # 2023-01-01: before that there is nothing
SILENT_ONE_IN = 97  # minutes
# (part of the mid, period in minutes) of the waves that make up the invented past.
WAVES = ((0.04, 20_160.0), (0.012, 1440.0), (0.004, 181.0), (0.0008, 23.0), (0.0003, 7.0))
WICK = 0.0002
BASIS = 0.0002  # of a venue from the common price


@dataclass(slots=True)
class Candle:
    """volume 0: nobody traded; the prices repeat the last one."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Candles:
    """Args: venue, its name; clock, wall milliseconds."""

    def __init__(self, venue: str, symbols: Iterable[SymbolSettings], clock: Callable[[], int]) -> None:
        self._venue = venue
        self._clock = clock
        self._symbols = {symbol.symbol: symbol for symbol in symbols}
        self._rows: dict[str, deque[Candle]] = {name: deque(maxlen=KEPT) for name in self._symbols}

    def on_quote(self, symbol: str, quote: Quote, _update_id: int) -> None:
        if quote.bid_qty == 0 or quote.ask_qty == 0:
            return
        mid = (quote.bid + quote.ask) / 2
        open_ms = self._clock() // MINUTE_MS * MINUTE_MS
        rows = self._rows[symbol]
        if not rows or rows[-1].open_ms != open_ms:
            rows.append(Candle(open_ms, mid, mid, mid, mid, self._volume(symbol, open_ms // MINUTE_MS)))
            return
        candle = rows[-1]
        candle.high, candle.low, candle.close = max(candle.high, mid), min(candle.low, mid), mid

    def between(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int, silent: bool = True
    ) -> list[Candle]:
        """Oldest first, from `start_ms` to `end_ms` inclusive: the first `limit`, or without a start the last.

        silent: with the minutes in which nobody traded.
        """
        last = min(self._clock() if end_ms is None else end_ms, self._clock()) // MINUTE_MS
        first = max(-(-LISTED_MS // MINUTE_MS), -(-(start_ms or 0) // MINUTE_MS))
        seen = {candle.open_ms: candle for candle in self._rows[symbol]}
        minutes = range(first, last + 1)
        rows: list[Candle] = []
        for minute in minutes if start_ms is not None else reversed(minutes):
            if len(rows) == limit:
                break
            candle = seen.get(minute * MINUTE_MS) or self._invented(symbol, minute)
            if silent or candle.volume:
                rows.append(candle)
        return rows if start_ms is not None else rows[::-1]

    def _invented(self, symbol: str, minute: int) -> Candle:
        settings = self._symbols[symbol]
        if not self._traded(symbol, minute):
            before = minute - 1
            while not self._traded(symbol, before):
                before -= 1
            price = self._price(settings, before + 1)  # the last close
            return Candle(minute * MINUTE_MS, price, price, price, price, Decimal(0))
        opened, closed = self._price(settings, minute), self._price(settings, minute + 1)
        high = max(opened, closed) * (1 + Decimal(self._chance(symbol, minute, "high") * WICK))
        low = min(opened, closed) * (1 - Decimal(self._chance(symbol, minute, "low") * WICK))
        return Candle(
            minute * MINUTE_MS,
            opened,
            high.quantize(settings.tick, ROUND_HALF_UP),
            low.quantize(settings.tick, ROUND_DOWN),
            closed,
            self._volume(symbol, minute),
        )

    def _price(self, settings: SymbolSettings, minute: int) -> Decimal:
        """At the beginning of the minute: the sum of the waves, and the venue's own difference."""
        phase = zlib.crc32(settings.symbol.encode())
        common = sum(part * math.sin(2 * math.pi * (minute + phase % 9973) / period) for part, period in WAVES)
        own = BASIS * (2 * self._chance(settings.symbol, minute, "basis") - 1)
        return (settings.mid * Decimal(1 + common + own)).quantize(settings.tick, ROUND_HALF_UP)

    def _traded(self, symbol: str, minute: int) -> bool:
        return self._chance(symbol, minute, "silent") * SILENT_ONE_IN >= 1

    def _volume(self, symbol: str, minute: int) -> Decimal:
        """Above 0; a few orders of the displayed size."""
        settings = self._symbols[symbol]
        usd = settings.size_usd * (1 + 20 * self._chance(symbol, minute, "volume"))
        return max(Decimal(usd / float(settings.mid)).quantize(settings.lot, ROUND_DOWN), settings.lot)

    def _chance(self, symbol: str, minute: int, what: str) -> float:
        """Of [0, 1), the same at each call."""
        return zlib.crc32(f"{self._venue} {symbol} {minute} {what}".encode()) / 2**32
