"""A person's own file -> the store: understood first and shown, then written.

CSV or Parquet; one market a file, or all of them in a long table with columns venue and symbol.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from .errors import HistoryError, field_error
from .records import CANDLES, MINUTE_NS, QUOTES, Ints, Key, Source, WriteReport
from .rows import checked, table_of
from .store import HistoryStore
from .times import times_of
from .wording import utc_text

ROWS_SHOWN = 3
REFUSED_FRACTION_MAX = 0.01  # more of them: the columns were not understood
CLOSE_EARLY_NS_MAX = 1_000_000_000  # some venues stamp a bar's close as its last millisecond
# What a column may be called; the first that a file has is taken.
ALIASES = {
    "time": (
        *("time", "ts", "ts_ns", "timestamp", "datetime", "date", "open_time", "opentime", "start"),
        *("close_time", "closetime", "end"),
    ),
    "venue": ("venue", "exchange"),
    "symbol": ("symbol", "market", "pair", "ticker"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "base_volume", "volume_base"),
    "bid": ("bid", "bid_price"),
    "bid_qty": ("bid_qty", "bid_size", "bid_quantity"),
    "ask": ("ask", "ask_price"),
    "ask_qty": ("ask_qty", "ask_size", "ask_quantity"),
}
VALUES = {CANDLES: ("open", "high", "low", "close", "volume"), QUOTES: ("bid", "bid_qty", "ask", "ask_qty")}
STAMPS = ("open", "close")
# Files of the venue's bulk archive have no header.
BINANCE_KLINES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades"),
    *("taker_base", "taker_quote", "ignore"),
)


@dataclass(frozen=True)
class ImportOptions:
    """How to read a file; None: as its columns say.

    columns: our name -> the file's, for those that are called otherwise. stamp: of a bar, what its time is: "open" or
    "close"; of a quote, "open" means that it is the last one of the minute that begins there. time_unit, time_zone: see
    times_of. synthetic: invented or simulated data.
    """

    venue: str | None = None
    symbol: str | None = None
    kind: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    stamp: str | None = None
    time_unit: str = "auto"
    time_zone: str = "UTC"
    synthetic: bool = False


@dataclass(frozen=True)
class ImportSet:
    key: Key
    columns: Mapping[str, Any]

    def rows_text(self) -> list[str]:
        """The first rows as understood."""
        at = self.columns["ts_ns"]
        return [
            f"{utc_text(int(at[row]))}  "
            + "  ".join(f"{name} {self.columns[name][row]:.10g}" for name in VALUES[self.key.kind])
            for row in range(min(ROWS_SHOWN, len(at)))
        ]


@dataclass(frozen=True)
class ImportPlan:
    """What a file was understood to say. facts: sentences on columns and times; duplicates: rows with a time twice."""

    path: Path
    query: str
    sets: tuple[ImportSet, ...]
    facts: tuple[str, ...]
    synthetic: bool


def plan_import(path: Path, options: ImportOptions) -> ImportPlan:
    """Reads the file whole and checks it; nothing is written. Raises HistoryError naming column, value and allowed."""
    table, facts = _read(path, options)
    names = _columns(path, table.column_names, options)
    kind = _kind(path, names, options)
    stamp = _stamp(names["time"], kind, options)
    times = times_of(table[names["time"]], names["time"], options.time_unit, options.time_zone)
    at = _opens(times.ns, names["time"], stamp) if kind == CANDLES else _last_of_minute(times.ns, stamp)
    values = {name: _numbers(table[names[name]], names[name]) for name in VALUES[kind]}
    meaning = {
        (CANDLES, "open"): "the bar's open",
        (CANDLES, "close"): "the bar's close, so it opens a minute before",
        (QUOTES, "open"): "the begin of a minute, of which this is the last quote",
        (QUOTES, None): "the quote's time",
    }[(kind, stamp)]
    facts += [
        f"{kind}: " + ", ".join(f"{name} from {names[name]}" for name in ("time", *VALUES[kind])),
        f"{names['time']}: {times.meaning}; it is {meaning}",
    ]
    sets = []
    for venue, symbol, chosen in _markets(path, table, names, options):
        found = ImportSet(Key(venue, symbol, kind), {"ts_ns": at[chosen]} | {n: v[chosen] for n, v in values.items()})
        _check(found)
        sets.append(found)
    if not sets:
        raise HistoryError(f"{path} has no rows" + (" of this venue and symbol" if table.num_rows else ""))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ImportPlan(path, f"{path.name}, SHA-256 {digest}", tuple(sets), tuple(facts), options.synthetic)


def run_import(
    store: HistoryStore, plan: ImportPlan, told: Callable[[Key], object] = lambda key: None
) -> dict[Key, WriteReport]:
    """Writes what was planned, one data set after the other, each all at once."""
    source = Source(f"file {plan.path.name}", plan.query, time.time_ns(), plan.synthetic)
    reports: dict[Key, WriteReport] = {}
    for found in plan.sets:
        write = store.write_candles if found.key.kind == CANDLES else store.write_quotes
        reports[found.key] = write(found.key.venue, found.key.symbol, found.columns, source)
        told(found.key)
    return reports


def _read(path: Path, options: ImportOptions) -> tuple[pa.Table, list[str]]:
    if not path.is_file():
        raise HistoryError(f"{path}: there is no such file")
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path), []
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = next(csv.reader(file), [])
        headless = bool(first) and all(_is_number(text) for text in first)
        names = None
        if headless:
            names = BINANCE_KLINES if len(first) == len(BINANCE_KLINES) else [f"c{i}" for i in range(len(first))]
        known = list(names or first)
        texts = {name: pa.string() for name in known if name.lower() in (*ALIASES["time"], *ALIASES["venue"])}
        texts |= {name: pa.string() for name in (options.columns.get("time"), options.columns.get("symbol")) if name}
        texts |= {name: pa.string() for name in known if name.lower() in ALIASES["symbol"]}
        table = pv.read_csv(
            path,
            read_options=pv.ReadOptions(column_names=names),
            convert_options=pv.ConvertOptions(column_types=texts),
        )
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise HistoryError(
            f"{path} cannot be read as {'Parquet' if path.suffix == '.parquet' else 'CSV'}: {error}"
        ) from error
    return table, [f"no header: columns taken as {', '.join(known)}"] if headless else []


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _columns(path: Path, found: list[str], options: ImportOptions) -> dict[str, str]:
    """Our name -> the file's, of those that it has."""
    for ours, theirs in options.columns.items():
        if ours not in ALIASES:
            raise field_error("column", ours, f"allowed are {', '.join(ALIASES)}")
        if theirs not in found:
            raise field_error(f"column {ours}", theirs, f"{path} has {', '.join(found)}")
    lower = {name.lower(): name for name in found}
    names = {
        ours: next(lower[alias] for alias in aliases if alias in lower)
        for ours, aliases in ALIASES.items()
        if any(alias in lower for alias in aliases)
    } | dict(options.columns)
    if "time" not in names:
        raise HistoryError(
            f"{path}: no column is known as the time; name it with --time-column (has {', '.join(found)})"
        )
    return names


def _kind(path: Path, names: Mapping[str, str], options: ImportOptions) -> str:
    if options.kind is not None and options.kind not in VALUES:
        raise field_error("kind", options.kind, f"allowed are {', '.join(VALUES)}")
    kinds = VALUES if options.kind is None else {options.kind: VALUES[options.kind]}
    for kind, wanted in kinds.items():
        if all(name in names for name in wanted):
            return kind
    closest = max(kinds.values(), key=lambda wanted: sum(name in names for name in wanted))
    lacking = ", ".join(name for name in closest if name not in names)
    raise HistoryError(f"{path}: no column is known as {lacking}; name it, as in --column {closest[0]}=NAME")


def _stamp(column: str, kind: str, options: ImportOptions) -> str | None:
    if options.stamp is not None and options.stamp not in STAMPS:
        raise field_error("stamp", options.stamp, f"allowed are {', '.join(STAMPS)}")
    if kind == QUOTES:
        return "open" if options.stamp == "open" else None
    by_name = "close" if column.lower() in ("close_time", "closetime", "end") else "open"
    return options.stamp or by_name


def _opens(at: Ints, column: str, stamp: str | None) -> Ints:
    if stamp == "open":
        if len(at) and (at % MINUTE_NS >= MINUTE_NS - CLOSE_EARLY_NS_MAX).all():
            raise HistoryError(
                f"column {column}, first row {utc_text(int(at[0]))}: all times are the ends of minutes; if they are "
                "the bars' close, say --stamp close"
            )
        return at
    early = (MINUTE_NS - at % MINUTE_NS) % MINUTE_NS
    if len(at) and (early > CLOSE_EARLY_NS_MAX).any():
        row = int(np.flatnonzero(early > CLOSE_EARLY_NS_MAX)[0])
        raise HistoryError(f"column {column}: row {row + 1} ({utc_text(int(at[row]))}) is not the close of a minute")
    return (at - 1) // MINUTE_NS * MINUTE_NS


def _last_of_minute(at: Ints, stamp: str | None) -> Ints:
    return at if stamp is None else at + (MINUTE_NS - 1)


def _numbers(column: pa.ChunkedArray, name: str) -> Any:
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException as error:
        raise HistoryError(f"column {name} is {column.type}: must be numbers ({error})") from error


def _markets(
    path: Path, table: pa.Table, names: Mapping[str, str], options: ImportOptions
) -> Iterator[tuple[str, str, Any]]:
    """(venue, symbol, indices of its rows). An option picks rows where the file has the column, else it names them."""
    labels: dict[str, Any] = {}
    for ours, given in (("venue", options.venue), ("symbol", options.symbol)):
        if ours in names:
            labels[ours] = pc.cast(table[names[ours]], pa.string()).to_numpy(zero_copy_only=False)
            there = sorted(set(labels[ours].tolist()), key=str)
            if given is not None and given not in there:
                raise field_error(ours, given, f"{path} has {', '.join(map(str, there))}")
        elif given is None:
            raise HistoryError(f"{path} has no column {ours}: say --{ours} NAME")
        else:
            labels[ours] = np.full(table.num_rows, given, dtype=object)
    pairs = sorted(set(zip(labels["venue"].tolist(), labels["symbol"].tolist(), strict=True)), key=str)
    for venue, symbol in pairs:
        if options.venue in (None, venue) and options.symbol in (None, symbol):
            yield str(venue), str(symbol), np.flatnonzero((labels["venue"] == venue) & (labels["symbol"] == symbol))


def _check(found: ImportSet) -> None:
    """Raises HistoryError when so many rows cannot be true that the file must have been misunderstood."""
    steps = np.diff(np.unique(found.columns["ts_ns"]))
    if found.key.kind == CANDLES and len(steps) > 1 and steps.min() > MINUTE_NS:
        raise HistoryError(f"{found.key}: bars of {steps.min() / MINUTE_NS:g} minutes; allowed are bars of one minute")
    if found.key.kind == QUOTES:
        zeros = np.zeros(len(found.columns["ts_ns"]), dtype=np.int64)
        columns = {"generation": zeros, "seq": zeros, "venue_seq": zeros, "recv_ns": zeros, **found.columns}
    else:
        columns = dict(found.columns)
    report = checked(found.key.kind, table_of(found.key.kind, columns))[1]
    count = len(found.columns["ts_ns"])
    if report.refused_count > count * REFUSED_FRACTION_MAX:
        raise HistoryError(
            f"{found.key}: {report.refused_count} of {count} rows cannot be true, the first: {report.refused[0]}; "
            "check columns, time and --stamp"
        )
