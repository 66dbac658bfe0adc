"""Protects: what the core is shown. A bar gives its open and its close and nothing else; silence gives nothing."""

from __future__ import annotations

import pytest

from dashboard.backtest.errors import BacktestError, DataMissing
from dashboard.backtest.run import build_tape
from tests.backtest.bars import MINUTE, START, Store, desk, request


def two_venues(**first: object) -> Store:
    store = Store()
    store.bars("binance", [(100.0, 101.0), (102.0, 103.0)], **first)  # type: ignore[arg-type]
    store.bars("mexc", [(100.0, 101.0), (102.0, 103.0)])
    return store


def test_a_bar_gives_its_open_at_its_time_and_its_close_a_nanosecond_before_its_end() -> None:
    tape = build_tape(request(2), two_venues(), desk())
    ours = tape.events[tape.events["venue"] == 0]
    assert ours["time_ns"].tolist() == [START, START + MINUTE - 1, START + MINUTE, START + 2 * MINUTE - 1]
    assert ours["flags"].tolist() == [1, 0, 1, 0], "orders may fill at opens, nobody decides on them"


def test_bid_and_ask_lie_half_a_spread_around_the_price_and_round_against_us() -> None:
    tape = build_tape(request(2, half_spread_bps=1.03), two_venues(), desk())
    first = tape.events[0]
    assert (first["bid_price"], first["ask_price"]) == (9998, 10002)  # 99.9897 down, 100.0103 up, ticks of 0.01


def test_no_spread_still_leaves_a_tick_between_bid_and_ask() -> None:
    tape = build_tape(request(2, half_spread_bps=0.0), two_venues(), desk())
    assert (tape.events["ask_price"] - tape.events["bid_price"] == 1).all()


def test_a_size_is_what_was_asked_for_but_never_more_than_the_bar_traded() -> None:
    tape = build_tape(request(2, bar_size_usd=5_000.0), two_venues(volume=[100.0, 0.5]), desk())
    ours = tape.events[tape.events["venue"] == 0]
    assert ours["ask_qty"].tolist() == [50_00000, 49_50495, 50000, 50000]  # 5000 / price, then 0.5; lots of 0.00001
    assert tape.capped == 2


def test_bars_without_volume_and_bars_that_are_not_there_give_no_quote() -> None:
    store = Store()
    store.bars("binance", [(100.0, 101.0), (102.0, 103.0)], volume=[1.0, 0.0])
    store.bars("mexc", [(100.0, 101.0)], minutes=[1])
    tape = build_tape(request(3), store, desk())
    assert [(int(row["venue"]), int(row["time_ns"] - START)) for row in tape.events] == [
        (0, 0),
        (0, MINUTE - 1),
        (1, MINUTE),
        (1, 2 * MINUTE - 1),
    ]
    stale = {used.venue: (used.rows, used.stale, used.missing) for used in tape.data}
    assert stale == {"binance": (2, 1, 1), "mexc": (1, 0, 2)}


def test_a_bar_that_ends_after_the_period_is_left_out() -> None:
    tape = build_tape(request(2, end_ns=START + 2 * MINUTE - 1), two_venues(), desk())
    assert int(tape.events["time_ns"].max()) == START + MINUTE - 1


def test_events_are_in_order_of_time_then_symbol_then_venue() -> None:
    store = two_venues()
    for venue in ("binance", "mexc"):
        store.bars(venue, [(10.0, 11.0)], symbol="SOLUSDT")
    tape = build_tape(request(2, symbols=("BTCUSDT", "SOLUSDT")), store, desk())
    key = [(int(row["time_ns"]), int(row["symbol"]), int(row["venue"])) for row in tape.events]
    assert key == sorted(key) and len(key) == 12


@pytest.mark.parametrize(("first", "digits"), [(20_000.0, 2), (1.5, 6), (0.000_031_4, 11)])
def test_steps_of_an_unknown_symbol_follow_its_first_price_alone(first: float, digits: int) -> None:
    store = Store()
    for venue in ("binance", "mexc"):
        store.bars(venue, [(first, first), (first * 1000, first * 1000)], symbol="NEWUSDT", volume=1e9)
    item = build_tape(request(2, symbols=("NEWUSDT",)), store, desk()).instruments[0]
    assert (item.price_digits, item.base, item.quote, item.known) == (digits, "NEW", "USDT", False)


def test_symbols_in_different_money_are_refused_by_name() -> None:
    with pytest.raises(BacktestError, match="BTCUSDT in USDT, BTCUSDC in USDC"):
        build_tape(request(2, symbols=("BTCUSDT", "BTCUSDC")), Store(), desk())


def test_missing_history_is_named_with_the_command_that_fetches_it() -> None:
    store = Store()
    store.bars("binance", [(1.0, 1.0)])
    with pytest.raises(DataMissing, match="mexc BTCUSDT candles_1m.*arbdeck data fetch --venue mexc --symbol BTCUSDT"):
        build_tape(request(2), store, desk())
