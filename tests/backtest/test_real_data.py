"""Protects: judgement on real markets. Calm days earn nothing after retail fees, and tomorrow's rows change nothing."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from dashboard.backtest.run import build_tape, run, run_grid
from dashboard.backtest.tape import BAR_NS
from tests.backtest.bars import DAY, START, Store, desk, real_store, request

# Taker fees of the smallest accounts, bps, as the venues published them then.
RETAIL = {"binanceus": 10.0, "coinbase": 60.0, "kraken": 26.0}
EAGER = {"min_spread_bps": 0.0, "min_net_edge_bps": 0.0, "slippage_bps": 0.0}


@pytest.fixture(scope="module")
def svb() -> Store:
    return real_store("svb2023-candles", ["BTCUSD", "BTCUSDT"])


@pytest.mark.parametrize("symbol", ["BTCUSD", "BTCUSDT"])
def test_calm_days_of_real_venues_leave_nothing_after_retail_fees(svb: Store, symbol: str) -> None:
    calm = request(
        8 * 1440, symbols=(symbol,), exchanges=tuple(RETAIL), params=EAGER, taker_fee_bps=RETAIL, half_spread_bps=0.5
    )
    result = run(calm, svb, desk=desk())
    assert sum(used.rows for used in result.data) > 25_000
    assert len(result.trades) == 0 and result.metrics.trading_pnl_usd == 0.0
    free = replace(calm, taker_fee_bps=dict.fromkeys(RETAIL, 0.0))
    assert len(run(free, svb, desk=desk()).trades) > 0, "without fees the same days do trade: the run is not blind"


def test_one_real_market_shown_twice_has_no_gap_to_trade() -> None:
    store = real_store("binance-1m-months", ["BTCUSDT"])
    rows = store.rows["binance", "BTCUSDT", "candles_1m"]
    store.rows["mexc", "BTCUSDT", "candles_1m"] = rows
    start = int(rows.ts_ns[0])
    end = int(rows.ts_ns[-1]) + BAR_NS
    whole = request(1, start_ns=start, end_ns=end, params=EAGER, half_spread_bps=0.0)
    result = run(whole, store, desk=desk())
    assert result.data[0].rows > 190_000
    assert len(result.trades) == 0 and result.refusals == {}


def test_later_days_of_real_data_change_no_earlier_trade(svb: Store) -> None:
    few = request(
        2 * 1440,
        symbols=("BTCUSD",),
        exchanges=tuple(RETAIL),
        params={"min_spread_bps": 3.0, "min_net_edge_bps": 0.0},
        taker_fee_bps=dict.fromkeys(RETAIL, 1.0),
    )
    past, both = (run(wanted, svb, desk=desk()) for wanted in (few, replace(few, end_ns=START + 9 * DAY)))
    settled = int((past.trades.final_ns < few.end_ns).sum())
    assert settled > 10
    for item in fields(past.trades):
        left, right = getattr(past.trades, item.name), getattr(both.trades, item.name)
        np.testing.assert_array_equal(np.asarray(left[:settled]), np.asarray(right[:settled]), err_msg=item.name)


def test_a_grid_over_real_days_is_the_same_on_one_thread_and_on_two(svb: Store) -> None:
    wanted = request(
        9 * 1440, symbols=("BTCUSD",), exchanges=tuple(RETAIL), taker_fee_bps=dict.fromkeys(RETAIL, 1.0), params={}
    )
    tape = build_tape(wanted, svb, desk())
    candidates = [{"min_spread_bps": bps, "min_net_edge_bps": 0.0} for bps in (3.0, 4.0, 6.0, 9.0, 15.0)]
    found = [run_grid(tape, wanted, candidates, threads=threads) for threads in (1, 2)]
    assert found[0] == found[1] and found[0][0].trades > found[0][-1].trades
