"""Bad moments for the engine: venues absent at start, people who speak while it starts, deaths before it is ready,
connections that break in the middle of trading. Nothing a person said is forgotten, no money is lost or doubled."""

from __future__ import annotations

import signal

import pytest

from bridge import CEngineBridge, CommandRejected
from tests.system.desk import VENUES, WIDE_RISK, Desk
from tests.system.test_money import engine_totals
from tests.system.test_recovery import assert_books_are_the_venues, busy_desk, more_trades

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(240)]


def starting(desk: Desk) -> CEngineBridge:
    """An engine whose venues do not answer."""
    desk.engine_config(lambda document: document.update(record_quotes=True))
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "STARTING", 10)
    return bridge


def test_strategy_stopped_while_the_engine_starts_stays_stopped(desk: Desk) -> None:
    bridge = starting(desk)
    bridge.stop_strategy("cross_exchange", actor="test")
    desk.start_venues()
    desk.wait_state(bridge, "ACTIVE", 60)
    assert bridge.snapshot().strategies[0].state == "STOPPED"


def test_pause_while_the_engine_starts_is_not_overruled_by_the_start(desk: Desk) -> None:
    bridge = starting(desk)
    bridge.pause(actor="test")
    with pytest.raises(CommandRejected) as refused:
        bridge.command("resume", {}, actor="test")
    assert refused.value.code == "WRONG_STATE"
    assert bridge.health().state == "HALTED"
    desk.start_venues()
    desk.wait(lambda: all(venue.state == "UP" for venue in bridge.snapshot().venues), 60)
    desk.wait(lambda: bridge.command("resume", {}, actor="test").status == "done", 10)
    assert bridge.health().state == "ACTIVE"


def test_kill_cleared_while_the_engine_starts_does_not_arm_it(desk: Desk) -> None:
    bridge = starting(desk)
    bridge.kill("drill", actor="test")
    bridge.clear_kill(desk.instance, actor="test")
    desk.start_venues()
    desk.wait(lambda: all(venue.state == "UP" for venue in bridge.snapshot().venues), 60)
    desk.wait(lambda: any(b.total_e8 > 0 for b in bridge.snapshot().balances), 10)
    desk.wait(lambda: "recovery done" in desk.log("engine"), 10)
    assert bridge.health().state == "HALTED"


def test_what_a_person_stopped_stays_stopped_over_a_death_before_ready(desk: Desk) -> None:
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    bridge.stop_strategy("cross_exchange", actor="test")
    bridge.pause(actor="test")
    desk.kill("engine")
    desk.kill("venues")
    starting(desk)
    desk.kill("engine")
    desk.start_venues()
    desk.start_engine()
    desk.wait(lambda: "recovery done" in desk.log("engine", 5), 60)
    bridge = desk.connect()
    assert bridge.health().state == "HALTED"
    assert bridge.snapshot().strategies[0].state == "STOPPED"


def test_venue_that_does_not_come_is_switched_off_and_the_start_goes_on(desk: Desk) -> None:
    desk.start_venues()
    desk.oracle("/faults", {"venue": "mexc", "down": 600.0})
    bridge = starting(desk)
    bridge.venue_off("mexc", actor="test")
    desk.wait_state(bridge, "ACTIVE", 20)
    assert bridge.get_stats().orders == 0
    desk.oracle("/faults", {"venue": "mexc", "down": 0.0})
    bridge.venue_on("mexc", actor="test")
    more_trades(desk, bridge)
    assert_books_are_the_venues(desk, bridge)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_books_are_opened_although_the_first_start_found_no_venue(desk: Desk, end: int) -> None:
    starting(desk)
    desk.kill("engine", end)
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    opening = desk.oracle_opening()
    mine = engine_totals(bridge)
    assert all(mine[key] > 0 for key in opening if key in mine)
    more_trades(desk, bridge)


def test_asset_added_to_the_configuration_is_opened_and_known_ones_are_not_opened_again(desk: Desk) -> None:
    sol: list[object] = []
    desk.engine_config(lambda d: sol.append(d["symbols"].pop()))
    bridge = busy_desk(desk)
    assert_books_are_the_venues(desk, bridge)
    desk.kill("engine", signal.SIGTERM)
    desk.engine_config(lambda d: d["symbols"].append(sol[0]))
    desk.strategy(min_spread_bps=900.0)
    desk.start_engine()
    desk.wait_state(bridge, "ACTIVE", 30)
    assert_books_are_the_venues(desk, bridge)
    assert abs(bridge.get_stats()["total_profit_usd"]) < 1000, "an inventory that was always there is no profit"


def test_stop_finishes_what_is_open_and_opens_nothing_more(desk: Desk) -> None:
    bridge = busy_desk(desk)
    for venue in VENUES:
        desk.oracle("/faults", {"venue": venue, "delay_events_ms": 150.0, "delay_ack_ms": 150.0})
    more_trades(desk, bridge, 5)
    desk.kill("engine", signal.SIGTERM)
    kinds = [record for record in bridge.journal() if record.type in ("INTENT", "STOP", "STATE")]
    assert kinds[-1].type == "STOP"
    assert kinds[-1].payload["clean"] == 1
    halted = [i for i, r in enumerate(kinds) if r.type == "STATE" and r.payload["reason"] == "the engine is stopping"]
    assert halted
    assert not [record for record in kinds[halted[0] :] if record.type == "INTENT"]
    for venue in VENUES:
        desk.oracle("/faults", {"venue": venue, "clear": True})
    desk.start_engine()
    desk.wait_state(bridge, "ACTIVE", 30)
    more_trades(desk, bridge)
    assert_books_are_the_venues(desk, bridge)


FAULTS = [
    {"venue": "mexc", "http_503_next": 4, "executed": True},
    {"venue": "mexc", "http_503_next": 1, "executed": False},
    {"venue": "binance", "drop_connections": "orders"},
    {"venue": "mexc", "drop_connections": "all"},
    {"venue": "mexc", "drop_connections": "user"},
    {"venue": "binance", "drop_connections": "feed"},
    {"venue": "mexc", "feed_garbage": 20},
    {"venue": "binance", "feed_garbage": 20},
    {"venue": "binance", "split_next": 10, "split_pieces": 5, "reorder_fills": 20},
    {"venue": "mexc", "split_next": 10, "split_pieces": 5, "reorder_fills": 20, "duplicate_fills": 20},
    {"venue": "mexc", "lose_next_events": 20, "lose_next_acks": 5},
    {"venue": "binance", "reject_next": 2, "reject_code": -1021},
    {"venue": "mexc", "reject_next": 2, "reject_code": 30002},
    {"venue": "mexc", "down": 2.0},
]


def test_every_fault_in_the_middle_of_trading_leaves_the_books_right(desk: Desk) -> None:
    bridge = busy_desk(desk)
    for fault in FAULTS:
        desk.oracle("/faults", dict(fault))
        more_trades(desk, bridge, 10)
        assert desk.processes["engine"].poll() is None
    for venue in VENUES:
        desk.oracle("/faults", {"venue": venue, "clear": True})
    assert_books_are_the_venues(desk, bridge)
    reserved = [b.reserved for b in bridge.snapshot().balances]
    assert not any(reserved), "nothing is open, so nothing may stay reserved"


def test_limits_loosened_by_hand_do_not_slip_in_with_a_tighter_one(desk: Desk) -> None:
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    before = bridge.snapshot().status.state_version
    desk.risk(**WIDE_RISK)
    with pytest.raises(CommandRejected) as refused:
        bridge.command("set_limits", {"updates": {"max_leg_skew_ms": 200}}, actor="test")
    assert refused.value.code == "CONFIRMATION"
    assert bridge.snapshot().status.state_version == before
