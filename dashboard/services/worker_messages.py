"""What the worker and the process of one job say to each other: one JSON object a line.

Child to worker:   {"progress": 0.25, "message": "..."}     how far it is
                   {"ask": "write"}                         may it write to the database?
                   {"result": {...}} or {"error": "..."}    the end
Worker to child:   the job, as the first line; then {"write": true} or {"write": false} for each question

The question is what keeps a late finisher from writing: the worker answers yes only after a heartbeat that told it that
the job is still its own. A worker that was stopped for a while answers nothing, so its child waits.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any


class Fenced(Exception):
    """The job is no longer this process's: cancelled, or taken over by another worker. Write nothing."""


@dataclass(frozen=True)
class ChildJob:
    """A job as its process gets it."""

    id: str
    kind: str
    attempt: int
    spec: dict[str, Any]

    def line(self) -> str:
        return json.dumps({"id": self.id, "kind": self.kind, "attempt": self.attempt, "spec": self.spec})


def child_job(line: str) -> ChildJob:
    found = json.loads(line)
    return ChildJob(found["id"], found["kind"], found["attempt"], found["spec"])


class WorkerLink:
    """The child's end."""

    def __init__(self, stdin: IO[str] = sys.stdin, stdout: IO[str] = sys.stdout) -> None:
        self._stdin = stdin
        self._stdout = stdout

    def job(self) -> ChildJob:
        return child_job(self._stdin.readline())

    def progress(self, fraction: float, message: str) -> None:
        self._say(progress=min(max(fraction, 0.0), 1.0), message=message)

    def check_may_write(self) -> None:
        """Returns when the worker says that the job is still its own. Raises Fenced otherwise."""
        self._say(ask="write")
        line = self._stdin.readline()
        if not line or json.loads(line).get("write") is not True:
            raise Fenced

    def result(self, result: dict[str, Any]) -> None:
        self._say(result=result)

    def error(self, text: str) -> None:
        self._say(error=text)

    def _say(self, **message: Any) -> None:
        self._stdout.write(json.dumps(message) + "\n")
        self._stdout.flush()


Executor = Callable[[ChildJob, WorkerLink], dict[str, Any]]
