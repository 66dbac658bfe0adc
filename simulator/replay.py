"""Recorded markets from Parquet: candles, one-minute quote bars, or recorded quotes.

A candle gives two quotes: its open at its time stamp, its close one nanosecond before its end, both around
the mid with the symbol's half-spread and size from the configuration. A quote bar carries the close of the
bar that starts at its stamp, so it appears at the end. A bar without volume gives no quote, and a missing bar
is silence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from simulator.book import Quote
from simulator.errors import ReplayError
from simulator.settings import ReplaySettings, SymbolSettings

CANDLES = ("ts", "venue", "symbol", "open", "high", "low", "close", "volume")
BARS = ("ts", "venue", "symbol", "bid", "ask", "bid_size", "ask_size")
QUOTES = ("ts_ns", "venue", "symbol", "bid", "bid_qty", "ask", "ask_qty")
SHAPES = {"candles": CANDLES, "quote bars": BARS, "quotes": QUOTES}
NS = 1_000_000_000
BPS = 1e-4


@dataclass(frozen=True, slots=True)
class Point:
    at_ns: int
    until_ns: int  # from then on the venue is silent on the symbol, unless the next point came
    venue: str
    symbol: str
    quote: Quote


@dataclass(frozen=True)
class Track:
    """One venue and symbol: times, and bid, bid quantity, ask, ask quantity as float64[n]."""

    venue: str
    symbol: SymbolSettings
    at_ns: NDArray[np.int64]
    until_ns: NDArray[np.int64]
    values: NDArray[np.float64]  # [n, 4]


class Replay:
    def __init__(
        self, path: Path, shape: str, tracks: list[Track], venue_map: dict[str, str], remarks: tuple[str, ...] = ()
    ) -> None:
        self.remarks = remarks
        self.path = path
        self.shape = shape
        self.venue_map = venue_map
        self._tracks = tracks
        at = np.concatenate([track.at_ns for track in tracks])
        which = np.concatenate([np.full(len(t.at_ns), i, dtype=np.int64) for i, t in enumerate(tracks)])
        row = np.concatenate([np.arange(len(t.at_ns), dtype=np.int64) for t in tracks])
        order = np.argsort(at, kind="stable")
        self._at, self._which, self._row = at[order], which[order], row[order]
        self.start_ns = int(self._at[0])
        self.end_ns = int(self._at[-1])
        self.rewind()

    @property
    def count(self) -> int:
        return len(self._at)

    @property
    def finished(self) -> bool:
        return self._next >= self.count

    def rewind(self) -> None:
        self._next = 0
        self.now_ns = self.start_ns

    def due(self) -> Iterator[Point]:
        """The points up to `now_ns`, in the order of time."""
        while self._next < self.count and self._at[self._next] <= self.now_ns:
            track, row = self._tracks[self._which[self._next]], int(self._row[self._next])
            self._next += 1
            quote = to_quote(track.symbol, track.values[row])
            yield Point(
                int(track.at_ns[row]), int(track.until_ns[row]), track.venue, track.symbol.symbol, quote
            )

    def describe(self) -> str:
        venues = ", ".join(f"{source} as {venue}" for source, venue in self.venue_map.items())
        symbols = ", ".join(sorted({track.symbol.symbol for track in self._tracks}))
        return (
            f"{self.path.name}, {self.shape}, {self.count} points "
            f"from {_utc(self.start_ns)} to {_utc(self.end_ns)}; "
            + "; ".join((venues, symbols, *self.remarks))
        )

    def to_json(self) -> dict[str, object]:
        return {
            "file": self.path.name,
            "shape": self.shape,
            "map": self.venue_map,
            "symbols": sorted({track.symbol.symbol for track in self._tracks}),
            "points": self.count,
            "position": self._next,
            "from": _utc(self.start_ns),
            "to": _utc(self.end_ns),
            "now": _utc(self.now_ns),
        }


def open_replay(
    path: Path, symbols: tuple[SymbolSettings, ...], venues: tuple[str, ...], settings: ReplaySettings
) -> Replay:
    """Reads the file whole and checks it; raises ReplayError naming what is wrong and what is allowed."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ReplayError(f"replay file {path}: cannot be read as Parquet ({error}).") from error
    shape = _shape(path, table.column_names)
    for name in ("venue", "symbol"):
        table = table.set_column(table.column_names.index(name), name, pc.cast(table[name], pa.string()))
    known = {symbol.symbol: symbol for symbol in symbols}
    wanted = [
        name for name in pc.unique(table["symbol"]).to_pylist() if settings.symbols.get(name, name) in known
    ]
    if not wanted:
        found = ", ".join(pc.unique(table["symbol"]).to_pylist())
        raise ReplayError(
            f"replay file {path}: column symbol holds {found}; allowed: {', '.join(known)}, "
            f"or names mapped to these, as in MAP={pc.unique(table['symbol'])[0]}={next(iter(known))} "
            '(or "replay": {"symbols": {...}} in simulator.json).'
        )
    table = table.filter(pc.is_in(table["symbol"], value_set=pa.array(wanted)))
    in_file = pc.unique(table["venue"]).to_pylist()
    venue_map = _map_venues(path, in_file, venues, settings.venues)
    tracks: list[Track] = []
    for source, venue in venue_map.items():
        for name in wanted:
            rows = table.filter(pc.and_(pc.equal(table["venue"], source), pc.equal(table["symbol"], name)))
            if rows.num_rows:
                symbol = known[settings.symbols.get(name, name)]
                tracks.append(_track(path, shape, rows, venue, symbol, settings.hold_s))
    tracks = [track for track in tracks if len(track.at_ns)]
    if not tracks:
        raise ReplayError(
            f"replay file {path}: holds no quote that could be played (only bars without volume)."
        )
    left_out = [name for name in in_file if name not in venue_map]
    silent = [name for name in venues if name not in {track.venue for track in tracks}]
    remarks = [f"not played: {', '.join(left_out)}"] if left_out else []
    remarks += [f"without quotes: {', '.join(silent)}"] if silent else []
    return Replay(path, shape, tracks, venue_map, tuple(remarks))


def _shape(path: Path, columns: list[str]) -> str:
    for shape, wanted in SHAPES.items():
        if set(wanted) <= set(columns):
            return shape
    closest = max(SHAPES.values(), key=lambda wanted: len(set(wanted) & set(columns)))
    missing = [name for name in closest if name not in columns]
    allowed = "; ".join(f"{shape}: {', '.join(wanted)}" for shape, wanted in SHAPES.items())
    raise ReplayError(
        f"replay file {path}: column {missing[0]} is missing (columns are {', '.join(columns)}); "
        f"allowed are {allowed}."
    )


def _map_venues(path: Path, found: list[str], venues: tuple[str, ...], given: object) -> dict[str, str]:
    assert isinstance(given, dict)
    for source, venue in given.items():
        if source not in found:
            raise ReplayError(f"replay.map.{source}: not in {path}; allowed: {', '.join(found)}.")
        if venue not in venues:
            raise ReplayError(
                f"replay.map.{source}: {venue!r} is not simulated; allowed: {', '.join(venues)}."
            )
    if len(set(given.values())) != len(given):
        raise ReplayError(
            "replay.map: two venues of the file are mapped to one simulated venue; allowed: one each."
        )
    if given:
        return dict(given)
    same = [name for name in found if name in venues]
    free_sources = [name for name in found if name not in same]
    free_venues = [name for name in venues if name not in same]
    return {name: name for name in same} | dict(zip(free_sources, free_venues, strict=False))


def _track(
    path: Path, shape: str, rows: pa.Table, venue: str, symbol: SymbolSettings, hold_s: float
) -> Track:
    at = _times(path, rows, "ts_ns" if shape == "quotes" else "ts")
    rows = rows.take(pa.array(np.argsort(at, kind="stable")))
    at = np.sort(at, kind="stable")
    if shape == "quotes":
        values = np.stack(
            [_numbers(path, rows, name) for name in ("bid", "bid_qty", "ask", "ask_qty")], axis=1
        )
        return Track(venue, symbol, at, at + int(hold_s * NS), values)
    bar = _bar_ns(at)
    if shape == "quote bars":
        values = np.stack(
            [_numbers(path, rows, name) for name in ("bid", "bid_size", "ask", "ask_size")], axis=1
        )
        return Track(venue, symbol, at + bar - 1, at + 2 * bar - 1, values)
    traded = _numbers(path, rows, "volume") > 0
    at = at[traded]
    mids = np.stack(
        [_numbers(path, rows, "open")[traded], _numbers(path, rows, "close")[traded]], axis=1
    ).ravel()
    half = symbol.half_spread_bps * BPS
    qty = symbol.size_usd / mids
    values = np.stack([mids * (1 - half), qty, mids * (1 + half), qty], axis=1)
    times = np.stack([at, at + bar - 1], axis=1).ravel()
    # The close is replaced by the next bar's open a nanosecond later; without a next bar it ends there.
    return Track(venue, symbol, times, np.repeat(at + bar, 2), values)


def _times(path: Path, rows: pa.Table, name: str) -> NDArray[np.int64]:
    column = rows[name]
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.timestamp("ns", tz=column.type.tz))
        return np.asarray(pc.cast(column, pa.int64()).to_numpy(), dtype=np.int64)
    if not pa.types.is_integer(column.type):
        raise ReplayError(
            f"replay file {path}: column {name} is {column.type}; allowed: timestamp or integer."
        )
    values = np.asarray(column.to_numpy(), dtype=np.int64)
    return values if name == "ts_ns" else values * 1_000_000


def _numbers(path: Path, rows: pa.Table, name: str) -> NDArray[np.float64]:
    try:
        values = np.asarray(pc.cast(rows[name], pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException as error:
        raise ReplayError(
            f"replay file {path}: column {name} is {rows[name].type}; allowed: numbers."
        ) from error
    if not np.isfinite(values).all() or (values < 0).any():
        raise ReplayError(
            f"replay file {path}: column {name} holds a missing or negative value; allowed: 0 or more."
        )
    return values


def _bar_ns(at: NDArray[np.int64]) -> int:
    """The length of a bar: the smallest distance of two; a single bar is taken as a minute."""
    steps = np.diff(at)
    steps = steps[steps > 0]
    return int(steps.min()) if len(steps) else 60 * NS


def to_quote(symbol: SymbolSettings, row: NDArray[np.float64]) -> Quote:
    """To the symbol's tick and lot: bid down, ask up, quantities down."""
    bid, bid_qty, ask, ask_qty = (float(value) for value in row)
    tick, lot = float(symbol.tick), float(symbol.lot)
    return Quote(
        bid=_steps(math.floor(bid / tick + 1e-6), symbol.tick),
        bid_qty=_steps(math.floor(bid_qty / lot + 1e-6) if bid > 0 else 0, symbol.lot),
        ask=_steps(math.ceil(ask / tick - 1e-6), symbol.tick),
        ask_qty=_steps(math.floor(ask_qty / lot + 1e-6) if ask > 0 else 0, symbol.lot),
    )


def _steps(count: int, step: Decimal) -> Decimal:
    return step * count


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns // 1_000_000 / 1000, UTC).isoformat(timespec="milliseconds")
