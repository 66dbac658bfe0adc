"""The engine's recorded quotes (record_quotes in engine.json): from its journal into the store, resumable.

Killed at any point and called again, no quote is lost or doubled: a quote is known by generation and sequence number,
and the position is written after the quotes before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge import JournalReader
from bridge.journal_file import Records
from bridge.layout import Layout, header_path, label_of

from .errors import HistoryError
from .files import write_whole, writer_lock
from .ranges import Range
from .records import QUOTES, Source, Table, WriteReport, take
from .store import HistoryStore

FLUSH_QUOTES = 200_000
POSITIONS_NAME = "positions.json"
MODE_SIM = "SIM"


@dataclass(frozen=True)
class Tables:
    """What the head of a generation says. symbols: index -> (name, price digits, quantity digits)."""

    generation: int
    instance: str
    mode: str
    venues: Mapping[int, str]
    symbols: Mapping[int, tuple[str, int, int]]

    @property
    def place(self) -> str:
        return f"{self.instance}/{self.generation}"

    @property
    def source_name(self) -> str:
        return f"engine {self.instance} ({self.mode})"


@dataclass(frozen=True)
class RecordReport:
    """next_seq: where the next call goes on; sets: (venue, symbol) -> what was written; damage: why the journal cannot
    be read beyond next_seq although it goes on (its last record may be half-written at that moment), else "".
    """

    generation: int
    next_seq: int
    quotes: int
    sets: Mapping[tuple[str, str], WriteReport]
    damage: str = ""


def record_quotes(
    store: HistoryStore,
    directory: Path,
    generation: int | None = None,
    told: Callable[[int], object] = lambda quotes: None,
    flush_quotes: int = FLUSH_QUOTES,
) -> RecordReport:
    """Copies the quotes of one generation that were not copied yet, up to what is on disk now.

    Args:
        directory: where the journal's files are.
        generation: None: the newest.
        told: called with the number of quotes written so far, after each write.
        flush_quotes: how many are held in memory at most, give or take a batch of the journal's.

    Raises HistoryError for a generation without head; JournalError from the bridge.
    """
    tables = _tables(JournalReader(directory, generation))
    next_seq, until_ns = _positions(store).get(tables.place, (1, 0))
    reader = JournalReader(directory, tables.generation, next_seq)
    total = 0
    sets: dict[tuple[str, str], WriteReport] = {}
    held: list[Table] = []
    count = 0
    while True:
        records = reader.batch()
        if len(records):
            held.append(_quotes(reader, records))
            count += len(held[-1]["ts_ns"])
            last_ns = int(records["time_ns"][-1]) + reader.wall_offset_ns
        if held and (count >= flush_quotes or not len(records)):
            rows = {name: np.concatenate([table[name] for table in held]) for name in held[0]}
            covered = (until_ns or (int(rows["ts_ns"][0]) if count else last_ns), last_ns + 1)
            for pair, report in _write(store, tables, rows, covered).items():
                sets[pair] = sets.get(pair, WriteReport()) + report
            until_ns = last_ns + 1 if count or until_ns else 0
            _keep_position(store, tables.place, reader.next_seq, until_ns)
            total, held, count = total + count, [], 0
            told(total)
        if not len(records):
            damage = "" if reader.damage is None else f"{reader.damage.path}: {reader.damage.reason}"
            return RecordReport(tables.generation, reader.next_seq, total, sets, damage)


def _tables(reader: JournalReader) -> Tables:
    start: Mapping[str, Any] | None = None
    venues: dict[int, str] = {}
    symbols: dict[int, tuple[str, int, int]] = {}
    for record in reader:
        payload = record.payload
        if record.type == "START":
            start = payload
        elif record.type == "VENUE":
            venues[payload["index"]] = payload["name"]
        elif record.type == "SYMBOL":
            symbols[payload["index"]] = (payload["name"], payload["price_digits"], payload["qty_digits"])
        elif record.type == "SNAPSHOT_END" and start is not None:
            modes = Layout(header_path("abi.h").read_text(encoding="utf-8")).labels("abi_mode", "ABI_MODE_")
            mode = label_of(modes, start["mode"])
            return Tables(reader.generation, start["instance"], mode, venues, symbols)
    damage = f" ({reader.damage.reason})" if reader.damage is not None else ""
    raise HistoryError(f"{reader.directory}: the head of generation {reader.generation} is not complete{damage}")


def _quotes(reader: JournalReader, records: Records) -> Table:
    """The quotes among records, in the journal's integers; ts_ns and recv_ns as Unix epoch."""
    code = reader.layout.enums["journal_type"]["JOURNAL_QUOTE"]
    chosen = records[records["type"] == code]
    payload = reader.payloads(records, "QUOTE")
    names = ("bid_price", "bid_qty", "ask_price", "ask_qty", "symbol", "venue")
    return {
        "ts_ns": chosen["time_ns"].astype(np.int64) + reader.wall_offset_ns,
        "recv_ns": payload["recv_ns"].astype(np.int64) + reader.wall_offset_ns,
        "seq": chosen["seq"].astype(np.int64),
        "venue_seq": payload["venue_seq"].astype(np.int64),
        **{name: payload[name] for name in names},
    }


def _write(store: HistoryStore, tables: Tables, rows: Table, covered: Range) -> dict[tuple[str, str], WriteReport]:
    """Writes each venue's and symbol's rows."""
    reports: dict[tuple[str, str], WriteReport] = {}
    source = Source(
        tables.source_name,
        f"journal of {tables.instance}, generation {tables.generation}",
        store.now_ns(),
        synthetic=tables.mode == MODE_SIM,
    )
    for venue, venue_name in tables.venues.items():
        for symbol, (symbol_name, price_digits, qty_digits) in tables.symbols.items():
            found = take(rows, (rows["venue"] == venue) & (rows["symbol"] == symbol))
            if not len(found["ts_ns"]):
                continue
            columns = {
                **{name: found[name] for name in ("ts_ns", "recv_ns", "seq", "venue_seq")},
                "generation": np.full(len(found["ts_ns"]), tables.generation, dtype=np.int64),
                "bid": found["bid_price"] / 10.0**price_digits,
                "bid_qty": found["bid_qty"] / 10.0**qty_digits,
                "ask": found["ask_price"] / 10.0**price_digits,
                "ask_qty": found["ask_qty"] / 10.0**qty_digits,
            }
            reports[venue_name, symbol_name] = store.write_quotes(venue_name, symbol_name, columns, source, covered)
    return reports


def _positions(store: HistoryStore) -> dict[str, tuple[int, int]]:
    """Place -> (next sequence number, end of the time that was copied)."""
    path = store.root / QUOTES / POSITIONS_NAME
    try:
        found = json.loads(path.read_bytes())
        return {place: (int(seq), int(until)) for place, (seq, until) in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise HistoryError(f"{path} cannot be read: {error}; remove it to copy all journals again") from error


def _keep_position(store: HistoryStore, place: str, next_seq: int, until_ns: int) -> None:
    folder = store.root / QUOTES
    with writer_lock(folder):
        positions = _positions(store) | {place: (next_seq, until_ns)}
        write_whole(folder / POSITIONS_NAME, (json.dumps(positions, indent=1) + "\n").encode())
