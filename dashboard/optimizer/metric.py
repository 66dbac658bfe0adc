"""What candidates can be ranked by: figures of a backtest that depend on the parameters, each with its direction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dashboard.backtest.types import Metrics
from dashboard.optimizer.errors import OptimizerError


@dataclass(frozen=True)
class Metric:
    """more_is_better: its direction. Where less is better, not trading at all is no achievement (see rank)."""

    name: str
    label: str
    unit: str
    more_is_better: bool

    def value(self, metrics: Metrics) -> float | None:
        """None: not defined on this run."""
        found = getattr(metrics, self.name)
        return None if found is None or not math.isfinite(found) else float(found)

    def text(self, value: float | None) -> str:
        if value is None:
            return "not defined"
        shown = f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.2f}"
        return f"{shown} {self.unit}".rstrip()


_ALL = (
    Metric("sharpe_ratio", "Sharpe ratio", "", True),
    Metric("trading_pnl_usd", "Trading P&L", "USD", True),
    Metric("return_fraction", "Return on capital", "(fraction)", True),
    Metric("win_rate_fraction", "Win rate", "(fraction)", True),
    Metric("max_drawdown_usd", "Largest drawdown", "USD", False),
    Metric("max_drawdown_fraction", "Largest drawdown", "(fraction of capital)", False),
    Metric("trades", "Trades", "", True),
    Metric("wins", "Winning trades", "", True),
    Metric("losses", "Losing trades", "", False),
    Metric("opportunities", "Opportunities", "", True),
    Metric("volume_usd", "Volume", "USD", True),
    Metric("fees_usd", "Fees", "USD", False),
    Metric("one_leg", "One-leg trades", "", False),
    Metric("hedges", "Hedges", "", False),
)
METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
# No choice of parameters: the price of the inventory, and why a run stopped.
NOT_RANKED = ("holding_pnl_usd", "halted", "halted_ns")


def metric_named(name: str) -> Metric:
    found = METRICS.get(name) if isinstance(name, str) else None
    if found is None:
        raise OptimizerError("metric", name, f"one of {', '.join(METRICS)}")
    return found
