"""The worker: `python -m dashboard.services.worker`. Carries out jobs of the database, one at a time; any number of
workers may run.

Each job runs in a process of its own, which can be killed. Once a second the worker tells the database that it is alive
and how far the job is, and learns whether the job was cancelled or taken over. A worker that dies takes its job's
process along, and the job is queued again by any worker that sees its heartbeat stop. SIGTERM gives the job back.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from dashboard.db import Database, DatabaseError, jobs
from dashboard.db.jobs import Job
from dashboard.services import job_child
from dashboard.services.executors import EXECUTORS
from dashboard.services.job_child import JobChild, Message
from dashboard.services.jobs import give_back
from dashboard.services.study_store import settle
from dashboard.services.worker_messages import ChildJob

HEARTBEAT_EVERY_S = 0.5  # so that a cancel is seen within a second
STALE_AFTER_S = 10.0
CLAIM_EVERY_S = 0.5
LISTEN_S = 0.1
RETRY_EVERY_S = 1.0

log = logging.getLogger("arbdeck.worker")
Result = TypeVar("Result")


class Worker:
    """Args: db, migrated; name, unique among workers; command, what runs one job; stale_after_s, after which silence of
    another worker its job is queued again.
    """

    def __init__(
        self,
        db: Database,
        name: str,
        command: Sequence[str] = job_child.COMMAND,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        self._db = db
        self._name = name
        self._command = command
        self._stale_after_s = stale_after_s
        self._stop = threading.Event()
        self._away = False

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop`."""
        log.info("worker %s waits for jobs: %s", self._name, ", ".join(EXECUTORS))
        look_at = 0.0
        while not self._stop.is_set():
            if time.monotonic() >= look_at:
                # Also between two jobs: a worker that is never idle must see the dead too.
                look_at = time.monotonic() + self._stale_after_s / 2
                self._look_after_the_dead()
            job = self._try(lambda: jobs.claim(self._db, self._name, tuple(EXECUTORS)))
            if job is None:
                self._stop.wait(CLAIM_EVERY_S)
            else:
                self._carry_out(job)

    def _carry_out(self, job: Job) -> None:
        log.info("job %s (%s), attempt %d", job.id, job.kind, job.attempt)
        wanted = ChildJob(id=job.id, kind=job.kind, attempt=job.attempt, spec=job.spec)
        with JobChild(wanted, self._command) as child:
            end = self._listen(job, child)
        # The child is gone: nothing of this attempt can be written any more but what follows.
        if "stopped" in end:
            self._try(lambda: give_back(job))
            log.info("job %s given back", job.id)
        elif "result" in end:
            self._insist(lambda: jobs.finish(job, end["result"]))
            log.info("job %s done", job.id)
        else:
            # Of a job that is another worker's now, nothing is written; a cancelled one ends as that.
            text = _failure(end)
            self._insist(lambda: jobs.fail(job, text))
            self._insist(lambda: settle(self._db))
            log.warning("job %s ended: %s", job.id, text)

    def _look_after_the_dead(self) -> None:
        found = self._try(lambda: jobs.requeue_stale(self._db, self._stale_after_s))
        if found:
            log.warning("queued again, their workers fell silent: %s", ", ".join(found))
        self._try(lambda: settle(self._db))

    def _listen(self, job: Job, child: JobChild) -> Message:
        """The child's last message; {"stopped": True} when this worker shall end, {"lost": True} when the job is not
        ours any more: cancelled, or another worker's.
        """
        progress, message, beat_at = 0.0, "started", 0.0
        while True:
            found = child.next(LISTEN_S)
            if self._stop.is_set():
                return {"stopped": True}
            if found is not None and not found.keys().isdisjoint({"result", "error", "ended"}):
                return found
            if found is not None and "progress" in found:
                progress, message = float(found["progress"]), str(found["message"])
            asked = found is not None and "ask" in found
            if asked or time.monotonic() >= beat_at:
                ours = self._beat(job, progress, message, insist=asked)
                if ours is False:
                    return {"lost": True}
                if asked:
                    child.answer(ours is True)
                beat_at = time.monotonic() + HEARTBEAT_EVERY_S

    def _beat(self, job: Job, progress: float, message: str, *, insist: bool) -> bool | None:
        """None: the database did not answer."""
        return (self._insist if insist else self._try)(lambda: jobs.heartbeat(job, progress, message))

    def _try(self, call: Callable[[], Result]) -> Result | None:
        """None when the database is away, which is said once."""
        try:
            result = call()
        except SQLAlchemyError as error:
            if not self._away:
                log.warning("database away: %s", error)
            self._away = True
            return None
        if self._away:
            log.info("database back")
        self._away = False
        return result

    def _insist(self, call: Callable[[], Result]) -> Result | None:
        """Again until the database answers. None when this worker shall end before that."""
        while True:
            result = self._try(call)
            if not self._away or self._stop.wait(RETRY_EVERY_S):
                return result


def _failure(end: Message) -> str:
    if "lost" in end:
        return "cancelled"
    return str(end.get("error") or f"The job's process {end.get('ended')}.")


def worker_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{time.time_ns():x}"


def main() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        db = Database()
    except (ValueError, OSError) as error:
        log.error("the database cannot be used: %s", error)
        return 2
    worker = Worker(db, worker_name())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: worker.stop())
    try:
        db.migrate()
        worker.run()
    except (DatabaseError, SQLAlchemyError) as error:
        log.error("%s", error)
        return 1
    finally:
        db.dispose()
    log.info("worker ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
