"""Protects against lost and doubled rows: a recorder that is killed anywhere, a database that goes away, is taken back
to an older copy or removed, a journal that grows over parts and generations: in the end the database is the journal.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dashboard.db import Database, history
from dashboard.db.recorder_status import recorder_status
from tests.bridge import journal_writer
from tests.bridge.journal_writer import WALL_OFFSET_NS
from tests.db.journal_oracle import assert_equal, whole_tables
from tests.db.postgres import PostgresServer
from tests.db.recorder_process import RecorderProcess
from tests.db.volume import VolumeWriter

KILLS = int(os.environ.get("ARBDECK_RECORDER_KILLS", "12"))
INSTANCE = "volume"


@pytest.fixture
def recorder(arbdeck_home: Path, database_url: str) -> Iterator[RecorderProcess]:
    made = RecorderProcess(arbdeck_home, INSTANCE, database_url)
    yield made
    made.end(signal.SIGKILL)


@pytest.fixture
def writer(recorder: RecorderProcess) -> VolumeWriter:
    return VolumeWriter(recorder.journal)


def assert_orders_are_true(db: Database, writer: VolumeWriter) -> None:
    found: dict[tuple[int, int], dict[str, Any]] = {}
    cursor = None
    while True:
        rows, cursor = history.orders(db, {"instance": INSTANCE}, 5000, cursor)
        for row in rows:
            found[row["pair_id"], row["leg"]] = {
                **{name: row[name] for name in ("state", "filled_units", "fills", "closed", "client_id")},
                "quote": row["quote_e8"] * 10**11 + row["quote_frac_e19"],
                "fee": row["fee_e8"] * 10**11 + row["fee_frac_e19"],
            }
        if cursor is None:
            break
    assert found.keys() == writer.truth.keys()
    wrong = [(key, row, writer.truth[key]) for key, row in found.items() if row != writer.truth[key]]
    assert wrong == []


def assert_whole(db: Database, writer: VolumeWriter) -> None:
    counts = assert_equal(db, INSTANCE, writer.directory)
    assert counts["fills"] >= writer.trades
    assert_orders_are_true(db, writer)


@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * KILLS)
def test_killed_at_random_points_it_neither_loses_nor_doubles_a_row(
    recorder: RecorderProcess, writer: VolumeWriter, database_url: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    db = Database(database_url)
    for turn in range(KILLS):
        writer.records(3000)
        if turn % 5 == 4:
            writer.next_generation()
        elif turn % 5 == 2:
            writer.next_part()
            writer.resolve()
        recorder.start()
        if chance.random() < 0.9:
            wait_for_first_words(recorder)
            time.sleep(chance.uniform(0, 0.2))
        else:
            time.sleep(chance.uniform(0, 1.5))
        recorder.end(signal.SIGKILL)
    writer.resolve()
    writer.flush()
    recorder.start()
    recorder.wait_until_current(db, 120)
    assert recorder.end() == 0
    assert_whole(db, writer)
    assert_same_as_undisturbed(db, recorder, tmp_path)
    db.dispose()


def wait_for_first_words(recorder: RecorderProcess) -> None:
    """Until it has said that it is there, which it does after its first batch."""
    deadline = time.monotonic() + 20
    pid = recorder.pid
    while time.monotonic() < deadline:
        status = recorder_status(recorder.home, INSTANCE)
        if status is not None and status.pid == pid:
            return
        time.sleep(0.002)
    raise AssertionError(recorder.log.read_text())


def assert_same_as_undisturbed(db: Database, recorder: RecorderProcess, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'undisturbed.db'}"
    other = RecorderProcess(recorder.home, INSTANCE, url)
    undisturbed = Database(url)
    undisturbed.migrate()
    other.start()
    try:
        other.wait_until_current(undisturbed, 120)
    finally:
        other.end()
    assert whole_tables(db, INSTANCE) == whole_tables(undisturbed, INSTANCE)
    undisturbed.dispose()


@pytest.mark.slow
def test_two_recorders_of_one_instance_double_nothing(
    recorder: RecorderProcess, writer: VolumeWriter, database_url: str
) -> None:
    db = Database(database_url)
    writer.records(20_000)
    second = RecorderProcess(recorder.home, INSTANCE, database_url)
    recorder.start()
    second.start()
    try:
        for _ in range(10):
            writer.records(500)
            time.sleep(0.1)
        writer.resolve()
        writer.flush()
        recorder.wait_until_current(db)
    finally:
        second.end()
    assert_whole(db, writer)
    db.dispose()


@pytest.mark.slow
def test_a_database_that_was_stopped_gets_everything_once_it_is_back(
    arbdeck_home: Path, postgres: PostgresServer, wait_until: Callable[..., Any]
) -> None:
    postgres.sql("CREATE DATABASE stopped")
    recorder = RecorderProcess(arbdeck_home, INSTANCE, postgres.url("stopped"))
    writer = VolumeWriter(recorder.journal)
    db = Database(recorder.url)
    try:
        recorder.start()
        for _ in range(2):
            writer.records(3000)
            recorder.wait_until_current(db)
            postgres.stop()
            writer.records(3000)
            status = wait_until(lambda: errors(recorder), 15)
            assert status.lag_records > 0
            assert status.lag_s > 0
            assert "Error" in status.last_error
            postgres.start()
            recorder.wait_until_current(db)
            wait_until(lambda: recorder_status(recorder.home, INSTANCE).state == "current", 15)
        writer.resolve()
        writer.flush()
        recorder.wait_until_current(db)
        assert recorder.end() == 0
        assert_whole(db, writer)
        said = recorder.log.read_text().count("trying again until it works")
        assert said <= 6, recorder.log.read_text()
    finally:
        recorder.end(signal.SIGKILL)
        db.dispose()


def errors(recorder: RecorderProcess) -> Any:
    status = recorder_status(recorder.home, INSTANCE)
    return status if status is not None and status.state == "error" else None


def test_a_database_that_was_removed_while_recording_is_written_anew(arbdeck_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "arbdeck.db"
    recorder = RecorderProcess(arbdeck_home, INSTANCE, f"sqlite:///{path}")
    writer = VolumeWriter(recorder.journal)
    writer.records(2000)
    db = Database(recorder.url)
    try:
        recorder.start()
        recorder.wait_until_current(db)
        for name in tmp_path.glob("arbdeck.db*"):
            name.unlink()
        writer.records(1000)
        writer.resolve()
        writer.flush()
        recorder.wait_until_current(db)
        assert_whole(db, writer)
    finally:
        recorder.end(signal.SIGKILL)
        db.dispose()


def test_an_older_copy_of_the_database_is_brought_up_to_date(arbdeck_home: Path, tmp_path: Path) -> None:
    path, copy = tmp_path / "arbdeck.db", tmp_path / "copy.db"
    recorder = RecorderProcess(arbdeck_home, INSTANCE, f"sqlite:///{path}")
    writer = VolumeWriter(recorder.journal)
    for _ in range(2):
        writer.records(3000)
        recorder.start()
        db = Database(recorder.url)
        recorder.wait_until_current(db)
        recorder.end()
        if not copy.exists():
            with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
                source.backup(target)
        db.dispose()
        writer.next_generation()
    for name in tmp_path.glob("arbdeck.db*"):
        name.unlink()
    shutil.copyfile(copy, path)
    writer.resolve()
    writer.flush()
    recorder.start()
    db = Database(recorder.url)
    recorder.wait_until_current(db)
    recorder.end()
    assert_whole(db, writer)
    db.dispose()


def test_records_that_come_again_change_nothing(
    recorder: RecorderProcess, writer: VolumeWriter, database_url: str
) -> None:
    db = Database(database_url)
    writer.records(3000)
    writer.next_generation()
    writer.resolve()
    writer.records(1000)
    writer.resolve()
    writer.flush()
    recorder.start()
    recorder.wait_until_current(db)
    recorder.end()
    before = whole_tables(db, INSTANCE)
    with db.writing() as session:
        session.execute(sa.text("DELETE FROM recorder_cursor"))
    recorder.start()
    recorder.wait_until_current(db)
    recorder.end()
    assert whole_tables(db, INSTANCE) == before
    assert_whole(db, writer)
    db.dispose()


@pytest.mark.parametrize("generations", [1, 2])
def test_a_journal_that_was_begun_anew_is_refused_with_what_to_do(
    arbdeck_home: Path,
    tmp_path: Path,
    wait_until: Callable[..., Any],
    generations: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = RecorderProcess(arbdeck_home, INSTANCE, f"sqlite:///{tmp_path / 'arbdeck.db'}")
    writer = VolumeWriter(recorder.journal)
    writer.records(500)
    for _ in range(generations - 1):
        writer.next_generation()
        writer.flush()
    db = Database(recorder.url)
    recorder.start()
    recorder.wait_until_current(db)
    recorder.end()
    before = whole_tables(db, INSTANCE)
    shutil.rmtree(recorder.journal)
    monkeypatch.setattr(journal_writer, "WALL_OFFSET_NS", WALL_OFFSET_NS + 12345)
    VolumeWriter(recorder.journal).records(500)
    recorder.start()
    try:
        status = wait_until(lambda: errors(recorder), 15)
        assert "begun anew" in status.last_error
        assert "another instance name" in status.last_error
        assert whole_tables(db, INSTANCE) == before
    finally:
        recorder.end()
        db.dispose()


def test_a_damaged_end_of_a_dead_generation_is_passed_and_noted(arbdeck_home: Path, tmp_path: Path) -> None:
    recorder = RecorderProcess(arbdeck_home, INSTANCE, f"sqlite:///{tmp_path / 'arbdeck.db'}")
    writer = VolumeWriter(recorder.journal)
    writer.records(500)
    damaged = writer.path
    writer.next_generation()
    writer.flush()
    data = bytearray(damaged.read_bytes())
    data[-256 * 5 + 100] ^= 1
    damaged.write_bytes(data)
    db = Database(recorder.url)
    recorder.start()
    recorder.wait_until_current(db)
    recorder.end()
    newest, older = history.generations(db, INSTANCE)
    assert (newest["generation"], newest["damage"]) == (2, None)
    assert older["damage"] is not None and "altered" in older["damage"]
    db.dispose()


def test_an_order_that_is_not_answered_in_time_is_unknown_until_the_venue_says(
    recorder: RecorderProcess, writer: VolumeWriter, database_url: str
) -> None:
    db = Database(database_url)
    while not writer.open:
        writer.trade()
    pair_id, leg = writer.open[0]
    text = (
        f"binance BTCUSDT order {writer.truth[pair_id, leg]['client_id']} may or may not exist: no answer in time; its"
    )
    writer.put("ALARM", severity=1, code=b"ORDER_UNKNOWN", text=text.encode())
    writer.flush()
    recorder.start()
    recorder.wait_until_current(db)
    states = {row["leg"]: (row["state"], row["reason"]) for row in history.orders(db, {"pair_id": pair_id})[0]}
    assert states == {leg: ("UNKNOWN", "no answer in time"), 1 - leg: ("SENT", None)}
    writer.resolve()
    writer.flush()
    recorder.wait_until_current(db)
    recorder.end()
    assert_whole(db, writer)
    db.dispose()
