"""The store -> one file in the long form that `arbdeck data import` and the venues' REPLAY= read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from .errors import HistoryError, field_error
from .files import UNFINISHED
from .records import CANDLES, KINDS
from .store import HistoryStore

SUFFIXES = (".parquet", ".csv")


def export_history(
    store: HistoryStore, markets: Iterable[tuple[str, str]], kind: str, start_ns: int, end_ns: int, path: Path
) -> int:
    """Writes the rows of all (venue, symbol) in `markets`; returns their number. Raises HistoryError when none."""
    if path.suffix not in SUFFIXES:
        raise field_error("file", str(path), f"must end in {' or '.join(SUFFIXES)}")
    if kind not in KINDS:
        raise field_error("kind", kind, f"allowed are {', '.join(KINDS)}")
    tables = [_table(store, venue, symbol, kind, start_ns, end_ns) for venue, symbol in markets]
    table = pa.concat_tables([found for found in tables if found.num_rows]) if any(t.num_rows for t in tables) else None
    if table is None:
        raise HistoryError(f"there are no {kind} to export; `arbdeck data list` shows what there is")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        if path.suffix == ".csv":
            pv.write_csv(table, unfinished)
        else:
            pq.write_table(table, unfinished, compression="zstd")
        os.replace(unfinished, path)
    except (OSError, pa.ArrowException) as error:
        unfinished.unlink(missing_ok=True)
        raise HistoryError(f"{path} cannot be written: {error}") from error
    return int(table.num_rows)


def _table(store: HistoryStore, venue: str, symbol: str, kind: str, start_ns: int, end_ns: int) -> pa.Table:
    found: Any
    if kind == CANDLES:
        found = store.candles(venue, symbol, start_ns, end_ns)
        columns = {"ts": pa.array(found.ts_ns // 1_000_000).cast(pa.timestamp("ms", tz="UTC"))}
        names: tuple[str, ...] = ("open", "high", "low", "close", "volume")
    else:
        found = store.quotes(venue, symbol, start_ns, end_ns)
        columns = {"ts_ns": pa.array(found.ts_ns)}
        names = ("bid", "bid_qty", "ask", "ask_qty")
    columns |= {
        "venue": pa.array(np.full(len(found), venue, dtype=object), pa.string()),
        "symbol": pa.array(np.full(len(found), symbol, dtype=object), pa.string()),
    }
    return pa.table(columns | {name: pa.array(getattr(found, name)) for name in names})
