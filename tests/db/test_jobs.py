"""Protects jobs: each is worked on by one worker at a time and ends once, whatever dies when."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.db import Database, jobs
from dashboard.db.jobs import ATTEMPTS_MAX
from dashboard.db.paging import NotFound


def claim_all(url: str, worker: str) -> list[str]:
    db = Database(url)
    claimed = []
    while (job := jobs.claim(db, worker)) is not None:
        claimed.append(job.id)
    db.dispose()
    return claimed


def claim_all_into(url: str, worker: str, found: multiprocessing.Queue[list[str]]) -> None:
    found.put(claim_all(url, worker))


def test_eight_threads_claim_each_job_once(db: Database, database_url: str) -> None:
    wanted = {jobs.submit(db, "backtest", {"n": number}) for number in range(40)}
    with ThreadPoolExecutor(8) as pool:
        claimed = [job for part in pool.map(lambda n: claim_all(database_url, f"w{n}"), range(8)) for job in part]
    assert sorted(claimed) == sorted(wanted)


def test_four_processes_claim_each_job_once(db: Database, database_url: str) -> None:
    wanted = {jobs.submit(db, "optimize", {}) for _ in range(40)}
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[list[str]] = context.Queue()
    workers = [context.Process(target=claim_all_into, args=(database_url, f"p{n}", found)) for n in range(4)]
    for worker in workers:
        worker.start()
    claimed = [job for _ in workers for job in found.get(timeout=60)]
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(wanted)


def test_a_job_goes_from_queued_to_done_with_its_result(db: Database) -> None:
    job_id = jobs.submit(db, "backtest", {"params": {"min_spread_bps": 75.0}})
    queued = jobs.get(db, job_id)
    assert queued is not None and (queued.state, queued.attempt, queued.worker) == ("queued", 0, None)
    job = jobs.claim(db, "w1", ["backtest"])
    assert job is not None and (job.id, job.state, job.attempt, job.worker) == (job_id, "running", 1, "w1")
    assert job.spec == {"params": {"min_spread_bps": 75.0}}
    assert jobs.heartbeat(job, 0.4, "4 of 10")
    running = jobs.get(db, job_id)
    assert running is not None and (running.progress, running.message) == (0.4, "4 of 10")
    assert jobs.finish(job, {"run_id": "r", "bad": float("nan")})
    done = jobs.get(db, job_id)
    assert done is not None and (done.state, done.progress, done.result) == ("done", 1.0, {"run_id": "r", "bad": None})
    assert not jobs.finish(job, {"run_id": "again"})
    assert not jobs.fail(job, "again")
    assert not jobs.heartbeat(job, 1.0, "again")
    assert jobs.get(db, job_id) == done


def test_only_asked_kinds_are_claimed_oldest_first(db: Database) -> None:
    first = jobs.submit(db, "download", {})
    jobs.submit(db, "backtest", {})
    jobs.submit(db, "download", {})
    job = jobs.claim(db, "w", ["download", "optimize"])
    assert job is not None and job.id == first
    assert jobs.claim(db, "w", ["optimize"]) is None
    with pytest.raises(ValueError, match="kind = 'cook': allowed are backtest"):
        jobs.submit(db, "cook", {})


def test_a_failed_job_says_why(db: Database) -> None:
    jobs.submit(db, "backtest", {})
    job = jobs.claim(db, "w")
    assert job is not None and jobs.fail(job, "no history for MEXC")
    failed = jobs.get(db, job.id)
    assert failed is not None and (failed.state, failed.error) == ("failed", "no history for MEXC")


def test_a_worker_that_was_thought_dead_is_fenced_by_the_next_attempt(db: Database) -> None:
    job_id = jobs.submit(db, "optimize", {})
    slow = jobs.claim(db, "slow")
    assert slow is not None
    assert jobs.requeue_stale(db, 60.0) == []
    time.sleep(0.01)
    assert jobs.requeue_stale(db, 0.005) == [job_id]
    assert not jobs.heartbeat(slow, 0.5, "still here")
    second = jobs.claim(db, "second")
    assert second is not None and (second.id, second.attempt) == (job_id, 2)
    assert not jobs.heartbeat(slow, 0.5, "still here")
    assert not jobs.finish(slow, {"from": "slow"})
    assert jobs.finish(second, {"from": "second"})
    done = jobs.get(db, job_id)
    assert done is not None and done.result == {"from": "second"}


def test_a_cancelled_job_ends_at_the_next_heartbeat_and_stays_cancelled(db: Database) -> None:
    queued, running = jobs.submit(db, "backtest", {}), None
    assert jobs.cancel(db, queued)
    assert jobs.claim(db, "w") is None
    jobs.submit(db, "backtest", {})
    running = jobs.claim(db, "w")
    assert running is not None and jobs.cancel(db, running.id)
    assert not jobs.heartbeat(running, 0.1, "hm")
    assert jobs.finish(running, {"partial": True})
    ended = jobs.get(db, running.id)
    assert ended is not None and (ended.state, ended.result) == ("cancelled", {"partial": True})
    assert not jobs.cancel(db, running.id)
    with pytest.raises(NotFound, match="there is no job 'nonesuch'"):
        jobs.cancel(db, "nonesuch")
    assert jobs.get(db, "nonesuch") is None


def test_a_cancelled_job_whose_worker_died_is_not_started_again(db: Database) -> None:
    jobs.submit(db, "backtest", {})
    job = jobs.claim(db, "w")
    assert job is not None and jobs.cancel(db, job.id)
    time.sleep(0.01)
    assert jobs.requeue_stale(db, 0.005) == []
    ended = jobs.get(db, job.id)
    assert ended is not None and ended.state == "cancelled"


def test_a_job_that_takes_every_worker_down_fails_in_the_end(db: Database) -> None:
    job_id = jobs.submit(db, "backtest", {})
    for attempt in range(1, ATTEMPTS_MAX + 1):
        job = jobs.claim(db, "w")
        assert job is not None and job.attempt == attempt
        time.sleep(0.01)
        assert jobs.requeue_stale(db, 0.005) == ([job_id] if attempt < ATTEMPTS_MAX else [])
    failed = jobs.get(db, job_id)
    assert failed is not None and failed.state == "failed"
    assert failed.error == "its worker was lost 5 times: it is not tried again"


def test_the_list_is_newest_first_in_pages_and_by_state(db: Database) -> None:
    made = [jobs.submit(db, "backtest" if number % 2 else "optimize", {}) for number in range(7)]
    seen, cursor = [], None
    while True:
        page, cursor = jobs.list_jobs(db, 3, cursor)
        seen += [job.id for job in page]
        if cursor is None:
            break
    assert seen == made[::-1]
    jobs.cancel(db, made[0])
    found, _ = jobs.list_jobs(db, 10, states=["cancelled"], kinds=["optimize"])
    assert [job.id for job in found] == [made[0]]
    for bad in ("x", "W10=", "WzFd"):
        with pytest.raises(ValueError, match="cursor ="):
            jobs.list_jobs(db, 3, bad)
    with pytest.raises(ValueError, match="limit = 0: allowed are 1 to"):
        jobs.list_jobs(db, 0)
