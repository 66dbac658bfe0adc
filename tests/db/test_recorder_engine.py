"""Protects the record of real trading: the database is the journal of the real engine, over crashes of the engine, and
its orders and sums are the engine's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from bridge import CEngineBridge
from dashboard.db import Database, history
from dashboard.db.recorder_status import recorder_status
from tests.db.journal_oracle import assert_equal
from tests.db.recorder_process import RecorderProcess
from tests.system.desk import VENUES, WIDE_RISK, Desk

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(300)]

BUSY = {
    "quotes_per_s": 20.0, "gap_every_s": 0.2, "gap_bps": 40.0, "gap_length_s": 1.0, "burst_every_s": 5.0,
}  # fmt: skip

FAULTS = {
    "lose_next_acks": 2, "lose_next_events": 2, "reject_next": 2, "partial_next": 0.5, "partial_count": 5,
    "split_next": 5, "split_pieces": 3, "duplicate_fills": 5, "reorder_fills": 3,
}  # fmt: skip


@pytest.fixture
def desk(arbdeck_home: Path, engine_binary: Path, free_port: Callable[[], int]) -> Iterator[Desk]:
    made = Desk(arbdeck_home, engine_binary, free_port)
    made.market(**BUSY)
    made.risk(**WIDE_RISK)
    made.generous_venues()
    yield made
    made.stop()


@pytest.fixture
def recorder(desk: Desk, database_url: str) -> Iterator[RecorderProcess]:
    made = RecorderProcess(desk.home, desk.instance, database_url)
    yield made
    made.end()


def trade(desk: Desk, seconds: float) -> CEngineBridge:
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE")
    before = bridge.get_stats().fills
    desk.wait(lambda: bridge.get_stats().fills > before + 20, 30)
    time.sleep(seconds)
    return bridge


def settle(desk: Desk, bridge: CEngineBridge) -> None:
    bridge.pause(actor="test")
    desk.wait(lambda: bridge.snapshot().status.open_pairs == 0, 30)
    time.sleep(1.5)  # episodes end, the mark follows
    last = bridge.snapshot().status.journal_seq
    desk.wait(lambda: bridge.snapshot().status.journal_disk_seq >= last, 10)


def test_the_database_is_the_journal_of_an_engine_that_trades_and_crashes(
    desk: Desk, recorder: RecorderProcess, database_url: str
) -> None:
    recorder.start()  # before any engine: it waits for one
    desk.wait(lambda: recorder_status(desk.home, desk.instance), 20)
    waiting = recorder_status(desk.home, desk.instance)
    assert waiting is not None and (waiting.state, waiting.generation) == ("waiting", None)
    desk.start_venues()
    for _ in range(2):
        trade(desk, 0.5).close()
        desk.kill("engine")
    bridge = trade(desk, 1.0)
    for venue in VENUES:
        desk.oracle("/faults", {"venue": venue, **FAULTS})
    desk.wait(lambda: bridge.get_stats().orders > 400, 60)
    settle(desk, bridge)
    db = Database(database_url)
    recorder.wait_until_current(db)
    counts = assert_equal(db, desk.instance, recorder.journal)
    assert min(counts[table] for table in ("fills", "opportunities", "pairs", "pnl_samples", "balances", "states")) > 0
    assert counts["alarms"] > 0  # of orders that were not answered
    assert_orders_are_the_engines(db, bridge)
    assert_fills_are_the_venues(db, desk)
    status = recorder_status(desk.home, desk.instance)
    assert status is not None and not status.silent
    assert (status.state, status.last_error) == ("current", None), recorder.log.read_text()
    assert [row["generation"] for row in history.generations(db)] == [3, 2, 1]
    bridge.close()
    db.dispose()


def assert_orders_are_the_engines(db: Database, bridge: CEngineBridge) -> None:
    snapshot = bridge.snapshot()
    rows, _ = history.orders(db, {}, 10_000)
    by_client = {row["client_id"]: row for row in rows}
    assert len(by_client) == len(rows)
    assert all(row["closed"] for row in rows)
    engines = bridge.orders(1000)
    assert len(engines) > 10
    for order in engines:
        row = by_client[order.client_id]
        ours = (row["state"], row["venue"], row["side"], row["price"], row["qty"], row["filled"], row["venue_order_id"])
        assert ours == (
            order.state, order.venue, order.side, order.price, order.qty, order.filled_qty, order.venue_order_id or None
        )  # fmt: skip
        assert row["quote_e8"] / 1e8 == pytest.approx(order.filled_quote, abs=2e-8)
        assert row["final_ns"] == order.final_ns
    trading = snapshot.pnl.trading_usd
    assert history.pnl(db)[-1]["trading_usd"] == pytest.approx(trading, abs=1e-8)
    assert history.totals(db)["pnl"][0]["trading_usd"] == pytest.approx(trading, abs=1e-8)


def assert_fills_are_the_venues(db: Database, desk: Desk) -> None:
    """Booked fills are those of the simulator, which keeps its own books."""
    rows, following = history.fills(db, {"booked": True}, 10_000)
    assert following is None
    oracle = desk.oracle_fills()
    assert {venue: len(found) for venue, found in oracle.items()} == {
        venue: sum(row["venue"] == venue for row in rows) for venue in oracle
    }
    change: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        fee = Decimal(row["fee_e8"]).scaleb(-8) + Decimal(row["fee_frac_e19"]).scaleb(-19)
        for asset, amount in (
            (row["base_asset"], Decimal(row["base_change_e8"]).scaleb(-8)
             + Decimal(row["base_change_frac_e19"]).scaleb(-19)),
            (row["quote_asset"], Decimal(row["quote_change_e8"]).scaleb(-8)
             + Decimal(row["quote_change_frac_e19"]).scaleb(-19)),
            (row["fee_asset"], -fee),
        ):  # fmt: skip
            key = (row["venue"], asset)
            change[key] = change.get(key, Decimal(0)) + amount
    opening, totals = desk.oracle_opening(), desk.oracle_totals()
    for key, amount in change.items():
        assert totals[key] - opening[key] == amount, key
