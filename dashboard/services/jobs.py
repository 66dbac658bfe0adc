"""Long work as jobs of the database: what is estimated under a second runs at once, the rest waits for a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from dashboard.backtest.plain import plain
from dashboard.backtest.types import BacktestRequest
from dashboard.db import Database, jobs, studies
from dashboard.db.jobs import Job
from dashboard.db.work_tables import JobRow
from dashboard.services.study import StudyPlan
from dashboard.services.study_store import settle

IN_PROCESS_S = 1.0
# Measured with tests/services/bench_estimate.py on two slow cores and rounded down: a long estimate only costs a job.
QUOTES_READ_PER_S = 700_000  # files -> tape
QUOTES_RUN_PER_S = 5_000_000  # one candidate on one core
START_S = 0.05
MINUTE_NS = 60 * 10**9
QUOTES_PER_MINUTE = {"candles_1m": 2, "quotes": 600}  # recorded quotes: an assumption, they come as they come


@dataclass(frozen=True)
class Estimate:
    """quotes: on the tape at most. seconds: rounded up rather than down."""

    quotes: int
    runs: int
    seconds: float

    @property
    def in_process(self) -> bool:
        return self.seconds < IN_PROCESS_S


def estimate(request: BacktestRequest, runs: int = 1, threads: int = 1) -> Estimate:
    """How long `runs` candidates on this request would take. Nothing is read or run."""
    minutes = max(0, request.end_ns - request.start_ns) // MINUTE_NS + 1
    series = len(request.symbols) * len(request.exchanges)
    quotes = minutes * series * QUOTES_PER_MINUTE.get(request.kind, max(QUOTES_PER_MINUTE.values()))
    seconds = START_S + quotes / QUOTES_READ_PER_S + quotes * runs / QUOTES_RUN_PER_S / max(1, threads)
    return Estimate(quotes, runs, seconds)


class JobService:
    """Jobs for workers: `python -m dashboard.services.worker`. Every method may wait for the database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def submit_backtest(self, request: BacktestRequest) -> str:
        """Result: run_id and metrics."""
        return jobs.submit(self._db, "backtest", {"request": plain(request)})

    def submit_study(self, plan: StudyPlan) -> tuple[str, str]:
        """(job id, study id): trials can be read from the study while the job runs.

        Result: study_id, best_number, best_params, best_value, edge, combinations, notes.
        """
        study_id = studies.create_study(self._db, plan.spec())
        return jobs.submit(self._db, "optimize", {**plan.spec(), "study_id": study_id}), study_id

    def submit_download(self, venue: str, symbol: str, start_ns: int, end_ns: int) -> str:
        """Candles of one minute. Result: pages, added, replaced, unchanged, refused_count, refused."""
        spec = {"venue": venue, "symbol": symbol, "start_ns": start_ns, "end_ns": end_ns}
        return jobs.submit(self._db, "download", spec)

    def get(self, job_id: str) -> Job | None:
        return jobs.get(self._db, job_id)

    def list(self, limit: int = 100, cursor: str | None = None, **filters: Any) -> tuple[list[Job], str | None]:
        """Newest first. Filters: kinds, states."""
        return jobs.list_jobs(self._db, limit, cursor, **filters)

    def cancel(self, job_id: str) -> bool:
        """False: it had ended already. Raises NotFound."""
        cancelled = jobs.cancel(self._db, job_id)
        settle(self._db)
        return cancelled


def give_back(job: Job) -> None:
    """A worker that ends in order puts its job back into the queue, so that nobody waits for its heartbeat to stop."""
    with job.db.writing() as session:
        session.execute(
            update(JobRow)
            .where(
                JobRow.id == job.id,
                JobRow.attempt == job.attempt,
                JobRow.state == "running",
                JobRow.cancel_requested.is_(False),
            )
            .values(state="queued", worker=None, message="its worker ended in order; waits for another one")
        )
