"""What each kind of job does, in a process of its own. Specs and results: see JobService."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from dashboard.backtest.history import HistoryStore
from dashboard.backtest.history.fetch import fetch_candles
from dashboard.backtest.plain import plain
from dashboard.backtest.run import build_tape, run_grid
from dashboard.db import Database
from dashboard.db.runs import save_run
from dashboard.optimizer import grid_of, metric_named
from dashboard.services.backtest import BacktestService
from dashboard.services.requests import request_from
from dashboard.services.study import Progress, StudyPlan, run_study
from dashboard.services.study_store import StudyStore
from dashboard.services.worker_messages import ChildJob, Executor, WorkerLink

DOWNLOAD_FIELDS = ("venue", "symbol", "start_ns", "end_ns")


def backtest_job(job: ChildJob, link: WorkerLink) -> dict[str, Any]:
    request = request_from(job.spec["request"])
    result = BacktestService().run(request, link.progress)
    db = Database()
    link.check_may_write()
    # The job's id is the run's: an attempt that died after this line and its successor save the same row.
    run_id = save_run(db, replace(result, run_id=job.id))
    return {"run_id": run_id, "metrics": plain(result.metrics)}


def optimize_job(job: ChildJob, link: WorkerLink) -> dict[str, Any]:
    plan = study_plan_of(job.spec)
    store = StudyStore(Database(), job.spec["study_id"], link.check_may_write)
    link.progress(0.0, f"reads {plan.data_sentence}")
    tape = build_tape(plan.request, BacktestService().store)

    def tell(progress: Progress) -> None:
        best = plan.metric.text(progress.best.value)
        text = f"{progress.done} of {progress.total} tested, best {plan.metric.name} {best}"
        link.progress(progress.done / progress.total, text)

    result = run_study(
        plan,
        lambda candidates: run_grid(tape, plan.request, candidates),
        earlier=store.trials(),
        store=store,
        progress=tell,
        study_id=store.study_id,
    )
    store.finish("done")
    document = result.to_dict()
    del document["trials"], document["request"], document["param_grid"], document["fixed"]  # the study has them
    return document


def study_plan_of(spec: dict[str, Any]) -> StudyPlan:
    """The inverse of `StudyPlan.spec`."""
    return StudyPlan(
        request=request_from(spec["request"]),
        grid=grid_of(spec["param_grid"]),
        metric=metric_named(spec["metric"]),
        data_sentence=spec["data"],
        fixed=dict(spec["fixed"]),
    )


def download_job(job: ChildJob, link: WorkerLink) -> dict[str, Any]:
    """Files, not the database: each page is merged in under the store's own lock, so a late one does no harm."""

    def tell(fraction: float, message: str) -> bool:
        link.progress(fraction, message)
        return True

    found = fetch_candles(HistoryStore(), **{name: job.spec[name] for name in DOWNLOAD_FIELDS}, progress=tell)
    return {"pages": found.pages, **plain(found.rows)}


EXECUTORS: Mapping[str, Executor] = MappingProxyType(
    {"backtest": backtest_job, "optimize": optimize_job, "download": download_job}
)
