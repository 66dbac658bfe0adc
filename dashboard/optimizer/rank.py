"""Which candidate is better: a total order, so that the same trials always have the same best.

From best to worst: first those that traded to the end, by the metric in its direction; then those that halted early (a
run that stopped has a small drawdown because it stopped); then those that did not trade where less is better (doing
nothing has no drawdown and no fees); last those on which the metric is not defined. Ties: more trading P&L, then less
drawdown, then the lower number, which is the order of the grid.
"""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.optimizer.metric import Metric
from dashboard.optimizer.types import Trial

NO_EDGE = "no edge"

Key = tuple[int, float, float, float, int]


def _group(trial: Trial, metric: Metric) -> int:
    if trial.metrics is None or trial.value is None:
        return 3
    if not metric.more_is_better and trial.metrics.trades == 0:
        return 2
    return 1 if trial.metrics.halted is not None else 0


def rank_key(trial: Trial, metric: Metric) -> Key:
    """Smaller is better."""
    value = 0.0 if trial.value is None else trial.value
    pnl = 0.0 if trial.metrics is None else trial.metrics.trading_pnl_usd
    drawdown = 0.0 if trial.metrics is None else trial.metrics.max_drawdown_usd
    return (_group(trial, metric), -value if metric.more_is_better else value, -pnl, drawdown, trial.number)


def ranked(trials: Iterable[Trial], metric: Metric) -> list[Trial]:
    """Best first."""
    return sorted(trials, key=lambda trial: rank_key(trial, metric))


def has_edge(trials: Iterable[Trial]) -> bool:
    """Whether any candidate earned by trading; holding the inventory does not count."""
    return any(trial.metrics is not None and trial.metrics.trading_pnl_usd > 0 for trial in trials)
