"""What the history hands out and takes in. Times are Unix epoch nanoseconds, UTC; a candle's is its open."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import field_error

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MINUTE_NS = 60_000_000_000
CANDLES = "candles_1m"
QUOTES = "quotes"
KINDS = (CANDLES, QUOTES)
# Of stored tables; int64 columns first, then float64.
COLUMNS = {
    CANDLES: ("ts_ns", "open", "high", "low", "close", "volume"),
    QUOTES: ("ts_ns", "generation", "seq", "recv_ns", "venue_seq", "bid", "bid_qty", "ask", "ask_qty"),
}
INTEGER_COLUMNS = frozenset({"ts_ns", "generation", "seq", "recv_ns", "venue_seq"})
# Two rows with these equal are the same row.
KEYS = {CANDLES: ("ts_ns",), QUOTES: ("ts_ns", "generation", "seq")}

Table = dict[str, npt.NDArray[Any]]  # column name -> array; all of one length


@dataclass(frozen=True)
class Key:
    """Which data set. Raises HistoryError for names that could not be folders."""

    venue: str
    symbol: str
    kind: str

    def __post_init__(self) -> None:
        if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", self.venue) is None:
            raise field_error("venue", self.venue, "allowed are 1 to 32 of a-z, 0-9, '_' and '-'")
        if re.fullmatch(r"[A-Z0-9][A-Z0-9_-]{0,31}", self.symbol) is None:
            raise field_error("symbol", self.symbol, "allowed are 1 to 32 of A-Z, 0-9, '_' and '-', such as BTCUSDT")
        if self.kind not in KINDS:
            raise field_error("kind", self.kind, f"allowed are {', '.join(KINDS)}")

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol} {self.kind}"


@dataclass(frozen=True)
class Source:
    """Where rows came from. name: for tables, such as "ccxt binance"; query: what was asked, word for word."""

    name: str
    query: str
    fetched_ns: int
    synthetic: bool = False  # invented or simulated: never to be taken for a market

    def same_as(self, other: Source) -> bool:
        return (self.name, self.query, self.synthetic) == (other.name, other.query, other.synthetic)


@dataclass(frozen=True)
class Candles:
    """One-minute candles of one venue and symbol, ascending, each minute at most once. Volume in base units.

    A minute that is not there is silence, not a zero spread; a volume of 0 repeats an old price.
    """

    venue: str
    symbol: str
    ts_ns: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    source: str
    sha256: str  # of these rows: the same rows give the same, wherever they are stored
    synthetic: bool

    def __len__(self) -> int:
        return len(self.ts_ns)


@dataclass(frozen=True)
class Quotes:
    """Best bid and offer of one venue and symbol, in the core's order. A price of 0: no such side."""

    venue: str
    symbol: str
    ts_ns: Ints
    bid: Floats
    bid_qty: Floats
    ask: Floats
    ask_qty: Floats
    recv_ns: Ints  # when the bytes arrived; ts_ns is when the core saw them
    venue_seq: Ints
    source: str
    sha256: str
    synthetic: bool

    def __len__(self) -> int:
        return len(self.ts_ns)


@dataclass(frozen=True)
class Entry:
    """One line of the list of what there is."""

    venue: str
    symbol: str
    kind: str
    first_ns: int
    last_ns: int
    rows: int
    gaps: int  # stretches without rows between first and last
    missing: int  # minutes in these stretches (candles)
    source: str
    synthetic: bool
    shipped: bool  # part of the installation, not of this home


@dataclass(frozen=True)
class WriteReport:
    """What became of rows that were offered. refused: a sentence for each row left out, at most 20 of them."""

    added: int = 0
    replaced: int = 0  # were there with other values; the later ones are kept
    unchanged: int = 0
    refused_count: int = 0
    refused: tuple[str, ...] = field(default=())

    def __add__(self, other: WriteReport) -> WriteReport:
        return WriteReport(
            self.added + other.added,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
            self.refused_count + other.refused_count,
            (self.refused + other.refused)[:REFUSED_NAMED_MAX],
        )


REFUSED_NAMED_MAX = 20


def empty_table(kind: str) -> Table:
    return {name: np.empty(0, np.int64 if name in INTEGER_COLUMNS else np.float64) for name in COLUMNS[kind]}


def concat(kind: str, tables: Sequence[Table]) -> Table:
    if not tables:
        return empty_table(kind)
    return {name: np.concatenate([table[name] for table in tables]) for name in COLUMNS[kind]}


def take(table: Table, chosen: npt.NDArray[Any] | slice) -> Table:
    return {name: column[chosen] for name, column in table.items()}


def content_sha256(kind: str, table: Table) -> str:
    """Of the rows' little-endian bytes, column after column: independent of file format and library version."""
    digest = hashlib.sha256(kind.encode())
    for name in COLUMNS[kind]:
        digest.update(np.ascontiguousarray(table[name], dtype="<i8" if name in INTEGER_COLUMNS else "<f8").data)
    return digest.hexdigest()
