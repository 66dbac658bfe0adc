"""A request, checked: whatever is wrong is named with its field, its value and what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bridge.core import core_layout
from dashboard.backtest.desk import Desk
from dashboard.backtest.errors import BacktestError
from dashboard.backtest.instruments import quotes_check
from dashboard.backtest.params import params_checked, strategy_check
from dashboard.backtest.tape import KINDS
from dashboard.backtest.types import BacktestRequest

CAPITAL_USD_MAX = 1e9
LATENCY_MS_MAX = 600_000.0
HALF_SPREAD_BPS_MAX = 1_000.0
FEE_BPS_MAX = 1_000.0
NAME_LENGTH_MAX = 15  # of a venue, in the core's table


def request_checked(request: BacktestRequest, desk: Desk) -> BacktestRequest:
    """The request with all parameters and fees filled in. Raises BacktestError."""
    constants = core_layout().constants
    strategy_check(request.strategy)
    _names("symbols", request.symbols, 1, constants["ABI_SYMBOL_MAX"], "[A-Z0-9][A-Z0-9_-]{0,30}", "such as BTCUSDT")
    _names("exchanges", request.exchanges, 2, constants["ABI_VENUE_MAX"], "[a-z0-9][a-z0-9_-]{0,14}", "such as binance")
    if not 0 < request.start_ns < request.end_ns:
        raise BacktestError("start_date", _text(request.start_ns), f"must lie before end_date {_text(request.end_ns)}")
    if request.kind not in KINDS:
        raise BacktestError("kind", request.kind, f"allowed: {', '.join(KINDS)}")
    _number("capital_usd", request.capital_usd, 1.0, CAPITAL_USD_MAX)
    _number("half_spread_bps", request.half_spread_bps, 0.0, HALF_SPREAD_BPS_MAX)
    _number("bar_size_usd", request.bar_size_usd, 1.0, CAPITAL_USD_MAX)
    _number("latency_ms", request.latency_ms, 0.0, LATENCY_MS_MAX)
    quotes_check(request.symbols, desk)
    return replace(request, params=params_checked(request.params), taker_fee_bps=_fees(request, desk))


def _text(ns: int) -> str:
    return f"{np.datetime64(ns, 'ns').astype('datetime64[s]')}Z"


def _names(field: str, names: Sequence[str], least: int, most: int, form: str, example: str) -> None:
    if not least <= len(names) <= most or len(set(names)) != len(names):
        raise BacktestError(field, list(names), f"allowed are {least} to {most} different names")
    for name in names:
        if not isinstance(name, str) or re.fullmatch(form, name) is None:
            raise BacktestError(field, name, f"not a name, {example}")


def _number(field: str, value: object, least: float, most: float) -> None:
    sane = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not sane or not least <= float(value) <= most:  # type: ignore[arg-type]
        raise BacktestError(field, value, f"allowed is a number from {least:g} to {most:g}")


def _fees(request: BacktestRequest, desk: Desk) -> dict[str, float]:
    for venue, fee in request.taker_fee_bps.items():
        if venue not in request.exchanges:
            exchanges = ", ".join(request.exchanges)
            raise BacktestError("taker_fee_bps", venue, f"not one of the run's exchanges: {exchanges}")
        _number(f"taker_fee_bps.{venue}", fee, 0.0, FEE_BPS_MAX)
    known = {**desk.taker_fee_bps, **request.taker_fee_bps}
    for venue in request.exchanges:
        if venue not in known:
            example = f"taker_fee_bps={{{venue!r}: 10.0}}"
            raise BacktestError(
                "exchanges", venue, f"{desk.path} has no fee for it; state one, such as {example}, or use one of "
                f"{', '.join(desk.taker_fee_bps)}",
            )  # fmt: skip
    return {venue: float(known[venue]) for venue in request.exchanges}


def fee_bps(request: BacktestRequest, desk: Desk, venue: str, symbol: str) -> float:
    """What a checked request pays: engine.json's own fee of a symbol counts where the request says the venue's."""
    held = desk.symbols.get(symbol)
    stated = request.taker_fee_bps[venue]
    if held is None or stated != desk.taker_fee_bps.get(venue):
        return stated
    return held.taker_fee_bps.get(venue, stated)
