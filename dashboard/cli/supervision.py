"""The supervisor's configuration, written from the Procfile, and its log read as events."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dashboard.cli.home import Home

STOP_WAIT_S = 10
# Restarts of what does not stay up for START_S wait one second longer each time.
START_S = 2
START_RETRIES = 1000
LOG_BYTES_MAX = 10_000_000
LOG_COUNT = 3
_LINE = re.compile(r"([a-z][a-z0-9_-]*):\s+(\S.*)")
# An engine that ended in order was shut down by a person: it stays down until a person starts it again.
_RESTART = {"engine": "unexpected"}
_EVENT = re.compile(
    r"^\S+ (?P<time>\d\d:\d\d:\d\d),\d+ \w+ (?:"
    r"exited: (?P<exited>\S+) \((?P<how>[^;)]*); (?P<expected>expected|not expected)\)"
    r"|spawned: '(?P<spawned>\S+)' with pid (?P<pid>\d+)"
    r"|gave up: (?P<gave_up>\S+) "
    r"|spawnerr: (?P<spawn_error>.*))"
)


def procfile_read(path: Path) -> dict[str, str]:
    """Process name -> command, in the order of the file, which is the order of starting.

    Raises ValueError naming a line that is not "name: command" or names a process twice.
    """
    processes: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or found[1] in processes:
            raise ValueError(f'{path}, line {number}: {line!r} must be "name: command", each name once.')
        processes[found[1]] = found[2]
    return processes


def supervisor_conf(home: Home, processes: dict[str, str]) -> str:
    """The text of supervisord.conf. The processes inherit the supervisor's environment."""
    sections = [
        _section("unix_http_server", file=str(home.supervisor_socket), chmod="0700"),
        _section(
            "supervisord",
            logfile=str(home.supervisor_log),
            pidfile=str(home.supervisor_pid),
            childlogdir=str(home.log_dir),
            directory=str(home.path),
            nodaemon="true",
            umask="027",
            **({"user": "root"} if os.geteuid() == 0 else {}),
        ),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        _section("supervisorctl", serverurl=f"unix://{home.supervisor_socket}"),
    ]
    for rank, (name, command) in enumerate(processes.items(), start=1):
        sections.append(
            _section(
                f"program:{name}",
                command=command,
                priority=str(rank),
                autorestart=_RESTART.get(name, "true"),
                startsecs=str(START_S),
                startretries=str(START_RETRIES),
                stopsignal="TERM",
                stopwaitsecs=str(STOP_WAIT_S),
                killasgroup="true",
                redirect_stderr="true",
                stdout_logfile=str(home.log_of(name)),
                stdout_logfile_maxbytes=str(LOG_BYTES_MAX),
                stdout_logfile_backups=str(LOG_COUNT),
            )
        )
    return "\n".join(sections)


def _section(title: str, **settings: str) -> str:
    # The supervisor expands %(...)s in every value.
    lines = [f"{name} = {value.replace('%', '%%')}" for name, value in settings.items()]
    return "\n".join([f"[{title}]", *lines, ""])


@dataclass(frozen=True)
class Event:
    """What happened to a process, in a sentence; process is "" where the supervisor does not say which."""

    time: str
    process: str
    text: str
    ended: bool


def event_of(line: str) -> Event | None:
    """The event that a line of the supervisor's log tells; None for all other lines."""
    found = _EVENT.match(line)
    if found is None:
        return None
    if process := found["exited"]:
        stays = found["expected"] == "expected" and process in _RESTART
        then = "it was shut down and stays down; `arbdeck restart` starts it again" if stays else "restarting it"
        return Event(found["time"], process, f"{process} ended ({found['how']}): {then}", ended=True)
    if process := found["spawned"]:
        return Event(found["time"], process, f"{process} started, process {found['pid']}", ended=False)
    if process := found["gave_up"]:
        return Event(
            found["time"],
            process,
            f"{process} does not stay up; `arbdeck logs {process}` tells why",
            ended=True,
        )
    return Event(found["time"], "", f"cannot start: {found['spawn_error']}", ended=True)


class LogFollower:
    """Whole new lines of a growing file, from its end at first; starts over when it was rotated."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def lines(self) -> list[str]:
        try:
            if self._path.stat().st_size < self._position:
                self._position, self._rest = 0, b""
            with open(self._path, "rb") as file:
                file.seek(self._position)
                read = file.read()
        except FileNotFoundError:
            return []
        self._position += len(read)
        *whole, self._rest = (self._rest + read).split(b"\n")
        return [line.decode(errors="replace") for line in whole]
