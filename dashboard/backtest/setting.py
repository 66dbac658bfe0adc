"""What the core is told for a run: tables, limits, times, opening balances."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.core import CoreOptions, CoreSetup
from dashboard.backtest.desk import units
from dashboard.backtest.params import core_params
from dashboard.backtest.request import fee_bps
from dashboard.backtest.tape import BAR_NS, CANDLES, Tape
from dashboard.backtest.types import BacktestRequest

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
QUOTE_WAIT_NS = 5 * SECOND_NS
STALE_BARS = 2


@dataclass(frozen=True)
class Times:
    """How long an order and its answer travel, and how long an order waits for a quote to meet."""

    latency_ns: int
    answer_ns: int
    wait_ns: int
    mark_ns: int
    stale_ns: int


def times_of(request: BacktestRequest) -> Times:
    """Bars know no milliseconds: there only whole bars of latency count, and the next quote is the next bar's open."""
    latency_ns = round(request.latency_ms * MS_NS)
    if request.kind == CANDLES:
        return Times(latency_ns // BAR_NS * BAR_NS, 0, BAR_NS, BAR_NS, STALE_BARS * BAR_NS)
    return Times(latency_ns, latency_ns, QUOTE_WAIT_NS, SECOND_NS, MINUTE_NS)


def setup_of(tape: Tape, request: BacktestRequest) -> CoreSetup:
    """request: checked, and of the tape's data."""
    desk, times = tape.desk, times_of(request)
    quote = tape.instruments[0].quote
    assets = tuple(dict.fromkeys([quote, *(item.base for item in tape.instruments)]))
    answered_ns = times.latency_ns + times.wait_ns + times.answer_ns + SECOND_NS
    extras = {**desk.extras, "answer_timeout_ns": max(desk.extras["answer_timeout_ns"], answered_ns)}
    # A mark must find the sample of the mark before it.
    extras["reference_window_ns"] = max(desk.extras["reference_window_ns"], times.mark_ns)
    return CoreSetup(
        venues=request.exchanges,
        symbols=tuple(item.core(assets) for item in tape.instruments),
        assets=assets,
        fee_ppm=tuple(
            tuple(units(fee_bps(request, desk, venue, item.name), 100) for item in tape.instruments)
            for venue in request.exchanges
        ),
        strategy=request.strategy,
        params=core_params(request.params),
        limits=desk.limit_codes(),
        extras=extras,
        hedge_slip_bps_e4=desk.hedge_slip_bps_e4,
    )


def options_of(tape: Tape, request: BacktestRequest, setup: CoreSetup) -> CoreOptions:
    times = times_of(request)
    each = request.capital_usd / len(request.exchanges)
    balance = [0] * len(setup.assets)
    balance[0] = int(each / 2 * 1e8)
    for item, price in zip(tape.instruments, tape.first_price, strict=True):
        balance[setup.assets.index(item.base)] += int(each / 2 / len(tape.instruments) / price * 1e8)
    return CoreOptions(
        start_ns=request.start_ns,
        end_ns=request.end_ns,
        latency_ns=times.latency_ns,
        answer_ns=times.answer_ns,
        wait_ns=times.wait_ns,
        mark_ns=times.mark_ns,
        curve_ns=MINUTE_NS,
        stale_ns=times.stale_ns,
        balance_e8=tuple(tuple(balance) for _ in request.exchanges),
    )
