"""One job in a process of its own: `python -m dashboard.services.job_process`, started and killed by the worker.

It reads its job from stdin and says how it is on stdout (worker_messages.py); whatever else prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback

from dashboard.services.executors import EXECUTORS
from dashboard.services.worker_messages import ChildJob, Fenced, WorkerLink

NICENESS = 10  # the engine, the recorder and the page come first
TEXT_LENGTH_MAX = 2000


def run_job(job: ChildJob, link: WorkerLink) -> None:
    """The job's result or its error, as one sentence, to the worker."""
    executor = EXECUTORS.get(job.kind)
    if executor is None:
        link.error(f"kind is {job.kind!r}: allowed is one of {', '.join(EXECUTORS)}.")
        return
    try:
        result = executor(job, link)
    except Fenced:
        return
    except ValueError as error:  # input that cannot be run: the sentence says why
        link.error(str(error)[:TEXT_LENGTH_MAX])
    except Exception as error:
        traceback.print_exc()
        link.error(f"{type(error).__name__}: {error}"[:TEXT_LENGTH_MAX])
    else:
        link.result(result)


def main() -> None:
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    link = WorkerLink(sys.stdin, sys.stdout)
    # A library that prints must not be taken for a message.
    sys.stdout = sys.stderr
    run_job(link.job(), link)


if __name__ == "__main__":
    main()
