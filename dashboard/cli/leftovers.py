"""What a run may leave behind, collected while it runs and looked for when it has stopped."""

from __future__ import annotations

import json
from pathlib import Path

import psutil

from dashboard.cli.home import Home

SHM_DIR = Path("/dev/shm")
PROCESS_END_WAIT_S = 3.0


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

    def kill(self) -> None:
        """Ends the remembered processes by force, the supervisor first so that it starts none again."""
        for process in sorted(self._processes, key=lambda found: float(found.create_time())):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def found(self) -> list[str]:
        """What is still there, one line each; waits a moment for processes that are just ending."""
        _, alive = psutil.wait_procs(self._processes, timeout=PROCESS_END_WAIT_S)
        lines = [f"process {process.pid} ({_command(process)})" for process in alive]
        lines += [f"socket {path}" for path in sorted(self._home.run_dir.glob("*.sock"))]
        segments = (SHM_DIR / name.lstrip("/") for name in sorted(self._segments))
        lines += [f"shared memory {path}" for path in segments if path.exists()]
        return lines


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return "gone by now"
