"""Metrics and trials as the tests want them."""

from __future__ import annotations

from typing import Any

from dashboard.backtest.types import Metrics
from dashboard.optimizer import Trial, metric_named

_QUIET: dict[str, Any] = {
    "trades": 0,
    "wins": 0,
    "losses": 0,
    "win_rate_fraction": None,
    "trading_pnl_usd": 0.0,
    "holding_pnl_usd": 0.0,
    "fees_usd": 0.0,
    "volume_usd": 0.0,
    "return_fraction": 0.0,
    "sharpe_ratio": None,
    "max_drawdown_usd": 0.0,
    "max_drawdown_fraction": 0.0,
    "opportunities": 0,
    "one_leg": 0,
    "hedges": 0,
    "halted": None,
    "halted_ns": None,
}


def metrics_with(**values: Any) -> Metrics:
    """Of a run that did not trade, but for `values`."""
    return Metrics(**{**_QUIET, **values})


def trial_with(number: int, metric: str, **values: Any) -> Trial:
    metrics = metrics_with(**values)
    return Trial(number, {"min_spread_bps": float(number)}, metrics, metric_named(metric).value(metrics))
