"""Studies in the database: trials as they finish, what an interrupted attempt left, and the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from dashboard.backtest.types import Metrics
from dashboard.db import Database, studies
from dashboard.db.work_tables import JobRow, StudyRow
from dashboard.optimizer import Trial, metric_named, ranked

PAGE_COUNT = 1000


class StudyStore:
    """Args: may_write, called before every write; raises when this process must not write any more."""

    def __init__(self, db: Database, study_id: str, may_write: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self.study_id = study_id
        self._may_write = may_write

    def add(self, trials: Sequence[Trial]) -> None:
        self._may_write()
        studies.add_trials(self._db, self.study_id, [trial.row() for trial in trials])

    def trials(self) -> Iterator[Trial]:
        """Those that are there, by number."""
        cursor: str | None = None
        while True:
            rows, cursor = studies.list_trials(self._db, self.study_id, PAGE_COUNT, cursor, "number")
            yield from (trial_of(row) for row in rows)
            if cursor is None:
                return

    def finish(self, state: str) -> None:
        """Args: state, "done", "cancelled" or "failed". The best of the trials that are there becomes the best."""
        self._may_write()
        metric = metric_named(studies.load_study(self._db, self.study_id)["spec"]["metric"])
        order = ranked(self.trials(), metric)
        studies.finish_study(self._db, self.study_id, state, order[0].number if order else None)


def trial_of(row: dict[str, Any]) -> Trial:
    metrics = row["metrics"]
    return Trial(row["number"], dict(row["params"]), None if metrics is None else Metrics(**metrics), row["value"])


def settle(db: Database) -> None:
    """Ends the studies whose job was cancelled or failed, whoever ended it, with the best of what they have."""
    with db.session() as session:
        running = set(session.scalars(select(StudyRow.id).where(StudyRow.state == "running")))
        if not running:
            return
        ended = session.execute(
            select(JobRow.spec, JobRow.state).where(
                JobRow.kind == "optimize", JobRow.state.in_(("cancelled", "failed"))
            )
        ).all()
    for spec, state in ended:
        if spec.get("study_id") in running:
            StudyStore(db, spec["study_id"]).finish(state)
