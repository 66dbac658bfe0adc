"""Protects: the driver and the ledger. A slow twin in Decimal, written from the rules alone, makes the same trades and
the same money as the compiled core on small random histories that gap, fall silent and stand apart."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dashboard.backtest.run import build_tape, core_run_of, run_tape
from dashboard.backtest.types import BacktestRequest
from tests.backtest.bars import FEES, MINUTE, START, Store, desk, request, walk
from tests.backtest.twin import Twin, quotes_of

E8 = Decimal("1e-8")
MINUTES = 240


def twin_of(wanted: BacktestRequest, store: Store) -> Twin:
    rows = [
        {"venue": index, "ts_ns": int(at), **{name: column[i] for name, column in held.columns.items()}}
        for index, venue in enumerate(FEES)
        for held in [store.candles(venue, "BTCUSDT", wanted.start_ns, wanted.end_ns)]
        for i, at in enumerate(held.ts_ns)
    ]
    tape = build_tape(wanted, store, desk())
    each = wanted.capital_usd / 2
    base = Decimal(int(each / 2 / tape.first_price[0] * 1e8)) * E8
    found = Twin(
        quotes=quotes_of(rows, Decimal(str(wanted.half_spread_bps)), Decimal(str(wanted.bar_size_usd))),
        fees_bps=(Decimal(str(FEES["binance"])), Decimal(str(FEES["mexc"]))),
        min_spread=Decimal(str(wanted.params["min_spread_bps"])),
        min_net=Decimal(str(wanted.params["min_net_edge_bps"])),
        slip=Decimal(str(wanted.params["slippage_bps"])),
        position=Decimal(str(wanted.params["max_position_usd"])),
        cooldown_ns=int(wanted.params["cooldown_ms"] * 1e6),
        start_ns=wanted.start_ns,
        end_ns=wanted.end_ns,
        cash=[Decimal(int(each / 2 * 1e8)) * E8] * 2,
        base=[base] * 2,
    )
    found.run()
    return found


@pytest.mark.parametrize("seed", [*range(40), 267])  # 267 ends with a hedge that waits for a silent venue
def test_the_core_trades_and_books_as_the_decimal_twin_does(seed: int) -> None:
    params = {
        "min_spread_bps": 18.0 + seed % 5,
        "min_net_edge_bps": 1.0,
        "slippage_bps": float(seed % 3),
        "max_position_usd": 150.0 + 100 * (seed % 4),
        "cooldown_ms": float([250, 0, 120_000, 60_000][seed % 4]),
        "max_quote_age_ms": 250.0,
    }
    wanted = request(MINUTES, params=params, capital_usd=3_000.0)
    store = walk(seed, MINUTES)
    tape = build_tape(wanted, store, desk())
    found = core_run_of(tape, run_tape(tape, wanted).request)
    twin = twin_of(wanted, store)

    ours = [
        tuple(int(trade[name]) for name in ("time_ns", "buy_venue", "qty", "bought_qty", "sold_qty", "hedges"))
        for trade in found.trades
    ]
    theirs = [
        (p.time_ns, p.buy_venue, int(p.qty * 100_000), int(p.bought * 100_000), int(p.sold * 100_000), p.hedges)
        for p in twin.pairs
    ]
    assert ours == theirs
    for trade, pair in zip(found.trades, twin.pairs, strict=True):
        assert int(trade["final_ns"]) == (pair.final_ns or 0)
        assert abs(Decimal(int(trade["bought_e8"])) * E8 - pair.paid) <= E8
        assert abs(Decimal(int(trade["sold_e8"])) * E8 - pair.received) <= E8
        assert abs(Decimal(int(trade["fees_e8"])) * E8 - pair.fees) <= 2 * E8
    assert [int(point["time_ns"]) for point in found.points] == [at for at, _ in twin.curve]
    for point, (_, gained) in zip(found.points, twin.curve, strict=True):
        assert abs(Decimal(int(point["trading_e8"])) * E8 - gained) <= 2 * E8


def test_the_histories_of_the_twin_do_trade_hedge_and_fall_silent() -> None:
    pairs = hedges = silent = 0
    for seed in range(40):
        wanted = request(MINUTES, capital_usd=3_000.0)
        tape = build_tape(wanted, walk(seed, MINUTES), desk())
        result = run_tape(tape, wanted)
        pairs, hedges = pairs + len(result.trades), hedges + result.metrics.hedges
        silent += sum(used.missing + used.stale for used in tape.data)
    assert pairs > 400 and hedges > 100 and silent > 1_000
    assert START % MINUTE == 0
