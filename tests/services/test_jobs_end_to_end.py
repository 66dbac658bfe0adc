"""Protects real jobs in the real worker process, `python -m dashboard.services.worker`: a study survives kill -9 of its
worker with every trial once, and results are the same as in process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.db import Database, jobs, studies
from dashboard.db.runs import list_runs, load_run
from dashboard.services import BacktestService, StrategyOptimizer
from dashboard.services.jobs import IN_PROCESS_S, JobService, estimate
from tests.services.history import MINUTE_NS, START_NS, write_history

ROOT = Path(__file__).resolve().parents[2]
DAYS = 30
Wait = Callable[..., object]


class Yard:
    """A home with history, its database, and real workers."""

    def __init__(self, home: Path) -> None:
        write_history(home / "history", DAYS * 1440)
        self.log = home / "worker.log"
        self.url = f"sqlite:///{home / 'arbdeck.db'}"
        self.service = BacktestService(self.url)
        self.db: Database = self.service.db
        self.jobs = JobService(self.db)
        self.workers: list[subprocess.Popen[bytes]] = []

    def worker(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dashboard.services.worker"],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                stderr=log,
            )
        self.workers.append(process)
        return process

    def state(self, job_id: str) -> str:
        found = self.jobs.get(job_id)
        assert found is not None
        return found.state

    def ended(self, job_id: str) -> bool:
        return self.state(job_id) not in ("queued", "running")

    def trials(self, study_id: str) -> int:
        return int(studies.load_study(self.db, study_id)["trials_count"])

    def close(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=10)


@pytest.fixture
def yard(arbdeck_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("ARBDECK_CONFIG", raising=False)
    made = Yard(arbdeck_home)
    yield made
    made.close()


@pytest.mark.system
def test_a_study_survives_kill_9_of_its_worker_with_every_trial_once(yard: Yard, wait_until: Wait) -> None:
    optimizer = StrategyOptimizer(yard.service, show=None)
    grid = {
        "min_spread_bps": [float(value) for value in range(1, 81)],
        "max_position_usd": [100.0, 200.0, 300.0, 400.0],
    }
    plan = optimizer.plan(
        "cross_exchange", grid, "trading_pnl_usd", start_date=START_NS, end_date=START_NS + DAYS * 1440 * MINUTE_NS
    )
    job_id, study_id = yard.jobs.submit_study(plan)
    first = yard.worker()
    wait_until(lambda: yard.trials(study_id) > 0, 30)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert yard.state(job_id) == "running", "killed before the end, or the grid is too small for this machine"
    # As when ten seconds have passed.
    wait_until(lambda: yard.ended(job_id) or jobs.requeue_stale(yard.db, 0.0), 10)
    yard.worker()
    wait_until(lambda: yard.ended(job_id), 60)
    job = yard.jobs.get(job_id)
    assert job is not None
    assert (job.state, job.attempt) == ("done", 2), job.error
    study = studies.load_study(yard.db, study_id)
    assert (study["state"], study["trials_count"]) == ("done", 320)
    here = optimizer.run(plan, study_id=study_id)
    again = StrategyOptimizer(BacktestService(None), show=None).run(plan)
    assert here.trials == again.trials
    assert here.ranking == again.ranking
    assert study["best_number"] == again.best.number
    assert job.result is not None
    assert job.result["best_params"] == again.best_params
    assert job.result["edge"] is True


@pytest.mark.system
def test_a_backtest_job_saves_one_run_under_its_own_id(yard: Yard, wait_until: Wait) -> None:
    request = yard.service.request(
        strategy="cross_exchange",
        symbols=["BTCUSDT"],
        exchanges=["binance", "mexc"],
        start_date=START_NS,
        end_date=START_NS + 1440 * MINUTE_NS,
        params={"min_spread_bps": 25.0},
    )
    job_id = yard.jobs.submit_backtest(request)
    yard.worker()
    wait_until(lambda: yard.ended(job_id), 30)
    job = yard.jobs.get(job_id)
    assert job is not None
    assert job.result is not None, job.error
    assert job.result["run_id"] == job_id
    (row,) = list_runs(yard.db)[0]
    assert row["id"] == job_id
    here = BacktestService(None).run(request)
    saved = load_run(yard.db, job_id)
    assert (saved.metrics, saved.request) == (here.metrics, here.request)
    assert saved.trades.pnl_usd.tolist() == here.trades.pnl_usd.tolist()
    assert len(saved.trades) > 0


@pytest.mark.system
def test_a_cancelled_study_keeps_its_trials_and_is_cancelled_too(yard: Yard, wait_until: Wait) -> None:
    plan = StrategyOptimizer(yard.service, show=None).plan(
        "cross_exchange",
        {"min_spread_bps": [value / 100 for value in range(100, 10000)]},
        start_date=START_NS,
        end_date=START_NS + DAYS * 1440 * MINUTE_NS,
    )
    waiting, waiting_study = yard.jobs.submit_study(plan)
    assert yard.jobs.cancel(waiting)
    assert studies.load_study(yard.db, waiting_study)["state"] == "cancelled"
    job_id, study_id = yard.jobs.submit_study(plan)
    yard.worker()
    wait_until(lambda: yard.trials(study_id) > 0, 30)
    yard.jobs.cancel(job_id)
    wait_until(lambda: studies.load_study(yard.db, study_id)["state"] == "cancelled", 10)
    assert yard.state(job_id) == "cancelled"
    assert studies.load_study(yard.db, study_id)["best"] is not None


@pytest.mark.system
def test_a_job_without_data_fails_with_a_sentence_that_names_the_command(yard: Yard, wait_until: Wait) -> None:
    plan = StrategyOptimizer(yard.service, show=None).plan(
        "cross_exchange",
        {"min_spread_bps": [20]},
        symbols=["ETHUSDT"],
        exchanges=["binance", "mexc"],
        start_date="2015-01-01",
        end_date="2015-01-02",
    )
    job_id, study_id = yard.jobs.submit_study(plan)
    yard.worker()
    wait_until(lambda: yard.ended(job_id), 30)
    job = yard.jobs.get(job_id)
    assert job is not None
    assert job.state == "failed"
    assert "arbdeck data" in str(job.error)
    wait_until(lambda: studies.load_study(yard.db, study_id)["state"] == "failed", 10)


def test_a_week_of_two_venues_is_run_at_once_and_a_large_grid_by_a_worker(yard: Yard) -> None:
    week = yard.service.request(
        strategy="cross_exchange",
        symbols=["BTCUSDT"],
        exchanges=["binance", "mexc"],
        start_date=START_NS,
        end_date=START_NS + 7 * 1440 * MINUTE_NS,
        params={},
    )
    assert estimate(week).in_process
    assert not estimate(week, runs=1000, threads=2).in_process
    assert estimate(week, 200).seconds > estimate(week, 200, threads=2).seconds > IN_PROCESS_S / 10
