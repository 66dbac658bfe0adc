"""One-minute candles of the displayed mid, as far as this process has seen them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from simulator.book import Quote

MINUTE_MS = 60_000
KEPT = 1000


@dataclass(slots=True)
class Candle:
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    updates: int = 1


class Candles:
    """Volume is not invented: the simulated market has quotes but no public trades, so it is 0."""

    def __init__(self, symbols: tuple[str, ...], clock: Callable[[], int]) -> None:
        self._clock = clock
        self._rows: dict[str, deque[Candle]] = {symbol: deque(maxlen=KEPT) for symbol in symbols}

    def on_quote(self, symbol: str, quote: Quote, _update_id: int) -> None:
        if quote.bid_qty == 0 or quote.ask_qty == 0:
            return
        mid = (quote.bid + quote.ask) / 2
        open_ms = self._clock() // MINUTE_MS * MINUTE_MS
        rows = self._rows[symbol]
        if not rows or rows[-1].open_ms != open_ms:
            rows.append(Candle(open_ms, mid, mid, mid, mid))
            return
        candle = rows[-1]
        candle.high, candle.low, candle.close = max(candle.high, mid), min(candle.low, mid), mid
        candle.updates += 1

    def between(self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Candle]:
        """Oldest first; the first `limit` from `start_ms`, or without it the last."""
        rows = [
            c
            for c in self._rows[symbol]
            if (start_ms is None or c.open_ms >= start_ms) and (end_ms is None or c.open_ms <= end_ms)
        ]
        return rows[:limit] if start_ms is not None else rows[-limit:]
