"""Journal records -> rows, exactly once: the rows and the cursor change in one transaction.

The transaction begins by moving the cursor from where this recorder thinks it is. When it is not there (another
recorder ran, or the database was restored from a copy) nothing is written and CursorMoved says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from bridge.journal_file import Records
from bridge.layout import Layout, abi_labels, label_of
from dashboard.db import journal_rows
from dashboard.db import journal_tables as tables
from dashboard.db.base import now_ns
from dashboard.db.bulk import Columns, upsert
from dashboard.db.database import Database
from dashboard.db.journal_names import Names
from dashboard.db.journal_orders import OrderBook, unknown_records
from dashboard.db.journal_rows import Origin, TypedRecords
from dashboard.db.paging import columns_of

NEVER = 2**63 - 1
_RECORD = ("generation", "seq")

# One row a record: type, table, mapping.
_EVENTS = (
    ("REFUSAL", tables.RefusalRow, journal_rows.refusals),
    ("FILL", tables.FillRow, journal_rows.fills),
    ("BALANCE", tables.BalanceRow, journal_rows.balances),
    ("MARK", tables.PnlSampleRow, journal_rows.pnl_samples),
    ("EXPOSURE", tables.ExposureRow, journal_rows.exposures),
    ("STATE", tables.StateRow, journal_rows.states),
    ("CONFIG", tables.ConfigVersionRow, journal_rows.config_versions),
    ("COMMAND", tables.CommandRow, journal_rows.commands),
    ("ALARM", tables.AlarmRow, journal_rows.alarms),
)
_REPEATED = ("BALANCE", "EXPOSURE", "STATE")


class CursorMoved(Exception):
    """The database's cursor is not where this recorder left it."""


class JournalReplaced(Exception):
    """The journal is not the one that was recorded under this instance's name."""


@dataclass(frozen=True)
class Cursor:
    """The last record that is in the database, and how many were read so far."""

    generation: int
    seq: int
    wall_ns: int
    records: int


class Recording:
    """One instance's place in the database. Not thread-safe."""

    def __init__(self, db: Database, instance: str) -> None:
        self._db = db
        self.instance = instance
        self.cursor: Cursor | None = None
        self._run: tables.GenerationRow | None = None  # that of the cursor
        self._names = Names()

    def load(self) -> None:
        """Reads the cursor and what belongs to it."""
        with self._db.session() as session:
            row = session.get(tables.RecorderCursorRow, self.instance)
            self.cursor = None if row is None else Cursor(row.generation, row.seq, row.wall_ns, row.records)
            self._run = None if row is None else session.get(tables.GenerationRow, (self.instance, row.generation))
        self._names = Names() if self._run is None else Names.from_json(self._run.tables)

    @property
    def wall_offset_ns(self) -> int | None:
        """Of the generation that the cursor is in."""
        return None if self._run is None else self._run.wall_offset_ns

    def record(self, records: Records, layout: Layout, generation: int, wall_offset_ns: int) -> None:
        """Writes the records, which must follow the cursor. Raises CursorMoved or JournalReplaced."""
        names = Names.from_json(self._names.to_json()) if self._in_run(generation) else Names()
        named = names.read(records, layout)
        with self._db.writing() as session:
            run = session.get(tables.GenerationRow, (self.instance, generation))
            if run is not None and run.wall_offset_ns != wall_offset_ns:
                raise JournalReplaced(replaced_text(self.instance, generation))
            cursor = self._move(session.connection(), records, generation, wall_offset_ns)
            if run is None:
                run = _started(records, layout, self.instance, generation, wall_offset_ns)
                session.add(run)
            if named or run.tables is None:
                run.tables = names.to_json()
            origin = Origin(self.instance, run.mode, generation, wall_offset_ns, layout, names)
            _note_life(run, origin, records)
            session.flush()
            _write(session.connection(), origin, records, run.snapshot_end_seq or NEVER)
        self.cursor, self._run, self._names = cursor, run, names

    def note_damage(self, generation: int, text: str) -> None:
        """Why the rest of a generation cannot be read."""
        run = tables.GenerationRow
        with self._db.writing() as session:
            session.execute(
                sa.update(run).where(run.instance == self.instance, run.generation == generation).values(damage=text)
            )

    def _in_run(self, generation: int) -> bool:
        return self._run is not None and self._run.generation == generation

    def _move(self, connection: sa.Connection, records: Records, generation: int, wall_offset_ns: int) -> Cursor:
        before, row = self.cursor, tables.RecorderCursorRow
        cursor = Cursor(
            generation,
            int(records["seq"][-1]),
            int(records["time_ns"][-1]) + wall_offset_ns,
            len(records) + (0 if before is None else before.records),
        )
        values = {**cursor.__dict__, "written_ns": now_ns()}
        if before is None:
            there = connection.scalar(sa.select(row.seq).where(row.instance == self.instance))
            if there is not None:
                raise CursorMoved(f"another recorder of {self.instance} has begun")
            connection.execute(sa.insert(row).values(instance=self.instance, **values))
            return cursor
        moved = connection.execute(
            sa.update(row)
            .where(row.instance == self.instance, row.generation == before.generation, row.seq == before.seq)
            .values(**values)
        )
        if moved.rowcount != 1:
            raise CursorMoved(f"{self.instance} is no longer recorded up to {before.generation}:{before.seq}")
        return cursor


def replaced_text(instance: str, generation: int) -> str:
    return (
        f"the journal of {instance} has another generation {generation} than the one recorded: it was begun anew. "
        "Give the engine another instance name, or name another database in DATABASE_URL; until then nothing is "
        "recorded."
    )


def _started(
    records: Records, layout: Layout, instance: str, generation: int, wall_offset_ns: int
) -> tables.GenerationRow:
    """The row of a generation from its first record; of one whose beginning is lost, what is known."""
    starts = TypedRecords.of(Origin(instance, "", generation, wall_offset_ns, layout, Names()), records, "START")
    row = tables.GenerationRow(
        instance=instance,
        generation=generation,
        wall_offset_ns=wall_offset_ns,
        started_ns=int(records["time_ns"][0]) + wall_offset_ns,
        mode="?",
        version="?",
        pid=0,
        config_hash="",
        engine_config_hash="",
    )
    if len(starts):
        row.mode = label_of(abi_labels("abi_mode", "ABI_MODE_"), starts.ints("mode")[0])
        row.version, row.pid = starts.texts("version")[0], starts.ints("pid")[0]
        row.previous_generation = starts.some("previous_generation")[0]
        row.started_ns = int(starts.wall_ns[0])
        row.config_hash, row.engine_config_hash = (
            starts.hexes("config_hash")[0],
            starts.hexes("engine_config_hash")[0],
        )
    return row


def _note_life(run: tables.GenerationRow, origin: Origin, records: Records) -> None:
    """The end of the snapshot and of the generation, when they are among the records."""
    ends = records["seq"][records["type"] == origin.layout.enums["journal_type"]["JOURNAL_SNAPSHOT_END"]]
    if len(ends):
        run.snapshot_end_seq = int(ends[0])
    stops = TypedRecords.of(origin, records, "STOP")
    if len(stops):
        run.stopped_ns = int(stops.wall_ns[-1])
        run.stop_clean = stops.ints("clean")[-1] == 1
        run.stop_reason = stops.texts("reason")[-1]


def _write(connection: sa.Connection, origin: Origin, records: Records, snapshot_end: int) -> None:
    for type_name, model, columns_of_rows in _EVENTS:
        rows = TypedRecords.of(origin, records, type_name)
        if type_name in _REPEATED:
            rows = rows.take(_not_repeated(rows, type_name, snapshot_end))
        if len(rows):
            upsert(connection, model, columns_of_rows(rows))
    intents = TypedRecords.of(origin, records, "INTENT")
    if len(intents):
        columns = _one_each(journal_rows.pairs(intents), "pair_id", first=True)
        upsert(connection, tables.PairRow, columns, order=_RECORD, newest=False)
    episodes = TypedRecords.of(origin, records, "EPISODE")
    if len(episodes):
        columns = _one_each(journal_rows.opportunities(episodes), "opportunity_id", first=False)
        upsert(connection, tables.OpportunityRow, columns, order=("seq",))
    _write_orders(connection, origin, records, snapshot_end)


def _not_repeated(rows: TypedRecords, type_name: str, snapshot_end: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """What a snapshot says again is no event. GATEWAY states come with every order and say nothing to people."""
    kept: np.ndarray[Any, np.dtype[np.bool_]] = rows.seq > snapshot_end
    if type_name == "BALANCE":
        snapshot = rows.origin.layout.enums["journal_balance_reason"]["JOURNAL_BALANCE_SNAPSHOT"]
        kept = rows.payload["reason"] != snapshot
    if type_name == "STATE":
        kept &= rows.payload["what"] != rows.origin.layout.enums["journal_state_what"]["JOURNAL_STATE_GATEWAY"]
    return kept


def _one_each(columns: Columns, key: str, *, first: bool) -> Columns:
    """Of rows with the same key in the batch, the first or the last."""
    place: dict[Any, int] = {}
    for index, value in enumerate(columns[key]):
        if not first or value not in place:
            place[value] = index
    if len(place) == len(columns[key]):
        return columns
    return {name: [values[index] for index in place.values()] for name, values in columns.items()}


def _write_orders(connection: sa.Connection, origin: Origin, records: Records, snapshot_end: int) -> None:
    orders, reports, fills = (TypedRecords.of(origin, records, name) for name in ("ORDER", "REPORT", "FILL"))
    unknown = unknown_records(TypedRecords.of(origin, records, "ALARM"))
    pair_ids = {*orders.ints("pair_id"), *reports.ints("pair_id"), *fills.ints("pair_id")} | {
        record["pair_id"] for record in unknown
    }
    if not pair_ids:
        return
    row = tables.OrderRow
    known = connection.execute(
        sa.select(*columns_of(row)).where(row.instance == origin.instance, row.pair_id.in_(pair_ids))
    ).mappings()
    book = OrderBook([dict(found) for found in known])
    book.apply(orders, reports, fills, unknown, snapshot_end)
    upsert(connection, row, book.columns())
