"""`arbdeck up`: starts the processes under a supervisor, waits until all are healthy, stops them all.

The supervisor is a process of its own and restarts what dies; this one watches and tells. When this one dies,
the kernel ends the supervisor, and that ends its processes: no engine trades on with nobody in charge.
"""

from __future__ import annotations

import ctypes
import getpass
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from rich.console import Console

from dashboard.cli.deck import Deck, busy_ports
from dashboard.cli.health import deck_checks
from dashboard.cli.home import DeckLock
from dashboard.cli.leftovers import Leftovers, process_text, processes_end, processes_of
from dashboard.cli.signin import sign_in_link
from dashboard.cli.supervision import STOP_WAIT_S, LogFollower, event_of, supervisor_conf

POLL_S = 0.2
LOG_LINES_SHOWN = 15
PR_SET_PDEATHSIG = 1


class Up:
    """One run, from start to stop. Results are exit codes: 0 stopped cleanly, 1 not."""

    def __init__(self, deck: Deck, processes: dict[str, str], console: Console, wait_s: float) -> None:
        self._deck = deck
        self._console = console
        self._wait_s = wait_s
        self._stop_signal: int | None = None
        self._leftovers = Leftovers(deck.home, deck.instance)
        self._log = LogFollower(deck.home.supervisor_log)
        self._processes = processes
        # A terminal that is gone already does not say that it is one; it still is a character device.
        output = sys.stdout.fileno()
        self._terminal = output if stat.S_ISCHR(os.fstat(output).st_mode) else None

    def run(self, lock: DeckLock) -> int:
        """`lock` is taken here and held to the end, so that a home has one deck."""
        if not lock.take(self._deck.port):
            self._say(f"arbdeck is already running in {self._deck.home.path}{_holder_text(lock)}.")
            return 1
        self._end_earlier()
        if busy := busy_ports(self._deck):
            for line in busy:
                self._say(line)
            return 1
        sign_in = sign_in_link(self._deck.home, self._deck.port)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        supervisor = self._start_supervisor()
        healthy = self._wait_healthy(supervisor)
        if healthy:
            self._say_ready(sign_in)
            self._follow(supervisor)
        clean = self._stop(supervisor)
        return 0 if clean and self._stop_signal is not None else 1

    def _end_earlier(self) -> None:
        """The lock is ours, so whatever still runs in this home has nobody in charge."""
        if found := processes_of(self._deck.home):
            self._say("An earlier run in this home was killed and left these; ending them:")
            for process in found:
                self._say(f"  {process_text(process)}")
            processes_end(found)

    def _stopping(self) -> bool:
        """Asked to by a signal, or the terminal is gone: `make` in between does not pass its hang-up on."""
        if self._stop_signal is None and self._terminal is not None:
            poll = select.poll()
            poll.register(self._terminal, 0)
            if poll.poll(0):
                self._stop_signal = signal.SIGHUP
        return self._stop_signal is not None

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signal = number

    def _say(self, text: str) -> None:
        try:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        except OSError:
            pass  # the terminal or the pipe is gone; stopping in order matters more than saying so

    def _start_supervisor(self) -> subprocess.Popen[bytes]:
        home = self._deck.home
        home.supervisor_conf.write_text(supervisor_conf(home, self._processes))
        home.supervisor_conf.chmod(0o600)
        self._say(f"Starting {', '.join(self._processes)} ({self._deck.mode}, configuration {self._deck.config})")
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "supervisor.supervisord",
                "--nodaemon",
                "--silent",
                "-c",
                str(home.supervisor_conf),
            ],
            env=self._deck.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this process alone: the supervisor stops in order
            preexec_fn=_die_with(os.getpid()),
        )

    def _wait_healthy(self, supervisor: subprocess.Popen[bytes]) -> bool:
        checks = {name: check for name, check in deck_checks(self._deck).items() if name in self._processes}
        started = time.monotonic()
        trouble = dict.fromkeys(checks, "not asked yet")
        while not self._stopping():
            self._leftovers.note(supervisor.pid)
            self._tell_events(ended_only=True)
            for name in [name for name, text in trouble.items() if text]:
                trouble[name] = checks[name]()
                if not trouble[name]:
                    self._say(f"  {name:<8} healthy after {time.monotonic() - started:.1f} s")
            if not any(trouble.values()):
                return True
            if supervisor.poll() is not None:
                self._say(f"The supervisor ended; see {self._deck.home.supervisor_log}.")
                return False
            if time.monotonic() - started > self._wait_s:
                self._say_trouble({name: text for name, text in trouble.items() if text})
                return False
            time.sleep(POLL_S)
        return False

    def _say_trouble(self, trouble: dict[str, str]) -> None:
        for name, text in trouble.items():
            path = self._deck.home.log_of(name)
            self._say(f"{name} is not healthy after {self._wait_s:g} s: {text}\nThe end of {path}:")
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            self._say("\n".join(f"  {line}" for line in lines[-LOG_LINES_SHOWN:]) or "  (empty)")

    def _say_ready(self, sign_in: str) -> None:
        deck = self._deck
        user_at_host = f"{getpass.getuser()}@{socket.gethostname()}"
        self._say(
            f"\narbdeck runs in {deck.mode} (instance {deck.instance}).\n"
            f"  Dashboard   {deck.address}\n"
            f"  Sign in     {sign_in}\n"
            "              (again: arbdeck login)\n"
            f"  From afar   ssh -N -L {deck.port}:127.0.0.1:{deck.port} {user_at_host}\n"
            "  Stop        Ctrl-C\n"
        )

    def _tell_events(self, ended_only: bool = False) -> None:
        for line in self._log.lines():
            event = event_of(line)
            if event is not None and (event.ended or not ended_only):
                self._say(f"{event.time}  {event.text}")

    def _follow(self, supervisor: subprocess.Popen[bytes]) -> None:
        self._log.lines()  # the start has been told
        while not self._stopping():
            if supervisor.poll() is not None:
                self._say("The supervisor ended by itself: stopping.")
                return
            self._leftovers.note(supervisor.pid)
            self._tell_events()
            time.sleep(POLL_S)

    def _stop(self, supervisor: subprocess.Popen[bytes]) -> bool:
        started = time.monotonic()
        self._say(f"\nStopping {', '.join(reversed(self._processes))} ...")
        self._leftovers.note(supervisor.pid)
        if supervisor.poll() is None:
            supervisor.terminate()
        try:
            supervisor.wait(timeout=(STOP_WAIT_S + 1) * (len(self._processes) + 1))
        except subprocess.TimeoutExpired:
            self._say("The supervisor does not end; killing it and its processes.")
            supervisor.kill()
            supervisor.wait()
        self._leftovers.end()
        if supervisor.returncode < 0:  # it was killed and could not remove its files
            self._deck.home.supervisor_socket.unlink(missing_ok=True)
            self._deck.home.supervisor_pid.unlink(missing_ok=True)
        if left := self._leftovers.found():
            self._say("Left behind:\n" + "\n".join(f"  {line}" for line in left))
            return False
        self._say(f"Stopped after {time.monotonic() - started:.1f} s; no process, socket or shared memory is left.")
        return True


def _holder_text(lock: DeckLock) -> str:
    holder = lock.holder()
    return f": process {holder[0]}, http://127.0.0.1:{holder[1]}. `arbdeck down` stops it" if holder else ""


def _die_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return before_exec
