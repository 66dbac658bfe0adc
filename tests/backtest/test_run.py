"""Protects: the result of a backtest. Trades are those of the engine's core, computed here by hand; nothing is filled
at the price that made the signal; runs repeat byte for byte, alone, in a grid, and whatever the future brings."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.core import GridCounter, core_grid
from dashboard.backtest.errors import BacktestError
from dashboard.backtest.plain import plain
from dashboard.backtest.run import GridCancelled, GridControl, build_tape, core_run_of, run, run_grid, run_tape
from dashboard.backtest.types import BacktestResult
from tests.backtest.bars import DAY, MINUTE, START, Rows, Store, desk, request, walk


def gap_store() -> Store:
    """mexc closes 50 bps above binance in minute 2 and opens there in minute 3; else both stand at 20,000."""
    store = Store()
    store.bars("binance", [(20_000.0, 20_000.0)] * 6)
    high = [(20_000.0, 20_000.0)] * 2 + [(20_000.0, 20_100.0), (20_100.0, 20_000.0)] + [(20_000.0, 20_000.0)] * 2
    store.bars("mexc", high)
    return store


def same(left: BacktestResult, right: BacktestResult) -> bool:
    return plain(replace(left, took_ms=0.0)) == plain(replace(right, took_ms=0.0))


def test_a_gap_that_lasts_one_open_is_traded_once_exactly_as_computed_by_hand() -> None:
    result = run(request(6), gap_store(), desk=desk())
    # Signal at the close of minute 2: ask 20,002.00 on binance, bid 20,097.99 on mexc. Limits: 1 bp further, so
    # 20,004.00 and 20,095.99 (up to the tick: 20,097.99 x 0.9999 = 20,095.9802). Size: 500 USD at the sell limit
    # = 0.02488 BTC. Fills at the opens of minute 3, at the same touches.
    assert len(result.trades) == 1
    trade = {item.name: getattr(result.trades, item.name)[0] for item in fields(result.trades)}
    assert trade["time_ns"] == START + 3 * MINUTE - 1
    assert trade["final_ns"] == START + 3 * MINUTE
    assert (trade["buy_venue"], trade["sell_venue"], trade["outcome"]) == ("binance", "mexc", "BOTH")
    assert trade["qty"] == pytest.approx(0.02488, abs=1e-12)
    assert trade["buy_price"] == pytest.approx(20_002.00, abs=1e-9)
    assert trade["sell_price"] == pytest.approx(20_097.99, abs=1e-9)
    # Fees: 10 bps of 0.02488 BTC at 20,002.00 = 0.4976497600 USD, 5 bps of 500.0379912 = 0.2500189956.
    assert trade["fees_usd"] == pytest.approx(0.49764976 + 0.25001900, abs=2e-8)
    assert trade["pnl_usd"] == pytest.approx(0.02488 * 95.99 - 0.49764976 - 0.25001900, abs=2e-8)
    # Trading P&L at the last mark: the base that the fee took is missed at 20,000.00, not at what it cost.
    assert result.metrics.trading_pnl_usd == pytest.approx(2.3882312 - 0.02488e-3 * 20_000 - 0.25001900, abs=2e-8)
    assert (result.metrics.trades, result.metrics.wins, result.metrics.win_rate_fraction) == (1, 1, 1.0)


def test_a_gap_that_is_gone_at_the_next_open_is_not_filled_on_the_side_that_moved() -> None:
    store = Store()
    store.bars("binance", [(20_000.0, 20_000.0)] * 5)
    store.bars("mexc", [(20_000.0, 20_000.0)] * 2 + [(20_000.0, 20_100.0)] + [(20_000.0, 20_000.0)] * 2)
    result = run(request(5), store, desk=desk())
    assert result.trades.outcome == ["ONE_LEG"], "the sale at 20,100 was only ever a signal"
    assert result.metrics.trading_pnl_usd < 0 and result.metrics.hedges >= 1


def test_no_fill_ever_carries_the_time_of_its_signal_or_an_earlier_one() -> None:
    wanted = request(400)
    tape = build_tape(wanted, walk(7, 400), desk())
    found = core_run_of(tape, run_tape(tape, wanted).request)
    decided = {int(row["pair_id"]): int(row["time_ns"]) for row in found.trades}
    assert len(found.fills) > 20
    assert all(int(fill["time_ns"]) > decided[int(fill["pair_id"])] for fill in found.fills)
    times = {(int(row["venue"]), int(row["time_ns"])) for row in tape.events}
    assert all((int(fill["venue"]), int(fill["time_ns"])) in times for fill in found.fills), "fills are at quotes only"


def test_a_gap_in_bars_without_volume_is_not_traded() -> None:
    store = gap_store()
    quiet = store.rows["mexc", "BTCUSDT", "candles_1m"].columns["volume"]
    quiet[2] = 0.0
    assert len(run(request(6), store, desk=desk()).trades) == 0
    quiet[2] = 100.0
    assert len(run(request(6), store, desk=desk()).trades) == 1


def test_a_close_is_not_compared_with_the_last_price_of_a_venue_that_was_silent() -> None:
    store = gap_store()
    rows = store.rows["binance", "BTCUSDT", "candles_1m"]
    keep = np.array([0, 1, 3, 4, 5])
    store.rows["binance", "BTCUSDT", "candles_1m"] = Rows(
        rows.ts_ns[keep], {name: column[keep] for name, column in rows.columns.items()}
    )
    result = run(request(6), store, desk=desk())
    assert len(result.trades) == 0 and result.refusals == {"QUOTE_AGE": 1}


def test_an_order_takes_no_more_than_the_next_open_shows() -> None:
    store = gap_store()
    store.rows["mexc", "BTCUSDT", "candles_1m"].columns["volume"][3] = 0.01
    found = run(request(6), store, desk=desk())
    assert found.trades.outcome == ["PARTIAL"]
    tape = build_tape(request(6), store, desk())
    fills = core_run_of(tape, found.request).fills
    assert [int(row["qty"]) for row in fills[:2]] == [2488, 1000]


def test_a_latency_of_whole_bars_delays_the_fill_by_them() -> None:
    store = gap_store()
    store.bars("mexc", [(20_000.0, 20_000.0)] * 2 + [(20_000.0, 20_100.0)] + [(20_100.0, 20_100.0)] * 3)
    fast, slow = (run(request(6, latency_ms=ms), store, desk=desk()) for ms in (59_999.0, 60_000.0))
    assert fast.trades.final_ns[0] == START + 3 * MINUTE
    assert slow.trades.final_ns[0] == START + 4 * MINUTE - 1


def test_recorded_quotes_fill_at_the_first_quote_after_the_order_has_arrived() -> None:
    ms = 1_000_000
    times = np.array([0, 1000, 1040, 1060, 2000], dtype=np.int64) * ms + START + 10**9
    store = Store()
    low, high = np.full(5, 20_000.0), np.array([20_000.0, 20_100.0, 20_100.0, 20_099.0, 20_000.0])
    for venue, bid in (("binance", low), ("mexc", high)):
        columns = {"bid": bid, "ask": bid + 1, "bid_qty": np.full(5, 1.0), "ask_qty": np.full(5, 1.0)}
        store.rows[venue, "BTCUSDT", "quotes"] = Rows(times, columns)
    result = run(request(1, kind="quotes", latency_ms=50.0), store, desk=desk())
    assert result.trades.time_ns[0] == times[1]
    assert result.trades.sell_price[0] == pytest.approx(20_099.0), "not the 20,100 seen, which stood before arrival"
    assert result.trades.final_ns[0] == times[3] + 50 * ms, "the answer travels as long as the order"


def test_capital_is_split_over_venues_and_half_of_it_is_base() -> None:
    result = run(request(6, capital_usd=8_000.0), gap_store(), desk=desk())
    assert result.equity.equity_usd[0] == pytest.approx(8_000.0, abs=1.0)
    doubled = Store()
    for venue in ("binance", "mexc"):
        doubled.bars(venue, [(20_000.0, 20_000.0)] * 2 + [(40_000.0, 40_000.0)] * 2)
    moved = run(request(4, capital_usd=8_000.0), doubled, desk=desk())
    assert moved.metrics.holding_pnl_usd == pytest.approx(4_000.0, rel=1e-6)
    assert moved.metrics.trading_pnl_usd == 0.0, "what the inventory gains is not trading"


def test_a_loss_limit_halts_the_run_and_the_result_says_when_and_why() -> None:
    strict = desk()
    strict = replace(strict, limits={**strict.limits, "DAILY_LOSS": 10**6})
    store = Store()
    store.bars("binance", [(20_000.0, 20_000.0)] * 60)
    jumps = [(20_000.0, 20_100.0) if minute % 10 == 5 else (20_000.0, 20_000.0) for minute in range(60)]
    store.bars("mexc", jumps)
    result = run(request(60), store, desk=strict)
    assert result.metrics.halted == "DAILY_LOSS" and result.metrics.halted_ns is not None
    assert len(result.trades) == 1 and result.refusals["TRADING_STATE"] == 5
    assert any("DAILY_LOSS" in note for note in result.notes)
    assert len(run(request(60), store, desk=desk()).trades) > 1


def test_two_runs_are_equal_byte_for_byte() -> None:
    wanted, store = request(600), walk(3, 600)
    first, second = run(wanted, store, desk=desk()), run(wanted, store, desk=desk())
    assert len(first.trades) > 20 and same(first, second)
    tape = build_tape(wanted, store, desk())
    runs = [core_run_of(tape, first.request) for _ in range(2)]
    assert runs[0].result.tobytes() == runs[1].result.tobytes() and int(runs[0].result["digest"]) != 0
    assert runs[0].trades.tobytes() == runs[1].trades.tobytes()


def test_a_grid_on_one_thread_on_two_and_single_runs_give_the_same_bytes() -> None:
    wanted = request(600)
    tape = build_tape(wanted, walk(5, 600), desk())
    sizes = (100.0, 400.0)
    candidates = [{"min_spread_bps": float(b), "max_position_usd": usd} for b in range(10, 40, 3) for usd in sizes]
    one, two = (run_grid(tape, wanted, candidates, threads=threads) for threads in (1, 2))
    alone = [run_tape(tape, replace(wanted, params={**wanted.params, **params})).metrics for params in candidates]
    assert one == two == alone
    assert len({found.trades for found in one}) > 3, "the candidates differ"


def test_a_cancelled_grid_keeps_what_was_done_and_runs_no_other_candidate() -> None:
    wanted = request(60)
    tape = build_tape(wanted, walk(5, 60), desk())
    control = GridControl()
    control.cancel()
    with pytest.raises(GridCancelled) as caught:
        run_grid(tape, wanted, [{"min_spread_bps": 20.0}] * 3, control=control)
    assert caught.value.results == {} and caught.value.count == 3
    done = GridControl()
    run_grid(tape, wanted, [{"min_spread_bps": 20.0}] * 3, control=done)
    assert done.done == 3


def test_a_candidate_that_is_not_allowed_stops_the_grid_before_it_begins() -> None:
    wanted = request(60)
    tape = build_tape(wanted, walk(5, 60), desk())
    with pytest.raises(BacktestError, match="params.min_spread_bps = -1.0: allowed is a number from 0 to 10000 bps"):
        run_grid(tape, wanted, [{"min_spread_bps": 20.0}, {"min_spread_bps": -1.0}])


def test_a_tape_is_not_run_with_a_request_for_other_data() -> None:
    tape = build_tape(request(60), walk(5, 60), desk())
    with pytest.raises(BacktestError, match="half_spread_bps = 9"):
        run_tape(tape, request(60, half_spread_bps=9.0))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(60, 180), tail=st.integers(1, 120))
@example(seed=245118, cut=102, tail=2)  # the last trade of the past is still open at its end
def test_rows_of_the_future_never_change_a_trade_of_the_past(seed: int, cut: int, tail: int) -> None:
    whole, store = request(cut + tail), walk(seed, 300)
    short = request(cut)
    past, both = run(short, store, desk=desk()), run(whole, store, desk=desk())
    known = (past.trades.final_ns > 0) & (past.trades.final_ns < short.end_ns)  # 0: still open at the end
    settled = int(known.sum()) if known.all() else int(np.argmin(known))
    for item in fields(past.trades):
        left, right = getattr(past.trades, item.name), getattr(both.trades, item.name)
        np.testing.assert_array_equal(np.asarray(left[:settled]), np.asarray(right[:settled]), err_msg=item.name)
    before = past.equity.time_ns < short.end_ns
    count = int(before.sum())
    np.testing.assert_array_equal(past.equity.trading_usd[before], both.equity.trading_usd[:count])


def test_sharpe_drawdown_and_days_are_those_of_the_curve() -> None:
    minutes = 3 * 1440
    wanted = request(minutes, params={"min_spread_bps": 20.0, "max_position_usd": 100.0})
    result = run(wanted, walk(11, minutes), desk=desk())
    curve = result.equity
    peak = np.maximum.accumulate(np.maximum(curve.trading_usd, 0))
    assert result.metrics.max_drawdown_usd == pytest.approx(float((peak - curve.trading_usd).max()), abs=1e-8)
    day = (curve.time_ns - 1) // DAY
    ends = [float(curve.trading_usd[day == value][-1]) for value in np.unique(day)]
    daily = np.diff([0.0, *ends]) / wanted.capital_usd
    assert len(daily) == 3
    expected = daily.mean() / daily.std(ddof=1) * np.sqrt(365)
    assert result.metrics.sharpe_ratio == pytest.approx(float(expected), rel=1e-9)
    assert run(request(60), walk(11, 60), desk=desk()).metrics.sharpe_ratio is None, "needs two days"


def test_the_core_grid_counts_on_its_counter() -> None:
    counter = GridCounter(0)
    tape = build_tape(request(60), walk(5, 60), desk())
    from dashboard.backtest.setting import options_of, setup_of

    checked = run_tape(tape, request(60)).request
    setup = setup_of(tape, checked)
    results, ran = core_grid(setup, tape.events, options_of(tape, checked, setup), [], 1, counter)
    assert len(results) == 0 and not ran.any() and counter.begun == 0
