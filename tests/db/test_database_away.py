"""Protects trading and its record while the database is away: the engine does not notice, the recorder waits without
growing, and afterwards the database is the journal.

The time away is short in `make test`; ARBDECK_DATABASE_AWAY_S=180 makes it minutes.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboard.db import Database
from dashboard.db.recorder import RETRY_S_MAX
from dashboard.db.recorder_status import recorder_status
from tests.db.journal_oracle import assert_equal
from tests.db.postgres import PostgresServer
from tests.db.recorder_process import RecorderProcess
from tests.db.test_recorder_engine import BUSY, assert_fills_are_the_venues, settle, trade
from tests.system.desk import WIDE_RISK, Desk

AWAY_S = float(os.environ.get("ARBDECK_DATABASE_AWAY_S", "6"))
GROWTH_MB_MAX = 16.0

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(300 + int(3 * AWAY_S))]


@pytest.fixture
def desk(arbdeck_home: Path, engine_binary: Path, free_port: Callable[[], int]) -> Iterator[Desk]:
    made = Desk(arbdeck_home, engine_binary, free_port)
    made.market(**BUSY)
    made.risk(**WIDE_RISK)
    made.generous_venues()
    yield made
    made.stop()


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Somebody else holds the file for writing, as a forgotten transaction does."""
    other = sqlite3.connect(path, timeout=30, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def resident_mb(pid: int) -> float:
    words = Path(f"/proc/{pid}/statm").read_text().split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_database_away_while_the_engine_trades_costs_nothing_but_delay(
    desk: Desk, database_url: str, request: pytest.FixtureRequest
) -> None:
    sqlite = database_url.startswith("sqlite:///")
    db = Database(database_url)
    recorder = RecorderProcess(desk.home, desk.instance, database_url)
    desk.start_venues()
    recorder.start()
    bridge = trade(desk, 0.5)
    try:
        desk.wait(lambda: (status := recorder_status(desk.home, desk.instance)) and status.state == "current", 30)
        away = (
            locked(database_url.removeprefix("sqlite:///")) if sqlite else stopped(request.getfixturevalue("postgres"))
        )
        with away:
            desk.wait(lambda: recorder_status(desk.home, desk.instance).state == "error", 60)
            assert recorder.pid is not None
            trades, memory = bridge.get_stats().trades, resident_mb(recorder.pid)
            time.sleep(AWAY_S)
            assert bridge.get_stats().trades > trades, "the engine must not notice"
            assert resident_mb(recorder.pid) - memory < GROWTH_MB_MAX, "what waits is on disk, not in memory"
            behind = recorder_status(desk.home, desk.instance)
            assert behind.lag_records > 0
            assert behind.lag_s >= AWAY_S - 2 * RETRY_S_MAX
        settle(desk, bridge)
        desk.kill("engine")
        recorder.wait_until_current(db, 120)
        assert_equal(db, desk.instance, recorder.journal)
        assert_fills_are_the_venues(db, desk)
        assert recorder.end() == 0
    finally:
        bridge.close()
        recorder.end()
        db.dispose()
