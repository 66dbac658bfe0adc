"""Backtests for tests of the dashboard: figures that follow from the parameters by a formula known here.

Stands in for the service over the compiled core, which is tested elsewhere; the store, the database, the optimizer and
the deployment behind the pages are the real ones.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dashboard.backtest.history import HistoryStore
from dashboard.backtest.types import BacktestRequest, BacktestResult, DataUsed, Equity, Metrics, Trades
from dashboard.db import Database
from dashboard.optimizer import OptimizerError, check_value, parameters

MINUTE_NS = 60 * 10**9
UNKNOWN_SYMBOL = "NONEUSDT"


def pnl_of(params: dict[str, float]) -> float:
    """Best at a spread of 20 bps and growing with the position; negative far from it."""
    spread, position = params["min_spread_bps"], params["max_position_usd"]
    return round(position / 100 * (12 - (spread - 20) ** 2 / 25), 4)


def metrics_of(params: dict[str, float]) -> Metrics:
    trades = max(0, 60 - int(params["min_spread_bps"]))
    pnl = pnl_of(params) if trades else 0.0
    return Metrics(
        trades=trades,
        wins=trades // 2 + 1 if trades else 0,
        losses=trades - trades // 2 - 1 if trades else 0,
        win_rate_fraction=(trades // 2 + 1) / trades if trades else None,
        trading_pnl_usd=pnl,
        holding_pnl_usd=-31.25,
        fees_usd=trades * 0.75,
        volume_usd=trades * params["max_position_usd"] * 2,
        return_fraction=pnl / 10_000,
        sharpe_ratio=round(pnl / 10, 4) if trades else None,
        max_drawdown_usd=4.2,
        max_drawdown_fraction=4.2 / 10_000,
        opportunities=trades * 3,
        one_leg=1 if trades else 0,
        hedges=1 if trades else 0,
        halted=None,
        halted_ns=None,
    )


def _trades(request: BacktestRequest, metrics: Metrics) -> Trades:
    count = metrics.trades
    step = max(1, (request.end_ns - request.start_ns) // max(1, count))
    times = request.start_ns + np.arange(count, dtype=np.int64) * step
    pnl = np.full(count, metrics.trading_pnl_usd / max(1, count)) + np.cos(np.arange(count)) / 100
    sell = np.full(count, 60_060.0)
    if count > 3:
        sell[3] = math.nan  # one leg only
    return Trades(
        time_ns=times,
        final_ns=times + 50 * 10**6,
        symbol=[request.symbols[index % len(request.symbols)] for index in range(count)],
        buy_venue=[request.exchanges[index % 2] for index in range(count)],
        sell_venue=[request.exchanges[1 - index % 2] for index in range(count)],
        qty=np.full(count, 0.0083),
        buy_price=np.full(count, 60_000.0),
        sell_price=sell,
        gross_bps=np.linspace(20, 40, count),
        net_bps=np.linspace(5, 25, count),
        fees_usd=np.full(count, 0.75),
        pnl_usd=pnl,
        outcome=["ONE_LEG" if index == 3 else "BOTH" for index in range(count)],
        hedges=np.array([int(index == 3) for index in range(count)], dtype=np.int64),
    )


def _equity(request: BacktestRequest, metrics: Metrics) -> Equity:
    times = np.arange(request.start_ns, request.end_ns, MINUTE_NS, dtype=np.int64)
    share = np.linspace(0, 1, len(times))
    trading = metrics.trading_pnl_usd * share + np.sin(share * 40) * 2
    holding = metrics.holding_pnl_usd * share
    return Equity(times, trading, holding, request.capital_usd + trading + holding)


class FakeBacktests:
    """The surface of BacktestService that the dashboard uses."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.store = HistoryStore()
        self.last_request: BacktestRequest | None = None

    def scope(self, strategy: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ("BTCUSDT",), ("binance", "mexc")

    def request(self, **values: Any) -> BacktestRequest:
        if values["strategy"] != "cross_exchange":
            raise OptimizerError("strategy", values["strategy"], "cross_exchange")
        if UNKNOWN_SYMBOL in values["symbols"]:
            raise OptimizerError("symbols", UNKNOWN_SYMBOL, "a symbol that is on disk")
        given = values.pop("params")
        params = {name: check_value(name, given.get(name, known.default)) for name, known in parameters().items()}
        for name in given:
            check_value(name, given[name])
        start_ns, end_ns = values.pop("start_date"), values.pop("end_date")
        symbols, exchanges = tuple(values.pop("symbols")), tuple(values.pop("exchanges"))
        return BacktestRequest(
            symbols=symbols, exchanges=exchanges, start_ns=start_ns, end_ns=end_ns, params=params, **values
        )

    def run(self, request: BacktestRequest) -> BacktestResult:
        metrics = metrics_of(request.params)
        data = tuple(
            DataUsed(venue, symbol, request.kind, request.start_ns, request.end_ns, 1440, 3, 7, "synthetic sample",
                     "ab" * 32)
            for venue in request.exchanges for symbol in request.symbols
        )  # fmt: skip
        return BacktestResult(
            request=request,
            metrics=metrics,
            trades=_trades(request, metrics),
            equity=_equity(request, metrics),
            refusals={"COOLDOWN": 12, "MIN_NET_EDGE": 40},
            data=data,
            assumptions=("Fills at the first quote after 50 ms.", "Capital is split evenly over 2 venues."),
            notes=("The history is invented.",),
            took_ms=12.0,
        )
