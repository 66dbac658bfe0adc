"""What a result says in sentences: what was assumed, and what a reader must know to judge it."""

from __future__ import annotations

import numpy as np

from bridge.core import CoreRun
from dashboard.backtest.request import fee_bps
from dashboard.backtest.setting import QUOTE_WAIT_NS, SECOND_NS, STALE_BARS
from dashboard.backtest.tape import BAR_NS, CANDLES, Tape
from dashboard.backtest.types import BacktestRequest


def assumptions_of(tape: Tape, request: BacktestRequest) -> tuple[str, ...]:
    return (*_quotes(tape, request), *_orders(request), _fees(tape, request), *_desk(tape, request))


def _quotes(tape: Tape, request: BacktestRequest) -> tuple[str, ...]:
    if request.kind != CANDLES:
        return ("Prices and sizes are the recorded best bids and offers.",)
    return (
        (f"Bid and ask lie {request.half_spread_bps:g} bps below and above each bar's open and close: candles have no "
        "spread of their own."),
        f"{request.bar_size_usd:,.0f} USD are shown on each side, but never more than the bar's own volume.",
        ("Decisions are made at closes, when those of all venues are in; bars without volume and missing bars give no "
        "price."),
        (f"A venue without a traded bar for {STALE_BARS} minutes is stale: its last price counts in no mark, no order "
        "goes there."),
    )


def _orders(request: BacktestRequest) -> tuple[str, ...]:
    if request.kind != CANDLES:
        return (
            (f"An order reaches its venue {request.latency_ms:g} ms after the decision and takes that venue's first "
            f"quote from then on, within its limit and the size shown; the answer takes {request.latency_ms:g} ms "
            f"more. Without a quote within {QUOTE_WAIT_NS // SECOND_NS} s it expires."),
        )
    bars = int(request.latency_ms * 1e6) // BAR_NS
    when = "at the open of its venue's next bar" if bars == 0 else f"{bars} bar{'s' if bars > 1 else ''} later"
    return (
        (f"An order decided at a close fills {when}, within its limit and the size shown, or not at all: candles "
        f"cannot show {request.latency_ms:g} ms."),
    )


def _fees(tape: Tape, request: BacktestRequest) -> str:
    fees = {
        (venue, item.name): fee_bps(request, tape.desk, venue, item.name)
        for venue in request.exchanges
        for item in tape.instruments
    }
    listed = [f"{venue} {request.taker_fee_bps[venue]:g} bps" for venue in request.exchanges]
    own = [
        f"{venue} {name} {fee:g} bps" for (venue, name), fee in fees.items() if fee != request.taker_fee_bps[venue]
    ]
    return f"Taker fees: {', '.join([*listed, *own])}, taken from what is received."


def _desk(tape: Tape, request: BacktestRequest) -> tuple[str, ...]:
    each = request.capital_usd / len(request.exchanges)
    quote = tape.instruments[0].quote
    bases = " and ".join(item.base for item in tape.instruments)
    return (
        (f"{request.capital_usd:,.2f} {quote} of capital: {each:,.2f} at each venue, half in {quote}, half in {bases} "
        "at the first price. Nothing is moved between venues."),
        (f"Risk limits are those of {tape.desk.path.name}. What waits for a person there stays off here: after a loss "
        "limit nothing trades any more."),
    )


def notes_of(tape: Tape, request: BacktestRequest, run: CoreRun) -> tuple[str, ...]:
    return (*_data_notes(tape), *_limit_notes(tape, request), *_run_notes(run))


def _data_notes(tape: Tape) -> list[str]:
    notes = []
    if tape.synthetic:
        notes.append("The data is synthetic: it says nothing about a market.")
    for used in tape.data:
        if used.missing or used.stale:
            notes.append(
                f"{used.venue} {used.symbol}: {used.missing:,} bars missing, {used.stale:,} of {used.rows:,} without "
                "volume; no decision uses them."
            )
    unknown = [item.name for item in tape.instruments if not item.known]
    if unknown:
        listed, name = ", ".join(unknown), tape.desk.path.name
        notes.append(f"{listed}: not in {name}; price and size steps follow the first price.")
    return notes


def _limit_notes(tape: Tape, request: BacktestRequest) -> list[str]:
    most = tape.desk.limits["ORDER_NOTIONAL"] / 1e8
    position = request.params["max_position_usd"]
    if position <= most:
        return []
    return [
        (f"max_position_usd {position:,.0f} is above the risk limit max_order_notional_usd {most:,.0f}: "
        "an order larger than the limit is refused, not cut.")
    ]


def _run_notes(run: CoreRun) -> list[str]:
    result = run.result
    notes = []
    if result["missed"]:
        notes.append(f"{int(result['missed']):,} of {int(result['pairs']):,} pairs of orders filled on neither leg.")
    if result["unfinished"]:
        notes.append(f"{int(result['unfinished']):,} pairs were not final at the end; their residual counts at marks.")
    for alarm in result["alarm"][: int(result["alarm_count"])]:
        at = np.datetime64(int(alarm["time_ns"]), "ns").astype("datetime64[s]")
        notes.append(f"{at}Z {alarm['code'].decode()}: {alarm['text'].decode('utf-8', 'replace')}")
    return notes
