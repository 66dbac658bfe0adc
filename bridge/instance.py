"""The run file of an engine instance, and whether the process it names is alive.

The engine writes $ARBDECK_HOME/run/<instance>.json at each start; it names the generation, the segment and
the socket.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import EngineDown, SegmentRefused
from .settings import BridgeSettings

RUN_FILE_SIZE_MAX = 65536


@dataclass(frozen=True)
class RunFile:
    instance: str
    mode: str
    pid: int
    pid_start_ticks: int
    boot_id: str
    generation: int
    segment: str
    socket: str
    journal: str
    abi_hash: str
    started_wall_ns: int


def run_file_mark(settings: BridgeSettings) -> tuple[int, int, int] | None:
    """Changes whenever the engine has written its run file again; None: there is none."""
    try:
        found = os.stat(settings.run_file)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_run_file(settings: BridgeSettings) -> RunFile:
    """Raises EngineDown (no run file, not readable) or SegmentRefused (not written by this user)."""
    path, instance = settings.run_file, settings.instance
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise EngineDown(instance, f"not started: there is no {path}") from None
    except OSError as error:
        raise SegmentRefused(instance, f"{path} cannot be opened: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        refuse_foreign(instance, str(path), os.fstat(descriptor))
        text = file.read(RUN_FILE_SIZE_MAX)
    return _parse(path, instance, text)


def _parse(path: Path, instance: str, text: bytes) -> RunFile:
    try:
        found = json.loads(text)
        texts = {
            name: found[name] for name in ("instance", "mode", "boot_id", "segment", "socket", "journal", "abi_hash")
        }
        numbers = {name: found[name] for name in ("pid", "pid_start_ticks", "generation", "started_wall_ns")}
    except (ValueError, KeyError, TypeError) as error:
        raise EngineDown(instance, f"{path} is not a whole run file ({type(error).__name__}: {error})") from error
    for name, value in [*texts.items(), *numbers.items()]:
        wanted = str if name in texts else int
        if type(value) is not wanted:
            raise EngineDown(instance, f"{path}: {name} = {value!r}, must be a {wanted.__name__}")
    return RunFile(**texts, **numbers)


def refuse_foreign(instance: str, name: str, found: os.stat_result) -> None:
    """Refuses a file that someone else owns or could have written, or that is no plain file."""
    if not stat.S_ISREG(found.st_mode):
        raise SegmentRefused(instance, f"{name} is not a regular file")
    if found.st_uid != os.geteuid():
        raise SegmentRefused(instance, f"{name} belongs to uid {found.st_uid}, this process is uid {os.geteuid()}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SegmentRefused(instance, f"{name} has mode {stat.S_IMODE(found.st_mode):04o}: others may write to it")


@cache
def own_boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def process_gone(pid: int, pid_start_ticks: int) -> str:
    """Why the process is not the one that started then; "" when it is there."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return f"process {pid} is gone"
    # The second field is the program's name in brackets and may itself hold brackets and blanks.
    fields = line[line.rfind(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return f"process {pid} has died"
    if int(fields[19]) != pid_start_ticks:
        return f"process {pid} is another program by now"
    return ""
