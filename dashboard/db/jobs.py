"""Jobs: queued -> running -> done, failed or cancelled.

A worker claims a job and gets an attempt number. It writes only while that attempt holds the job: a worker that was
thought dead and wakes up again finds itself fenced, so a job ends once, whatever dies when.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import sqlalchemy as sa

from dashboard.backtest.plain import plain
from dashboard.db.base import now_ns
from dashboard.db.database import Database
from dashboard.db.paging import LIMIT_DEFAULT, NotFound, columns_of, newest
from dashboard.db.work_tables import JobRow

KINDS = ("backtest", "optimize", "download")
STATES = ("queued", "running", "done", "failed", "cancelled")
ATTEMPTS_MAX = 5  # a job that takes its worker down every time must not go on for ever


@dataclass(frozen=True)
class Job:
    """A job as it was when it was read."""

    id: str
    kind: str
    state: str
    attempt: int
    worker: str | None
    cancel_requested: bool
    progress: float
    message: str
    spec: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    created_ns: int
    started_ns: int | None
    heartbeat_ns: int | None
    finished_ns: int | None
    db: Database = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "db"}


def submit(db: Database, kind: str, spec: dict[str, Any]) -> str:
    """Queues a job and returns its id."""
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r}: allowed are {', '.join(KINDS)}")
    job = JobRow(
        id=uuid.uuid4().hex,
        kind=kind,
        state="queued",
        attempt=0,
        cancel_requested=False,
        progress=0.0,
        message="waits for a worker",
        spec=plain(spec),
        created_ns=now_ns(),
    )
    with db.writing() as session:
        session.add(job)
    return job.id


def claim(db: Database, worker: str, kinds: Iterable[str] = KINDS) -> Job | None:
    """The oldest queued job of these kinds, from now on this worker's; None: there is none."""
    oldest = (
        sa.select(JobRow.id)
        .where(JobRow.state == "queued", JobRow.kind.in_(list(kinds)))
        .order_by(JobRow.created_ns, JobRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    now = now_ns()
    with db.writing() as session:
        found = session.scalar(oldest)
        if found is None:
            return None
        taken = session.execute(
            sa.update(JobRow)
            .where(JobRow.id == found, JobRow.state == "queued")
            .values(
                state="running",
                attempt=JobRow.attempt + 1,
                worker=worker[:128],
                message="started",
                progress=0.0,
                started_ns=now,
                heartbeat_ns=now,
            )
            .returning(*columns_of(JobRow))
        ).mappings()
        row = taken.one_or_none()
    return None if row is None else Job(**row, db=db)


def _held(job: Job) -> tuple[sa.ColumnElement[bool], ...]:
    return (JobRow.id == job.id, JobRow.attempt == job.attempt, JobRow.state == "running")


def heartbeat(job: Job, progress: float, message: str) -> bool:
    """Says that the attempt is alive and how far it is (0..1). False: it was cancelled or is another worker's: stop."""
    with job.db.writing() as session:
        cancelled = session.scalar(
            sa.update(JobRow)
            .where(*_held(job))
            .values(heartbeat_ns=now_ns(), progress=min(max(progress, 0.0), 1.0), message=message)
            .returning(JobRow.cancel_requested)
        )
    return cancelled is False


def finish(job: Job, result: dict[str, Any]) -> bool:
    """Ends the job with its result. False: this attempt no longer holds it, and nothing is written. A job whose
    cancelling was asked for ends as cancelled, and keeps the result.
    """
    return _end(job, "done", result=plain(result), progress=1.0, message="done", error=None)


def fail(job: Job, error: str) -> bool:
    """Ends the job with a sentence. False: this attempt no longer holds it."""
    return _end(job, "failed", error=error, message="failed")


def _end(job: Job, state: str, **values: Any) -> bool:
    with job.db.writing() as session:
        ended = session.scalar(
            sa.update(JobRow)
            .where(*_held(job))
            .values(state=sa.case((JobRow.cancel_requested, "cancelled"), else_=state), finished_ns=now_ns(), **values)
            .returning(JobRow.id)
        )
    return ended is not None


def cancel(db: Database, job_id: str) -> bool:
    """A queued job ends at once, a running one when its worker looks next. False: it had ended already.

    Raises NotFound.
    """
    with db.writing() as session:
        state = session.scalar(sa.select(JobRow.state).where(JobRow.id == job_id).with_for_update())
        if state is None:
            raise NotFound("job", job_id)
        if state == "queued":
            values = {"state": "cancelled", "cancel_requested": True, "finished_ns": now_ns(), "message": "cancelled"}
        elif state == "running":
            values = {"cancel_requested": True}
        else:
            return False
        session.execute(sa.update(JobRow).where(JobRow.id == job_id).values(**values))
    return True


def requeue_stale(db: Database, older_than_s: float) -> list[str]:
    """Jobs whose worker has said nothing for that long go back into the queue; returns their ids.

    One that was to be cancelled ends, and one that has used up its attempts fails.
    """
    now = now_ns()
    stale = (
        sa.select(JobRow.id, JobRow.attempt, JobRow.cancel_requested)
        .where(JobRow.state == "running", JobRow.heartbeat_ns < now - int(older_than_s * 1e9))
        .with_for_update(skip_locked=True)
    )
    requeued = []
    with db.writing() as session:
        for job_id, attempt, cancelled in session.execute(stale).all():
            values: dict[str, Any]
            if cancelled:
                values = {"state": "cancelled", "finished_ns": now, "message": "cancelled; its worker is gone"}
            elif attempt >= ATTEMPTS_MAX:
                error = f"its worker was lost {attempt} times: it is not tried again"
                values = {"state": "failed", "finished_ns": now, "error": error, "message": "failed"}
            else:
                requeued.append(job_id)
                values = {"state": "queued", "worker": None, "message": "its worker was lost; waits for another one"}
            session.execute(sa.update(JobRow).where(JobRow.id == job_id).values(**values))
    return requeued


def get(db: Database, job_id: str) -> Job | None:
    with db.session() as session:
        row = session.execute(sa.select(*columns_of(JobRow)).where(JobRow.id == job_id)).mappings().one_or_none()
    return None if row is None else Job(**row, db=db)


def list_jobs(
    db: Database,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
    kinds: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
) -> tuple[list[Job], str | None]:
    """Newest first; (jobs, cursor of the next page or None)."""
    statement = sa.select(*columns_of(JobRow))
    if kinds is not None:
        statement = statement.where(JobRow.kind.in_(list(kinds)))
    if states is not None:
        statement = statement.where(JobRow.state.in_(list(states)))
    with db.session() as session:
        rows, following = newest(session, statement, (JobRow.created_ns, JobRow.id), limit, cursor)
    return [Job(**row, db=db) for row in rows], following
