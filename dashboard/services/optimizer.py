"""`StrategyOptimizer`: searches parameters over the backtests of one service, and says what it searched on.

optimizer = StrategyOptimizer(backtest)
best_params, results = optimizer.grid_search(strategy="cross_exchange",
    param_grid={"min_spread_bps": [50, 75, 100], "max_position_usd": [300, 500]}, metric="sharpe_ratio")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from dashboard.backtest.run import build_tape, run_grid
from dashboard.backtest.types import BacktestRequest
from dashboard.db import studies
from dashboard.optimizer import Metric, OptimizerError, StudyResult, grid_of, metric_named
from dashboard.services.default_data import Backtests, choose_data
from dashboard.services.study import Progress, StudyPlan, run_study
from dashboard.services.study_store import StudyStore

Moment = str | int | date | datetime


class StrategyOptimizer:
    """Args: show, where the familiar lines go: `print`, or a function that takes one line; None: nowhere."""

    def __init__(self, backtest: Backtests, *, show: Callable[[str], None] | None = print) -> None:
        self._backtest = backtest
        self._show = show or (lambda _: None)

    def grid_search(
        self,
        strategy: str,
        param_grid: Mapping[str, Sequence[float]],
        metric: str = "sharpe_ratio",
        symbols: Sequence[str] | None = None,
        exchanges: Sequence[str] | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        capital_usd: float | None = None,
        params: Mapping[str, float] | None = None,
        *,
        threads: int | None = None,
        **assumptions: Any,
    ) -> tuple[dict[str, float], StudyResult]:
        """Backtests every combination of `param_grid` on all cores; also inside a running event loop.

        Args: params, fixed parameters beside the grid's, all others are the schema's defaults; threads, None: one a
        core; assumptions, as run_backtest's, such as latency_ms or taker_fee_bps. Data that are not given are those of
        the last run of the backtest service, or without one the strategy's as configured over the last 7 days on disk;
        the result says which.
        Returns (best parameters of the grid, all results). Raises OptimizerError naming field, value and allowed.
        """
        plan = self.plan(
            strategy, param_grid, metric, symbols, exchanges, start_date, end_date, capital_usd, params, **assumptions
        )
        self._show(f"Optimizing {plan.request.strategy}: {len(plan.grid)} combinations by {plan.metric.name}")
        self._show(f"  Data: {plan.data_sentence}")
        result = self.run(plan, progress=self._tell(plan.metric), threads=threads)
        self._show(str(result))
        return result.best_params, result

    def plan(
        self,
        strategy: str,
        param_grid: Mapping[str, Sequence[float]],
        metric: str = "sharpe_ratio",
        symbols: Sequence[str] | None = None,
        exchanges: Sequence[str] | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        capital_usd: float | None = None,
        params: Mapping[str, float] | None = None,
        **assumptions: Any,
    ) -> StudyPlan:
        """Checks everything and chooses the data; runs nothing."""
        judge, grid = metric_named(metric), grid_of(param_grid)
        given = {
            "symbols": symbols,
            "exchanges": exchanges,
            "start_date": start_date,
            "end_date": end_date,
            "capital_usd": capital_usd,
            **assumptions,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if params is not None and (both := sorted(params.keys() & grid.values.keys())):
            raise OptimizerError(f"params.{both[0]}", params[both[0]], "either in params or in param_grid")
        values, phrase = choose_data(self._backtest, strategy, given)
        fixed = dict(params or {})
        request = self._backtest.request(strategy=strategy, params=fixed, **values)
        return StudyPlan(request, grid, judge, f"{_data_text(request)} ({phrase})", fixed)

    def run(
        self,
        plan: StudyPlan,
        *,
        study_id: str | None = None,
        progress: Callable[[Progress], None] | None = None,
        may_write: Callable[[], None] = lambda: None,
        threads: int | None = None,
    ) -> StudyResult:
        """Runs a plan; what the study has trials of already is not run again.

        Args: study_id, of the database; None: a new one, where there is a database. may_write, see StudyStore.
        """
        db = self._backtest.db
        if db is not None and study_id is None:
            study_id = studies.create_study(db, plan.spec())
        store = StudyStore(db, study_id, may_write) if db is not None and study_id is not None else None
        try:
            tape = build_tape(plan.request, self._backtest.store)
            result = run_study(
                plan,
                lambda candidates: run_grid(tape, plan.request, candidates, threads=threads),
                earlier=() if store is None else store.trials(),
                store=store,
                progress=progress,
                study_id=study_id,
            )
        except BaseException as error:
            if store is not None:
                store.finish("failed" if isinstance(error, Exception) else "cancelled")
            raise
        if store is not None:
            store.finish("done")
        return result

    def _tell(self, metric: Metric) -> Callable[[Progress], None]:
        def tell(progress: Progress) -> None:
            self._show(
                f"  {progress.done}/{progress.total} combinations tested, "
                f"best {metric.name} {metric.text(progress.best.value)}"
            )

        return tell


def with_candidate(request: BacktestRequest, params: Mapping[str, float]) -> BacktestRequest:
    """The request of one trial, for its full backtest."""
    return replace(request, params={**request.params, **params})


def _data_text(request: BacktestRequest) -> str:
    return (
        f"{', '.join(request.symbols)} on {', '.join(request.exchanges)}, "
        f"{_day(request.start_ns)} to {_day(request.end_ns)} UTC"
    )


def _day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
