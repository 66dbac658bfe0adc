"""The worker's end of a job's process: start it, hear it, answer it, kill it."""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from dashboard.services.worker_messages import ChildJob

COMMAND = (sys.executable, "-m", "dashboard.services.job_process")
PR_SET_PDEATHSIG = 1

Message = dict[str, Any]


class JobChild:
    """The process of one job. It dies with the thread that made this, so no job outlives its worker."""

    def __init__(self, job: ChildJob, command: Sequence[str] = COMMAND) -> None:
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the worker: it decides what becomes of the job
            preexec_fn=_die_with(os.getpid()),
        )
        self._reader = threading.Thread(target=self._read, name=f"job-{job.id}", daemon=True)
        self._reader.start()
        self._write(job.line())

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> JobChild:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def next(self, timeout_s: float) -> Message | None:
        """The next message; {"ended": text} once when the process is gone; None when nothing came in time."""
        try:
            message = self._messages.get(timeout=timeout_s)
        except queue.Empty:
            return None
        return message if message is not None else {"ended": self._how_it_ended()}

    def answer(self, may_write: bool) -> None:
        self._write(json.dumps({"write": may_write}))

    def kill(self) -> None:
        """Ends the process and everything that it started."""
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                self._messages.put(message)
        self._messages.put(None)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it ended; the reader tells

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code} without a result"


def _die_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def in_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child
