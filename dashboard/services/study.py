"""One search as it runs: candidates in batches on all cores, each batch in the database before the next begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dashboard.backtest.plain import plain
from dashboard.backtest.types import BacktestRequest, Metrics
from dashboard.optimizer import NO_EDGE, Grid, Metric, StudyResult, Trial, has_edge, ranked
from dashboard.optimizer.rank import rank_key

BATCH_FIRST = 8
BATCH_MAX = 1000
BATCH_WANTED_S = 0.5  # between two reports of progress, and what a kill can lose


@dataclass(frozen=True)
class StudyPlan:
    """What is searched on what. data_sentence: which data, and who chose it. fixed: parameters that the caller set
    beside the grid; all others of the request are the schema's defaults.
    """

    request: BacktestRequest
    grid: Grid
    metric: Metric
    data_sentence: str
    fixed: dict[str, float]

    def spec(self) -> dict[str, Any]:
        """As the database keeps it, in plain JSON types."""
        return {
            "strategy": self.request.strategy,
            "request": plain(self.request),
            "param_grid": plain(self.grid.values),
            "fixed": dict(self.fixed),
            "metric": self.metric.name,
            "more_is_better": self.metric.more_is_better,
            "combinations": len(self.grid),
            "data": self.data_sentence,
        }


@dataclass(frozen=True)
class Progress:
    """best: of those done so far."""

    done: int
    total: int
    best: Trial


class TrialStore(Protocol):
    """Where finished trials go. Raises to end the search: nothing more is run or written."""

    def add(self, trials: Sequence[Trial]) -> None: ...


RunCandidates = Callable[[list[dict[str, float]]], Sequence[Metrics | None]]


def run_study(
    plan: StudyPlan,
    run_candidates: RunCandidates,
    *,
    earlier: Iterable[Trial] = (),
    store: TrialStore | None = None,
    progress: Callable[[Progress], None] | None = None,
    study_id: str | None = None,
) -> StudyResult:
    """Runs every candidate of the grid that is not among `earlier`, the trials of an attempt that was interrupted.

    Args: run_candidates, whole parameter sets -> their metrics in the same order.
    """
    started = time.monotonic()
    done = {trial.number: trial for trial in earlier}
    candidates = list(plan.grid)
    best = min(done.values(), key=lambda trial: rank_key(trial, plan.metric), default=None)
    waiting = [(number, params) for number, params in enumerate(candidates) if number not in done]
    for batch in _batches(waiting):
        whole = [{**plan.request.params, **params} for _, params in batch]
        found = [
            Trial(number, params, metrics, plan.metric.value(metrics))
            for (number, params), metrics in zip(batch, run_candidates(whole), strict=True)
            if metrics is not None  # None: left out by a cancelled grid, and this one is never cancelled
        ]
        if store is not None:
            store.add(found)
        done.update((trial.number, trial) for trial in found)
        best = min(found if best is None else [best, *found], key=lambda trial: rank_key(trial, plan.metric))
        if progress is not None:
            progress(Progress(len(done), len(candidates), best))
    trials = tuple(done[number] for number in range(len(candidates)))
    return _result(plan, trials, study_id, (time.monotonic() - started) * 1000)


def _batches(waiting: list[tuple[int, dict[str, float]]]) -> Iterator[list[tuple[int, dict[str, float]]]]:
    """Batches of about BATCH_WANTED_S each: the time until the next is asked for tells how long one took."""
    first, count = 0, BATCH_FIRST
    while first < len(waiting):
        started = time.monotonic()
        yield waiting[first : first + count]
        first += count
        took_s = max(time.monotonic() - started, 1e-6)
        count = max(1, min(BATCH_MAX, round(count * BATCH_WANTED_S / took_s)))


def _result(plan: StudyPlan, trials: tuple[Trial, ...], study_id: str | None, took_ms: float) -> StudyResult:
    order = ranked(trials, plan.metric)
    edge = has_edge(trials)
    return StudyResult(
        request=plan.request,
        param_grid=plan.grid.values,
        metric=plan.metric,
        trials=trials,
        ranking=tuple(trial.number for trial in order),
        edge=edge,
        data_sentence=plan.data_sentence,
        notes=tuple(_notes(plan, trials, order[0], edge)),
        fixed=plan.fixed,
        study_id=study_id,
        took_ms=took_ms,
    )


def _notes(plan: StudyPlan, trials: tuple[Trial, ...], best: Trial, edge: bool) -> Iterator[str]:
    metric = plan.metric
    if not edge:
        yield f"{NO_EDGE}: none of the {len(trials)} candidates earned anything by trading on this data."
    elif best.metrics is not None and best.metrics.trading_pnl_usd <= 0:
        yield f"the best by {metric.name} earned nothing by trading ({best.metrics.trading_pnl_usd:+,.2f} USD)."
    if undefined := sum(trial.value is None for trial in trials):
        why = " (it needs 2 days and P&L that varies)" if metric.name == "sharpe_ratio" else ""
        yield f"{metric.name} is not defined on {undefined} of {len(trials)} candidates{why}; they rank last."
    if halted := sum(trial.metrics is not None and trial.metrics.halted is not None for trial in trials):
        yield f"{halted} of {len(trials)} candidates halted early; they rank after those that traded to the end."
