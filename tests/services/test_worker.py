"""Protects long work: whatever dies when, a job goes on or is queued again, ends once, and writes once.

Real worker processes over a real SQLite database; only what a job computes is a stand-in (worker_process.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from dashboard.db import Database, jobs
from dashboard.services.jobs import JobService
from dashboard.services.worker import Worker

ROOT = Path(__file__).resolve().parents[2]


class Shop:
    """A database, and workers to start, stop and kill."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'deck.db'}"
        self.db = Database(self.url)
        self.db.migrate()
        self.saved, self.pids = folder / "saved", folder / "pids"
        self.workers: list[subprocess.Popen[bytes]] = []

    def worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(Path(__file__).with_name("worker_process.py")), self.url]
        process = subprocess.Popen(
            [*command, f"w{len(self.workers)}"], env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT
        )
        self.workers.append(process)
        return process

    def submit(self, seconds: float, **spec: Any) -> str:
        found = {"seconds": seconds, "saved": str(self.saved), "pids": str(self.pids), **spec}
        return jobs.submit(self.db, "backtest", found)

    def job(self, job_id: str) -> jobs.Job:
        found = jobs.get(self.db, job_id)
        assert found is not None
        return found

    def ended(self, job_id: str) -> bool:
        return self.job(job_id).state not in ("queued", "running")

    def lines(self) -> list[str]:
        return self.saved.read_text().splitlines() if self.saved.exists() else []

    def children(self) -> list[int]:
        found = [int(line) for line in self.pids.read_text().split()] if self.pids.exists() else []
        return [pid for pid in found if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]

    def close(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


Wait = Callable[..., object]


@pytest.mark.system
def test_a_job_runs_shows_its_progress_and_ends_once(shop: Shop, wait_until: Wait) -> None:
    job_id = shop.submit(1.5)
    shop.worker()
    wait_until(lambda: 0.1 < shop.job(job_id).progress < 1 and "step" in shop.job(job_id).message, 15)
    wait_until(lambda: shop.ended(job_id), 15)
    assert (shop.job(job_id).state, shop.job(job_id).result) == ("done", {"attempt": 1})
    assert shop.lines() == [f"{job_id} 1"]


@pytest.mark.system
def test_a_cancelled_job_is_gone_within_a_second(shop: Shop, wait_until: Wait) -> None:
    job_id = shop.submit(60)
    shop.worker()
    wait_until(lambda: shop.children(), 15)
    asked = time.monotonic()
    assert JobService(shop.db).cancel(job_id)
    wait_until(lambda: shop.ended(job_id) and not shop.children(), 10)
    assert time.monotonic() - asked < 1.5, "a second, and half of one for a busy machine"
    assert (shop.job(job_id).state, shop.lines()) == ("cancelled", [])


@pytest.mark.system
def test_a_killed_workers_job_is_done_by_another_and_ends_once(shop: Shop, wait_until: Wait) -> None:
    job_id = shop.submit(1.5)
    first = shop.worker()
    wait_until(lambda: shop.children(), 15)
    first.kill()
    wait_until(lambda: not shop.children(), 5)
    assert shop.job(job_id).state == "running", "nobody has noticed yet"
    shop.worker()
    wait_until(lambda: shop.ended(job_id), 20)
    assert (shop.job(job_id).state, shop.job(job_id).attempt) == ("done", 2)
    assert shop.lines() == [f"{job_id} 2"]


@pytest.mark.system
def test_sigterm_gives_the_job_back_at_once_and_the_worker_ends_cleanly(shop: Shop, wait_until: Wait) -> None:
    job_id = shop.submit(60)
    worker = shop.worker()
    wait_until(lambda: shop.children(), 15)
    worker.terminate()
    assert worker.wait(timeout=5) == 0
    assert (shop.job(job_id).state, shop.children(), shop.lines()) == ("queued", [], [])


@pytest.mark.system
def test_a_worker_that_slept_through_its_job_writes_nothing(shop: Shop, wait_until: Wait) -> None:
    job_id = shop.submit(1.0)
    sleeper = shop.worker()
    wait_until(lambda: shop.children(), 15)
    sleeper.send_signal(signal.SIGSTOP)  # its child goes on, and asks before it writes
    shop.worker()
    wait_until(lambda: shop.ended(job_id), 20)
    sleeper.send_signal(signal.SIGCONT)
    wait_until(lambda: not shop.children(), 10)
    assert shop.job(job_id).state == "done"
    assert shop.lines() == [f"{job_id} 2"]


@pytest.mark.system
@pytest.mark.parametrize(
    ("spec", "sentence"),
    [({"crash": True}, "was ended by SIGSEGV"), ({"refuse": "symbols = 'X': allowed is Y"}, "symbols = 'X'")],
)
def test_a_job_that_cannot_be_done_fails_with_a_sentence_and_the_worker_goes_on(
    shop: Shop, wait_until: Wait, spec: dict[str, Any], sentence: str
) -> None:
    bad, good = shop.submit(0.05, **spec), shop.submit(0.05)
    shop.worker()
    wait_until(lambda: shop.ended(bad) and shop.ended(good), 20)
    assert (shop.job(bad).state, shop.job(good).state) == ("failed", "done")
    assert sentence in str(shop.job(bad).error)
    assert shop.lines() == [f"{good} 1"]


@pytest.mark.system
def test_two_workers_share_jobs_and_do_each_once(shop: Shop, wait_until: Wait) -> None:
    ids = [shop.submit(0.1) for _ in range(6)]
    for _ in range(2):
        shop.worker()
    wait_until(lambda: all(shop.ended(job_id) for job_id in ids), 30)
    assert sorted(shop.lines()) == sorted(f"{job_id} 1" for job_id in ids)


def test_a_database_that_is_away_costs_nothing_but_delay(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.services.worker.RETRY_EVERY_S", 0.01)
    answers = iter([OperationalError("", {}, Exception("away")), OperationalError("", {}, Exception("away")), True])

    def call() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Worker(shop.db, "w")._insist(call) is True
