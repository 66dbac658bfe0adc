"""A worker for tests: it claims the desk's jobs like a real one and does exactly what the test says, step by step."""

from __future__ import annotations

import time
from typing import Any

from desk import Desk
from fake_backtests import FakeBacktests, metrics_of

from dashboard.backtest.plain import plain
from dashboard.db import jobs
from dashboard.db.jobs import Job
from dashboard.db.studies import add_trials, finish_study
from dashboard.optimizer import Trial, grid_of, metric_named, ranked
from dashboard.services.requests import request_from

CLAIM_S = 10.0


class FakeWorker:
    def __init__(self, desk: Desk) -> None:
        self.db = desk.database()

    def claim(self) -> Job:
        deadline = time.monotonic() + CLAIM_S
        while time.monotonic() < deadline:
            job = jobs.claim(self.db, "test-worker")
            if job is not None:
                return job
            time.sleep(0.05)
        raise AssertionError("no job was queued")

    def drop_queued(self) -> None:
        """Ends what earlier tests left."""
        while (job := jobs.claim(self.db, "test-worker")) is not None:
            jobs.fail(job, "left over by an earlier test")

    def trials(self, job: Job) -> list[Trial]:
        spec = job.spec
        metric = metric_named(spec["metric"])
        found = []
        for number, params in enumerate(grid_of(spec["param_grid"])):
            metrics = metrics_of({**spec["request"]["params"], **params})
            found.append(Trial(number, params, metrics, metric.value(metrics)))
        return found

    def add(self, job: Job, trials: list[Trial]) -> None:
        add_trials(self.db, job.spec["study_id"], [trial.row() for trial in trials])

    def search(self, job: Job) -> Trial:
        """The whole study; returns its best."""
        found = self.trials(job)
        self.add(job, found)
        best = ranked(found, metric_named(job.spec["metric"]))[0]
        finish_study(self.db, job.spec["study_id"], "done", best.number)
        assert jobs.finish(job, {"study_id": job.spec["study_id"], "best_number": best.number})
        return best

    def backtest(self, job: Job) -> dict[str, Any]:
        from dataclasses import replace

        from dashboard.db.runs import save_run

        result = FakeBacktests(self.db).run(request_from(job.spec["request"]))
        run_id = save_run(self.db, replace(result, run_id=job.id))
        answer = {"run_id": run_id, "metrics": plain(result.metrics)}
        assert jobs.finish(job, answer)
        return answer
