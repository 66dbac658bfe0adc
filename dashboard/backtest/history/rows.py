"""Rows as they come -> rows as they are kept: checked, in order, each once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .errors import HistoryError
from .records import (
    CANDLES,
    COLUMNS,
    INTEGER_COLUMNS,
    KEYS,
    MINUTE_NS,
    REFUSED_NAMED_MAX,
    Table,
    WriteReport,
    concat,
    take,
)
from .wording import utc_text

Bools = npt.NDArray[np.bool_]


def table_of(kind: str, columns: Mapping[str, object]) -> Table:
    """Arrays of the right types and one length; raises HistoryError naming the column."""
    table: Table = {}
    for name in COLUMNS[kind]:
        given = np.asarray(columns[name])
        wanted = np.int64 if name in INTEGER_COLUMNS else np.float64
        if given.ndim != 1 or (wanted is np.int64 and len(given) and given.dtype.kind not in "iu"):
            raise HistoryError(f"column {name} is {given.dtype} of {given.shape}: must be {wanted.__name__}[rows]")
        table[name] = given.astype(wanted)
    lengths = {len(column) for column in table.values()}
    if len(lengths) > 1:
        raise HistoryError(f"columns have different lengths {sorted(lengths)}")
    return table


def checked(kind: str, table: Table) -> tuple[Table, WriteReport]:
    """(the rows that can be true, a report naming those that cannot)."""
    rules = _candle_rules(table) if kind == CANDLES else _quote_rules(table)
    bad = np.zeros(len(table["ts_ns"]), dtype=np.bool_)
    sentences: list[tuple[int, str]] = []
    for sentence, wrong in rules:
        sentences.extend((int(row), sentence) for row in np.flatnonzero(wrong & ~bad)[:REFUSED_NAMED_MAX])
        bad |= wrong
    if not bad.any():
        return table, WriteReport()
    named = tuple(
        f"row {row + 1}, {_time_text(int(table['ts_ns'][row]))}: {sentence} ({_values(table, row)})"
        for row, sentence in sorted(sentences)[:REFUSED_NAMED_MAX]
    )
    return take(table, ~bad), WriteReport(refused_count=int(bad.sum()), refused=named)


def _time_text(at_ns: int) -> str:
    return utc_text(at_ns) if at_ns > 0 else f"ts_ns {at_ns}"


def _values(table: Table, row: int) -> str:
    return ", ".join(f"{name} {column[row]:g}" for name, column in table.items() if name not in INTEGER_COLUMNS)


def _candle_rules(table: Table) -> list[tuple[str, Bools]]:
    o, h, low, c, volume = (table[name] for name in ("open", "high", "low", "close", "volume"))
    prices = np.stack([o, h, low, c])
    with np.errstate(invalid="ignore"):
        return [
            ("the time is before 1970", table["ts_ns"] <= 0),
            ("the time is not on the minute", table["ts_ns"] % MINUTE_NS != 0),
            ("a price is missing or not above 0", ~(np.isfinite(prices) & (prices > 0)).all(axis=0)),
            ("high is below open, close or low", h < np.maximum(np.maximum(o, c), low)),
            ("low is above open or close", low > np.minimum(o, c)),
            ("volume is missing or below 0", ~(np.isfinite(volume) & (volume >= 0))),
        ]


def _quote_rules(table: Table) -> list[tuple[str, Bools]]:
    values = np.stack([table[name] for name in ("bid", "bid_qty", "ask", "ask_qty")])
    with np.errstate(invalid="ignore"):
        both = (table["bid"] > 0) & (table["ask"] > 0)
        return [
            ("the time is before 1970", table["ts_ns"] <= 0),
            ("a value is missing or below 0", ~(np.isfinite(values) & (values >= 0)).all(axis=0)),
            ("bid is above ask", both & (table["bid"] > table["ask"])),
        ]


def ordered(kind: str, table: Table) -> Table:
    """In the order of the key; of rows with the same key the last one given."""
    keys = KEYS[kind]
    order = np.lexsort([table[name] for name in reversed(keys)])  # stable: later rows stay later
    table = take(table, order)
    if not len(order):
        return table
    differs = np.zeros(len(order) - 1, dtype=np.bool_)
    for name in keys:
        differs |= np.diff(table[name]) != 0
    return take(table, np.append(differs, True))


def merged(kind: str, kept: Table, new: Table) -> tuple[Table, WriteReport]:
    """Both together, `new` winning, and what that changed. Both ordered."""
    table = ordered(kind, concat(kind, [kept, new]))
    added = len(table["ts_ns"]) - len(kept["ts_ns"])
    same = _count_in(kind, new, kept)
    replaced = len(new["ts_ns"]) - added - same
    return table, WriteReport(added=added, replaced=replaced, unchanged=same)


def _count_in(kind: str, rows: Table, among: Table) -> int:
    """How many of `rows` are in `among` with all their values."""
    if not len(rows["ts_ns"]) or not len(among["ts_ns"]):
        return 0
    both = concat(kind, [among, rows])
    order = np.lexsort([both[name] for name in reversed(KEYS[kind])])
    both = take(both, order)
    equal = np.ones(len(order) - 1, dtype=np.bool_)
    for column in both.values():
        equal &= column[1:] == column[:-1]
    return int(equal.sum())
