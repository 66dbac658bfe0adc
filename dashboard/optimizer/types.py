"""What a search tried and what it found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dashboard.backtest.plain import plain
from dashboard.backtest.types import BacktestRequest, Metrics

if TYPE_CHECKING:
    import pandas as pd

    from dashboard.optimizer.metric import Metric


@dataclass(frozen=True)
class Trial:
    """One candidate. value: its metric, None where that is not defined."""

    number: int  # place in the grid, from 0
    params: dict[str, float]
    metrics: Metrics | None
    value: float | None

    def row(self) -> dict[str, Any]:
        """As the database keeps it."""
        metrics = None if self.metrics is None else plain(self.metrics)
        state = "done" if self.metrics is None or self.metrics.halted is None else "halted"
        return {
            "number": self.number,
            "params": dict(self.params),
            "metrics": metrics,
            "value": self.value,
            "state": state,
        }


@dataclass(frozen=True)
class StudyResult:
    """A search, whole. `ranking` holds the numbers of the trials, best first."""

    request: BacktestRequest  # the data and assumptions that all candidates share
    param_grid: dict[str, tuple[float, ...]]
    metric: Metric
    trials: tuple[Trial, ...]  # by number
    ranking: tuple[int, ...]
    edge: bool  # False: no candidate earned anything by trading
    data_sentence: str  # which data, and who chose it
    notes: tuple[str, ...]
    fixed: dict[str, float]  # parameters that the caller set beside the grid
    study_id: str | None  # in the database
    took_ms: float

    @property
    def best(self) -> Trial:
        return self.trials[self.ranking[0]]

    @property
    def best_params(self) -> dict[str, float]:
        return dict(self.best.params)

    @property
    def best_value(self) -> float | None:
        return self.best.value

    def __len__(self) -> int:
        return len(self.trials)

    def __str__(self) -> str:
        best = ", ".join(f"{name}={value:g}" for name, value in self.best.params.items())
        lines = [
            f"Optimization {self.request.strategy} on {', '.join(self.request.symbols)}",
            f"  Data                 {self.data_sentence}",
            f"  Combinations tested  {len(self.trials)}",
            f"  Best parameters      {best}",
            f"  Best {self.metric.name:<15} {self.metric.text(self.best.value)}",
        ]
        if self.best.metrics is not None:
            lines.append(f"  Trading P&L          {self.best.metrics.trading_pnl_usd:+,.2f} USD")
            lines.append(f"  Trades               {self.best.metrics.trades}")
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    def to_frame(self) -> pd.DataFrame:
        """One row a trial, best first: number, parameters, value, every metric."""
        import pandas as pd

        rows = []
        for number in self.ranking:
            trial = self.trials[number]
            metrics = {} if trial.metrics is None else asdict(trial.metrics)
            rows.append({"number": number, **trial.params, "value": trial.value, **metrics})
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; trials best first."""
        return {
            "study_id": self.study_id,
            "strategy": self.request.strategy,
            "request": plain(self.request),
            "param_grid": plain(self.param_grid),
            "fixed": dict(self.fixed),
            "metric": self.metric.name,
            "more_is_better": self.metric.more_is_better,
            "combinations": len(self.trials),
            "best_number": self.best.number,
            "best_params": self.best_params,
            "best_value": self.best.value,
            "best_metrics": plain(self.best.metrics),
            "edge": self.edge,
            "data": self.data_sentence,
            "notes": list(self.notes),
            "took_ms": self.took_ms,
            "trials": [self.trials[number].row() for number in self.ranking],
        }
