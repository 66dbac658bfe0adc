"""What a run may leave behind, collected while it runs and looked for when it has stopped.

A run whose `arbdeck up` and supervisor were both killed leaves processes that trade on with nobody in charge:
the next start finds them by a mark in their environment and ends them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from dashboard.cli.home import Home

SHM_DIR = Path("/dev/shm")
PROCESS_END_WAIT_S = 3.0
ORDERLY_END_WAIT_S = 15.0
RUN_MARK = "ARBDECK_RUN_OF"  # in the environment of every process of a run: the home


class Leftovers:
    """Names only what this run had: another instance's segments are none of our business."""

    def __init__(self, home: Home, instance: str) -> None:
        self._home = home
        self._run_file = home.run_dir / f"{instance}.json"
        self._segments: set[str] = set()
        self._processes: set[psutil.Process] = set()

    def note(self, supervisor_pid: int) -> None:
        """Remembers the processes under the supervisor and the segments that the engine's run file names."""
        try:
            supervisor = psutil.Process(supervisor_pid)
            self._processes.update([supervisor, *supervisor.children(recursive=True)])
        except psutil.NoSuchProcess:
            pass
        try:
            found = json.loads(self._run_file.read_text())
        except (OSError, ValueError):
            return
        self._segments.update(found[name] for name in ("segment", "tail") if isinstance(found.get(name), str))

    def end(self) -> None:
        """Ends the remembered processes: asks first, then by force."""
        processes_end(self._processes)

    def found(self) -> list[str]:
        """What is still there, one line each; waits a moment for processes that are just ending."""
        _, alive = psutil.wait_procs(self._processes, timeout=PROCESS_END_WAIT_S)
        lines = [process_text(process) for process in alive]
        lines += [f"socket {path}" for path in sorted(self._home.run_dir.glob("*.sock"))]
        segments = (SHM_DIR / name.lstrip("/") for name in sorted(self._segments))
        lines += [f"shared memory {path}" for path in segments if path.exists()]
        return lines


def processes_of(home: Home) -> list[psutil.Process]:
    """The living processes of runs in this home, oldest first, so that a supervisor precedes what it started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.uids().real == os.geteuid() and process.environ().get(RUN_MARK) == str(home.path):
                found.append((process.create_time(), process.pid, process))
        except psutil.Error:
            continue
    return [process for _, pid, process in sorted(found, key=lambda row: row[:2]) if pid != os.getpid()]


def processes_end(processes: Iterable[psutil.Process]) -> None:
    """Asks each to end in the given order, and ends by force what does not within ORDERLY_END_WAIT_S."""
    alive = list(processes)
    for force in (False, True):
        for process in alive:
            try:
                process.kill() if force else process.terminate()
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(alive, timeout=PROCESS_END_WAIT_S if force else ORDERLY_END_WAIT_S)


def process_text(process: psutil.Process) -> str:
    try:
        command = " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        command = "gone by now"
    return f"process {process.pid} ({command})"
