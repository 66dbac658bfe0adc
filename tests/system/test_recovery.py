"""Processes die: nothing is lost, nothing is doubled, and everybody is told the truth meanwhile."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from bridge import CEngineBridge, EngineDown
from tests.system.desk import VENUES, WIDE_RISK, Desk
from tests.system.test_money import BUSY, engine_totals, expected_pnl_e8, quiet

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(300)]

KILLS = int(os.environ.get("ARBDECK_KILLS", "8"))


def busy_desk(desk: Desk) -> CEngineBridge:
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=100.0)
    desk.market(**BUSY)
    desk.engine_config(lambda document: document.update(record_quotes=True))
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    desk.wait(lambda: bridge.get_stats().trades >= 5, 30)
    return bridge


def more_trades(desk: Desk, bridge: CEngineBridge, count: int = 1) -> None:
    before = bridge.get_stats().trades
    desk.wait(lambda: bridge.get_stats().trades >= before + count, 60)


def assert_books_are_the_venues(desk: Desk, bridge: CEngineBridge) -> None:
    quiet(desk, bridge)
    totals = desk.oracle_totals()
    mine = engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}
    assert desk.oracle("/orders?limit=1")["repeated"] == {venue: {} for venue in VENUES}
    expected_e8, trading_e8 = expected_pnl_e8(desk, bridge)
    assert trading_e8 == expected_e8


def test_engine_killed_at_random_moments_loses_and_doubles_nothing(desk: Desk) -> None:
    bridge = busy_desk(desk)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 1.5))
        desk.kill("engine")
        with pytest.raises(EngineDown):
            bridge.get_stats()
        assert bridge.health().state == "DOWN"
        desk.start_engine()
        desk.wait_state(bridge, "ACTIVE", 45)
        more_trades(desk, bridge)
    assert bridge.snapshot().identity.generation == KILLS + 1
    assert_books_are_the_venues(desk, bridge)
    segments = list(Path("/dev/shm").glob(f"arbdeck-{desk.instance}-*"))
    assert len(segments) == 2, "one segment and one tail, of the living generation only"


def test_venues_killed_and_back_the_engine_says_so_and_trades_on(desk: Desk) -> None:
    bridge = busy_desk(desk)
    desk.kill("venues")
    desk.wait(lambda: all(venue.state == "DOWN" for venue in bridge.snapshot().venues), 10)
    taken = bridge.get_stats().orders
    time.sleep(1.0)
    assert bridge.get_stats().orders == taken, "no order may leave while the venues are down"
    desk.start_venues()
    desk.wait(lambda: all(venue.state == "UP" for venue in bridge.snapshot().venues), 60)
    more_trades(desk, bridge)
    assert_books_are_the_venues(desk, bridge)


def test_answers_lost_and_late_and_doubled_are_asked_for_never_guessed(desk: Desk) -> None:
    bridge = busy_desk(desk)
    for venue in VENUES:
        desk.oracle(
            "/faults",
            {"venue": venue, "lose_next_acks": 3, "lose_next_events": 12, "duplicate_fills": 20},
        )
    desk.wait(lambda: bridge.snapshot().counters["unknown"] > 0, 30)
    more_trades(desk, bridge, 20)
    assert bridge.snapshot().counters["fills_duplicate"] > 0
    assert_books_are_the_venues(desk, bridge)


def test_a_leg_refused_or_cut_short_is_hedged_and_the_books_agree(desk: Desk) -> None:
    bridge = busy_desk(desk)
    desk.oracle("/faults", {"venue": "binance", "reject_next": 2, "reject_code": -2010})
    desk.wait(lambda: bridge.snapshot().counters["hedges"] >= 1, 30)
    desk.oracle("/faults", {"venue": "mexc", "partial_next": 0.5})
    more_trades(desk, bridge, 20)
    snapshot = bridge.snapshot()
    assert snapshot.counters["rejects"] >= 2
    assert snapshot.counters["unknown"] == 0
    assert_books_are_the_venues(desk, bridge)
    assert all(exposure.state in ("NONE", "DUST") for exposure in bridge.snapshot().exposures)


def test_a_clean_end_leaves_nothing_behind_and_the_books_go_on(desk: Desk) -> None:
    bridge = busy_desk(desk)
    quiet(desk, bridge)
    books, pnl = engine_totals(bridge), bridge.get_stats().trades
    desk.kill("engine", 15)
    assert not list(Path("/dev/shm").glob(f"arbdeck-{desk.instance}-*"))
    assert not (desk.home / "run" / f"{desk.instance}.sock").exists()
    assert not (desk.home / "run" / f"{desk.instance}.json").exists()
    desk.oracle("/market", {"gap_every_s": 100000.0})
    desk.strategy(min_spread_bps=900.0)
    desk.start_engine()
    desk.wait_state(bridge, "ACTIVE", 30)
    assert engine_totals(bridge) == books
    assert bridge.get_stats().trades == pnl


def test_operators_stop_outlives_a_crash_and_kill_outlives_everything(desk: Desk) -> None:
    bridge = busy_desk(desk)
    bridge.stop_strategy("cross_exchange", actor="test")
    desk.kill("engine")
    desk.start_engine()
    desk.wait_state(bridge, "ACTIVE", 30)
    assert bridge.snapshot().strategies[0].state == "STOPPED"
    bridge.kill("drill", actor="test")
    assert bridge.health().state == "KILLED"
    desk.kill("engine", 15)
    desk.start_engine()
    desk.wait_state(bridge, "KILLED", 30)
    sent = bridge.get_stats().orders
    time.sleep(1.0)
    assert bridge.get_stats().orders == sent
    bridge.clear_kill(desk.instance, actor="test")
    assert bridge.health().state == "HALTED"
