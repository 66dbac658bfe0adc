"""Protects the life of connections: replaced without a gap before they are old, opened again after a loss, left alone
when the venue asks for it; the page is told why, and trading and the books come out right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bridge import CEngineBridge
from tests.system.desk import VENUES, WIDE_RISK, Desk
from tests.system.test_money import BUSY
from tests.system.test_recovery import assert_books_are_the_venues, more_trades

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(240)]


def linked_desk(desk: Desk, layout: str = "one", **venue: Any) -> CEngineBridge:
    """A busy desk with one symbol on each market data connection, so that each venue has three of them."""
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=100.0)
    desk.market(**BUSY)

    def change(document: dict[str, Any]) -> None:
        document["record_quotes"] = True
        document["threads"]["layout"] = layout
        for row in document["venues"]:
            row.update({"feed_symbols_max": 1, **venue})

    desk.engine_config(change)
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    more_trades(desk, bridge, 5)
    return bridge


def venue_of(bridge: CEngineBridge, name: str) -> Any:
    return next(venue for venue in bridge.snapshot().venues if venue.name == name)


def states(bridge: CEngineBridge) -> list[tuple[int, int, str]]:
    """What the journal says of venues, in order: venue, state, reason."""
    return [
        (record.payload["index"], record.payload["new_value"], record.payload["reason"])
        for record in bridge.journal()
        if record.type == "STATE" and record.payload["what"] == 3
    ]


def replaced(desk: Desk) -> int:
    path = desk.logs["engine"]
    return path.read_text(errors="replace").count("replaced by a new one")


@contextmanager
def up_all_the_time(bridge: CEngineBridge) -> Iterator[None]:
    """Nothing happened to any venue inside, by the journal; no connection was lost."""
    before = len(states(bridge))
    assert before >= 2, "each venue came up once"
    reconnects = [venue.reconnects for venue in bridge.snapshot().venues]
    gaps = [venue.gaps for venue in bridge.snapshot().venues]
    yield
    assert states(bridge)[before:] == []
    assert [venue.reconnects for venue in bridge.snapshot().venues] == reconnects
    assert [venue.gaps for venue in bridge.snapshot().venues] == gaps


@pytest.mark.parametrize("layout", ["one", "receivers"])
def test_old_connections_are_replaced_while_trading_goes_on_and_no_venue_is_ever_down(desk: Desk, layout: str) -> None:
    bridge = linked_desk(desk, layout, connection_life_s=3)
    with up_all_the_time(bridge):
        quotes = [venue.quotes for venue in bridge.snapshot().venues]
        before = replaced(desk)
        desk.wait(lambda: replaced(desk) >= before + 40, 60)
        more_trades(desk, bridge, 20)
        assert all(v.quotes - q > 1000 for v, q in zip(bridge.snapshot().venues, quotes, strict=True))
    assert_books_are_the_venues(desk, bridge)


def test_venues_that_end_connections_by_age_find_them_replaced_already(desk: Desk) -> None:
    bridge = linked_desk(desk, connection_life_s=4)
    for venue in VENUES:
        desk.oracle("/faults", {"venue": venue, "close_after_s": 8.0})
    with up_all_the_time(bridge):
        before = replaced(desk)
        desk.wait(lambda: replaced(desk) >= before + 40, 60)
        more_trades(desk, bridge, 10)
    assert_books_are_the_venues(desk, bridge)


def test_announced_shutdown_is_survived_without_a_gap(desk: Desk) -> None:
    bridge = linked_desk(desk)
    with up_all_the_time(bridge):
        desk.oracle("/faults", {"venue": "binance", "announce_shutdown": 3.0})
        desk.wait(lambda: replaced(desk) >= 4, 20)  # three of market data, one of orders
        more_trades(desk, bridge, 10)
        desk.wait(lambda: desk.log("engine", 400).count("announces that it will close") >= 4, 10)
    assert_books_are_the_venues(desk, bridge)


def test_one_lost_market_data_connection_costs_only_its_own_symbols_prices(desk: Desk) -> None:
    bridge = linked_desk(desk)
    assert venue_of(bridge, "mexc").feed_connections == 3
    fault = {"drop_connections": "feed", "drop_count": 1, "delay_upgrade_ms": 1500.0}
    assert desk.oracle("/faults", {"venue": "mexc", **fault})["dropped"] == 1
    desk.wait(reason_becomes(bridge, "mexc", "STALE", "of 3 is down"), 10)
    assert venue_of(bridge, "mexc").feed_connections_up == 2
    quotes = [quote for quote in bridge.snapshot().quotes if quote.venue == "mexc"]
    assert sorted(quote.bid is None for quote in quotes) == [False, False, True]
    desk.oracle("/faults", {"venue": "mexc", "clear": True})
    desk.wait(lambda: venue_of(bridge, "mexc").state == "UP", 30)
    more_trades(desk, bridge, 5)
    assert_books_are_the_venues(desk, bridge)


def test_refused_symbols_are_named_and_the_others_trade_on(desk: Desk) -> None:
    bridge = linked_desk(desk, feed_symbols_max=0)
    desk.oracle("/faults", {"venue": "mexc", "refuse_subscriptions": "ETHUSDT"})
    desk.oracle("/faults", {"venue": "mexc", "drop_connections": "feed"})
    desk.wait(lambda: any("mexc refuses ETHUSDT" in alarm.text for alarm in bridge.snapshot().alarms), 20)
    desk.wait(lambda: venue_of(bridge, "mexc").state == "UP", 20)
    assert venue_of(bridge, "mexc").reason == "1 symbol refused by the venue"
    more_trades(desk, bridge, 5)
    desk.oracle("/faults", {"venue": "mexc", "clear": True})
    desk.oracle("/faults", {"venue": "mexc", "drop_connections": "feed"})
    desk.wait(lambda: (venue_of(bridge, "mexc").state, venue_of(bridge, "mexc").reason) == ("UP", ""), 30)
    assert_books_are_the_venues(desk, bridge)


def test_refused_prolongation_leads_to_a_new_key_and_stream_before_the_old_one_ends(desk: Desk) -> None:
    bridge = linked_desk(desk, listen_key_keep_s=2)
    with up_all_the_time(bridge):
        desk.oracle("/faults", {"venue": "mexc", "listen_key_refused": 1})
        desk.wait(lambda: "private stream connection 1 replaced" in desk.log("engine", 400), 20)
        more_trades(desk, bridge, 10)
    assert_books_are_the_venues(desk, bridge)


def test_key_that_cannot_be_renewed_is_an_alarm_while_the_old_stream_still_tells(desk: Desk) -> None:
    bridge = linked_desk(desk, listen_key_keep_s=2)
    with up_all_the_time(bridge):
        desk.oracle("/faults", {"venue": "mexc", "listen_key_refused": 1, "listen_key_new_refused": 2})
        wanted = "the private stream cannot be renewed"
        desk.wait(lambda: any(wanted in alarm.text for alarm in bridge.snapshot().alarms), 20)
        desk.wait(lambda: "private stream connection 1 replaced" in desk.log("engine", 400), 30)
        more_trades(desk, bridge, 5)
    assert_books_are_the_venues(desk, bridge)


@pytest.mark.parametrize("status", [429, 418])
def test_venue_that_says_how_long_is_left_alone_for_that_long_and_says_why(desk: Desk, status: int) -> None:
    bridge = linked_desk(desk)
    fault = {"venue": "mexc", "limited_next": 1, "limited_status": status, "retry_after_s": 4}
    desk.oracle("/faults", fault)
    desk.oracle("/faults", {"venue": "mexc", "drop_connections": "feed"})
    desk.wait(lambda: "left alone for 4 s" in venue_of(bridge, "mexc").reason, 20)
    assert str(status) in venue_of(bridge, "mexc").reason
    assert venue_of(bridge, "mexc").state in ("STALE", "DOWN")
    counts: list[int] = []

    def up_again() -> bool:
        counts.append(desk.oracle("/orders?limit=1")["counts"]["mexc"])
        return venue_of(bridge, "mexc").state == "UP"

    desk.wait(up_again, 30)
    assert len(counts) > 20, "it was asked all the time"
    assert counts[-2] == counts[0], "an order left although the venue was to be left alone"
    more_trades(desk, bridge, 5)
    assert_books_are_the_venues(desk, bridge)


def reason_becomes(bridge: CEngineBridge, venue: str, state: str, word: str) -> Callable[[], bool]:
    return lambda: venue_of(bridge, venue).state == state and word in venue_of(bridge, venue).reason


@pytest.mark.parametrize(
    ("fault", "state", "word"),
    [
        ({"mute_feed": 4.0}, "STALE", "no market data"),
        ({"down": 2.0}, "DOWN", "connect"),
        ({"drop_connections": "user", "delay_upgrade_ms": 800.0}, "DOWN", "private stream down"),
        ({"drop_connections": "feed", "delay_upgrade_ms": 800.0}, "DOWN", "market data connection down"),
    ],
)
def test_each_fault_of_connections_shows_its_state_and_reason_and_trading_resumes(
    desk: Desk, fault: dict[str, Any], state: str, word: str
) -> None:
    bridge = linked_desk(desk)
    desk.oracle("/faults", {"venue": "mexc", **fault})
    desk.wait(reason_becomes(bridge, "mexc", state, word), 15)
    desk.oracle("/faults", {"venue": "mexc", "delay_upgrade_ms": 0.0})
    desk.wait(lambda: venue_of(bridge, "mexc").state == "UP", 40)
    more_trades(desk, bridge, 5)
    assert_books_are_the_venues(desk, bridge)
