"""History -> one array of quotes in time order, in the core's integer units.

A bar gives two quotes: its open at `ts`, on which orders may fill and nobody decides, and its close at the end of the
bar less 1 ns. Bars without volume and bars that are not there give none. Prices round against us: bid down, ask up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bridge.core import FILL_ONLY, Records, event_dtype
from dashboard.backtest.desk import Desk, desk_read
from dashboard.backtest.errors import BacktestError, DataMissing
from dashboard.backtest.instruments import Instrument, instrument_of, quotes_check
from dashboard.backtest.types import BacktestRequest, DataUsed

CANDLES = "candles_1m"
QUOTES = "quotes"
KINDS = (CANDLES, QUOTES)
BAR_NS = 60_000_000_000
ROUNDING = 1e-6  # of a unit: what a decimal price is off as a double
UNITS_MAX = 2.0**53

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class CandleRows(Protocol):
    ts_ns: Ints
    open: Floats
    close: Floats
    volume: Floats
    source: str
    sha256: str
    synthetic: bool


class QuoteRows(Protocol):
    ts_ns: Ints
    bid: Floats
    bid_qty: Floats
    ask: Floats
    ask_qty: Floats
    source: str
    sha256: str
    synthetic: bool


class History(Protocol):
    """What of HistoryStore a tape is built from."""

    def candles(self, venue: str, symbol: str, start_ns: int, end_ns: int) -> CandleRows: ...
    def quotes(self, venue: str, symbol: str, start_ns: int, end_ns: int) -> QuoteRows: ...


@dataclass(frozen=True)
class Tape:
    """events: backtest_event[n], ordered by time, then symbol, then venue. The request says what it was built from."""

    events: Records = field(repr=False)
    request: BacktestRequest
    desk: Desk = field(repr=False)
    instruments: tuple[Instrument, ...]
    first_price: tuple[float, ...]  # per symbol: mid of its first quote
    data: tuple[DataUsed, ...]
    synthetic: bool
    capped: int  # bar quotes whose size is the bar's volume, as that is less than bar_size_usd

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True)
class _Part:
    """Quotes of one venue and symbol, still as prices. `flags` as in backtest_event."""

    ts_ns: Ints
    bid: Floats
    ask: Floats
    bid_qty: Floats
    ask_qty: Floats
    flags: npt.NDArray[np.uint32]
    used: DataUsed
    synthetic: bool
    capped: int


def build(request: BacktestRequest, store: History, desk: Desk | None = None) -> Tape:
    """Reads the request's history and merges it. Raises BacktestError; DataMissing where there is none."""
    desk = desk or desk_read()
    quotes_check(request.symbols, desk)
    read = {CANDLES: _candle_part, QUOTES: _quote_part}[request.kind]
    parts = {(s, v): read(request, store, v, s) for s in request.symbols for v in request.exchanges}
    first = tuple(_first_price([parts[s, v] for v in request.exchanges]) for s in request.symbols)
    instruments = tuple(instrument_of(s, price, desk) for s, price in zip(request.symbols, first, strict=True))
    events = [
        _events(parts[instrument.name, venue], instrument, symbol_index, venue_index)
        for symbol_index, instrument in enumerate(instruments)
        for venue_index, venue in enumerate(request.exchanges)
    ]
    merged = np.concatenate(events)
    merged = merged[np.argsort(merged["time_ns"], kind="stable")]
    return Tape(
        np.ascontiguousarray(merged),
        request,
        desk,
        instruments,
        first,
        tuple(part.used for part in parts.values()),
        any(part.synthetic for part in parts.values()),
        sum(part.capped for part in parts.values()),
    )


def _first_price(parts: list[_Part]) -> float:
    firsts = [(int(part.ts_ns[at]), part, at) for part in parts for at in [_first_two_sided(part)]]
    _, part, at = min(firsts, key=lambda found: found[0])
    return float((part.bid[at] + part.ask[at]) / 2)


def _first_two_sided(part: _Part) -> int:
    return int(np.argmax((part.bid > 0) & (part.ask > 0)))


def _command(request: BacktestRequest, venue: str, symbol: str) -> str:
    start, end = (str(np.datetime64(ns, "ns").astype("datetime64[s]")) for ns in (request.start_ns, request.end_ns))
    return f"arbdeck data fetch --venue {venue} --symbol {symbol} --from {start}Z --to {end}Z"


def _missing(request: BacktestRequest, venue: str, symbol: str, why: str) -> DataMissing:
    wanted = f"{venue} {symbol} {request.kind}"
    ask = f"fetch it with: {_command(request, venue, symbol)}"
    if request.kind == QUOTES:
        ask = "only the engine's own recorded quotes can fill it"
    return DataMissing("history", wanted, f"{why}; {ask}")


def _candle_part(request: BacktestRequest, store: History, venue: str, symbol: str) -> _Part:
    rows = store.candles(venue, symbol, request.start_ns, request.end_ns)
    whole = rows.ts_ns + BAR_NS <= request.end_ns
    ts = rows.ts_ns[whole]
    if not len(ts):
        raise _missing(request, venue, symbol, "no bars in the period")
    volume = rows.volume[whole]
    live = volume > 0
    if not live.any():
        raise _missing(request, venue, symbol, "no bar with volume in the period")
    grid = (request.end_ns - request.start_ns) // BAR_NS
    stale = int(len(ts) - live.sum())
    used = DataUsed(
        venue, symbol, CANDLES, int(ts[0]), int(ts[-1]), len(ts), max(int(grid) - len(ts), 0), stale, rows.source,
        rows.sha256,
    )  # fmt: skip
    kept = int(live.sum())
    times, prices, size = np.empty(2 * kept, np.int64), np.empty(2 * kept), np.empty(2 * kept)
    times[0::2], times[1::2] = ts[live], ts[live] + (BAR_NS - 1)
    prices[0::2], prices[1::2] = rows.open[whole][live], rows.close[whole][live]
    shown = np.repeat(volume[live], 2)
    size[:] = np.minimum(request.bar_size_usd / prices, shown)
    flags = np.zeros(2 * kept, np.uint32)
    flags[0::2] = FILL_ONLY
    half = request.half_spread_bps * 1e-4
    capped = int((shown < request.bar_size_usd / prices).sum())
    return _Part(times, prices * (1 - half), prices * (1 + half), size, size, flags, used, rows.synthetic, capped)


def _quote_part(request: BacktestRequest, store: History, venue: str, symbol: str) -> _Part:
    rows = store.quotes(venue, symbol, request.start_ns, request.end_ns)
    if not len(rows.ts_ns):
        raise _missing(request, venue, symbol, "no quotes in the period")
    both = (rows.bid > 0) & (rows.ask > 0)
    if not both.any():
        raise _missing(request, venue, symbol, "no quote with two sides in the period")
    used = DataUsed(
        venue, symbol, QUOTES, int(rows.ts_ns[0]), int(rows.ts_ns[-1]), len(rows.ts_ns), 0, 0, rows.source, rows.sha256
    )
    flags = np.zeros(len(rows.ts_ns), np.uint32)
    return _Part(rows.ts_ns, rows.bid, rows.ask, rows.bid_qty, rows.ask_qty, flags, used, rows.synthetic, 0)


def _events(part: _Part, instrument: Instrument, symbol: int, venue: int) -> Records:
    """In units. What rounds to less than a lot, or cannot be counted, is an absent side."""
    price_unit, qty_unit = 10.0**instrument.price_digits, 10.0**instrument.qty_digits
    for values, unit in ((part.bid, price_unit), (part.ask, price_unit)):
        if not np.isfinite(values).all() or values.max() * unit >= UNITS_MAX:
            raise BacktestError("history", instrument.name, "a price is not finite or needs more than 2^53 units")
    events = np.zeros(len(part.ts_ns), dtype=event_dtype())
    tick, lot = instrument.tick, instrument.lot
    bid = np.floor(part.bid * (price_unit / tick) + ROUNDING).astype(np.int64) * tick
    ask = np.ceil(part.ask * (price_unit / tick) - ROUNDING).astype(np.int64) * tick
    if part.used.kind == CANDLES:
        ask = np.maximum(ask, bid + tick)  # a book of bars is never locked
    events["time_ns"], events["bid_price"], events["ask_price"] = part.ts_ns, bid, ask
    for name, qty in (("bid_qty", part.bid_qty), ("ask_qty", part.ask_qty)):
        lots = np.floor(np.minimum(qty * (qty_unit / lot), UNITS_MAX / lot) + ROUNDING)
        events[name] = np.nan_to_num(lots).astype(np.int64) * lot
    events["symbol"], events["venue"], events["flags"] = symbol, venue, part.flags
    if part.used.kind == CANDLES:  # a bar that traded less than a lot shows nothing
        events = events[(events["bid_qty"] > 0) & (events["bid_price"] > 0)]
    return events
