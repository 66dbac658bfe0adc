"""ARBDECK_HOME: where an installation keeps its state, and who may be running in it.

run/      sockets, run files, sign-in token, the supervisor's files   (0700)
log/      one file per process, rotated
config/   the configuration, where no other folder is named
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dashboard.paths import default_config_dir

SOCKET_PATH_LENGTH_MAX = 107  # of a Unix socket's path, in bytes
CONFIG_FILES = ("engine.json", "strategies.json", "simulator.json")


class HomeError(Exception):
    """The home or the configuration cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Home:
    path: Path

    @property
    def run_dir(self) -> Path:
        return self.path / "run"

    @property
    def log_dir(self) -> Path:
        return self.path / "log"

    @property
    def supervisor_conf(self) -> Path:
        return self.run_dir / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        return self.run_dir / "supervisor.sock"

    @property
    def supervisor_pid(self) -> Path:
        return self.run_dir / "supervisord.pid"

    @property
    def supervisor_log(self) -> Path:
        return self.log_dir / "supervisord.log"

    def log_of(self, process: str) -> Path:
        return self.log_dir / f"{process}.log"

    def prepare(self) -> None:
        """Makes the folders, 0700. Raises HomeError when they belong to someone else or others can enter."""
        if "%" in str(self.path):
            raise HomeError(f'{self.path} has a "%", which the supervisor reads as its own: set ARBDECK_HOME.')
        for folder in (self.path, self.run_dir, self.log_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.stat()
            if status.st_uid != os.geteuid():
                raise HomeError(
                    f"{folder} belongs to uid {status.st_uid}, this is uid {os.geteuid()}: set ARBDECK_HOME."
                )
            if status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise HomeError(f"{folder} has mode {mode:04o}, others can enter: chmod 700 {folder}")
        if len(os.fsencode(self.supervisor_socket)) > SOCKET_PATH_LENGTH_MAX:
            raise HomeError(
                f"{self.supervisor_socket} is longer than {SOCKET_PATH_LENGTH_MAX} bytes, the most that a "
                "socket's path may have: set a shorter ARBDECK_HOME."
            )


class DeckLock:
    """Held by the one `arbdeck up` of a home; tells its process and port to the others."""

    def __init__(self, home: Home) -> None:
        self._path = home.run_dir / "up.lock"
        self._file: IO[str] | None = None

    def take(self, port: int) -> bool:
        """False when another process has it."""
        file = open(self._path, "a+")  # noqa: SIM115 - held for the life of the process
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(f"{os.getpid()} {port}\n")
        file.flush()
        self._file = file
        return True

    def holder(self) -> tuple[int, int] | None:
        """(process id, dashboard port) of the `arbdeck up` that runs; None when none does."""
        try:
            with open(self._path) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    pid, port = file.read().split()
                    return int(pid), int(port)
        except (OSError, ValueError):
            pass
        return None


def config_prepare(chosen: Path | None, home: Home) -> Path:
    """The configuration folder: the chosen one, else ./config, else the home's; filled when it is new.

    Raises HomeError when a folder that has some of the files lacks another.
    """
    here = Path("config")
    folder = chosen or (here if (here / CONFIG_FILES[0]).is_file() else home.path / "config")
    folder = folder.expanduser().resolve()
    missing = [name for name in CONFIG_FILES if not (folder / name).is_file()]
    if len(missing) == len(CONFIG_FILES):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(default_config_dir().glob("*.json")):
            shutil.copyfile(path, folder / path.name)
    elif missing:
        raise HomeError(f"{folder} has no {', '.join(missing)}: copy it from {default_config_dir()}.")
    return folder
