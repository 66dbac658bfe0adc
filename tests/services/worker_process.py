"""A worker as a process that can be killed, whose jobs are stand-ins: `python worker_process.py DATABASE_URL NAME`.

Run with "job" it is the process of one job: it takes `seconds`, then asks and adds one line to the file `saved`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from dashboard.db import Database
from dashboard.services import executors, job_process
from dashboard.services.worker import Worker
from dashboard.services.worker_messages import ChildJob, WorkerLink

STALE_AFTER_S = 2.0


def slow(job: ChildJob, link: WorkerLink) -> dict[str, Any]:
    with Path(job.spec["pids"]).open("a") as file:
        file.write(f"{os.getpid()}\n")
    steps = max(1, int(job.spec["seconds"] / 0.05))
    for step in range(steps):
        link.progress(step / steps, f"step {step}")
        time.sleep(0.05)
    if job.spec.get("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if job.spec.get("refuse"):
        raise ValueError(job.spec["refuse"])
    print("a library that prints")
    link.check_may_write()
    with Path(job.spec["saved"]).open("a") as file:
        file.write(f"{job.id} {job.attempt}\n")
    return {"attempt": job.attempt}


def main() -> None:
    if sys.argv[1] == "job":
        executors.EXECUTORS = {"backtest": slow}  # type: ignore[assignment]
        job_process.EXECUTORS = executors.EXECUTORS
        job_process.main()
        return
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    worker = Worker(Database(sys.argv[1]), sys.argv[2], (sys.executable, __file__, "job"), STALE_AFTER_S)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
