"""Protects `arbdeck up`: starts, waits for health, restarts what dies, tells what happens, leaves nothing.

Real supervisor and real processes; small web servers stand in for venues and dashboard, so that no engine is
needed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
STANDIN = Path(__file__).with_name("standin.py")
ARBDECK = [sys.executable, "-c", "from dashboard.cli import main; main()"]
STOPPED = re.compile(r"Stopped after [\d.]+ s; no process, socket or shared memory is left\.")

pytestmark = pytest.mark.system


class Desk:
    """A home, a configuration with free ports, a Procfile of stand-ins, and `arbdeck up` on them."""

    def __init__(self, home: Path, free_port: Callable[[], int], wait_until: Callable[..., object]) -> None:
        self.home = home
        self.port, self.control_port, self.venue_port = free_port(), free_port(), free_port()
        self.config = home / "config"
        self.procfile = home / "Procfile"
        self.output = home / "output.txt"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._wait_until = wait_until
        self.config.mkdir()
        venues = [{"name": "binance", "port": self.venue_port}]
        (self.config / "engine.json").write_text(json.dumps({"instance": "standin", "mode": "SIM"}))
        (self.config / "strategies.json").write_text("{}")
        (self.config / "simulator.json").write_text(json.dumps({"control_port": self.control_port, "venues": venues}))
        self.write_procfile()

    def write_procfile(self, venues_status: int = 200) -> None:
        self.procfile.write_text(
            f"venues: python {STANDIN} {self.control_port} {venues_status}\nweb: python {STANDIN} {self.port}\n"
        )

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(ROOT), "ARBDECK_HOME": str(self.home), "COLUMNS": "200"}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ARBDECK, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def up_arguments(self, wait_s: float = 30) -> list[str]:
        arguments = ["up", "--port", str(self.port), "--config", str(self.config), "--wait", str(wait_s)]
        return [*arguments, "--procfile", str(self.procfile)]

    def start(self) -> subprocess.Popen[bytes]:
        with open(self.output, "wb") as output:
            process = subprocess.Popen(
                [*ARBDECK, *self.up_arguments()],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        self.wait_for("Ctrl-C")
        return process

    @property
    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def wait_for(self, text: str) -> None:
        self._wait_until(lambda: text in self.said, timeout=40)

    def pid_of(self, name: str) -> int:
        return int(
            re.findall(rf"spawned: '{name}' with pid (\d+)", (self.home / "log/supervisord.log").read_text())[-1]
        )


@pytest.fixture
def desk(arbdeck_home: Path, free_port: Callable[[], int], wait_until: Callable[..., object]) -> Iterator[Desk]:
    desk = Desk(arbdeck_home, free_port, wait_until)
    yield desk
    for process in desk.processes:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=30)


def test_starts_says_how_to_sign_in_and_stops_on_ctrl_c_leaving_nothing(desk: Desk) -> None:
    process = desk.start()
    token = (desk.home / "run/web-token").read_text().strip()
    assert f"http://127.0.0.1:{desk.port}/login#token={token}" in desk.said
    assert re.search(rf"ssh -N -L {desk.port}:127\.0\.0\.1:{desk.port} \S+@\S+", desk.said)
    under_it = psutil.Process(process.pid).children(recursive=True)
    assert len(under_it) == 3  # the supervisor and two processes
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert STOPPED.search(desk.said)
    assert not [child for child in under_it if child.is_running()]
    assert not list((desk.home / "run").glob("*.sock"))
    assert os.stat(desk.home / "run").st_mode & 0o777 == 0o700
    assert os.stat(desk.home / "run/web-token").st_mode & 0o777 == 0o600


def test_what_is_killed_is_restarted_and_told(desk: Desk, wait_until: Callable[..., object]) -> None:
    desk.start()
    killed = desk.pid_of("web")
    os.kill(killed, signal.SIGKILL)
    desk.wait_for("web ended (terminated by SIGKILL): restarting it")
    wait_until(lambda: desk.pid_of("web") != killed)
    desk.wait_for(f"web started, process {desk.pid_of('web')}")
    assert psutil.pid_exists(desk.pid_of("venues"))


def test_when_the_supervisor_is_killed_its_processes_are_ended(desk: Desk) -> None:
    process = desk.start()
    under_it = psutil.Process(process.pid).children(recursive=True)
    os.kill(under_it[0].pid, signal.SIGKILL)
    assert process.wait(timeout=40) == 1
    assert "The supervisor ended by itself" in desk.said
    assert not [child for child in under_it if child.is_running()]
    assert not list((desk.home / "run").glob("*.sock"))


def test_the_next_start_ends_what_a_killed_run_left(desk: Desk) -> None:
    process = desk.start()
    under_it = psutil.Process(process.pid).children(recursive=True)
    assert "supervisord" in " ".join(under_it[0].cmdline())
    under_it[0].suspend()  # it cannot tidy up before it is killed
    process.kill()
    process.wait(timeout=10)
    under_it[0].kill()
    assert [child for child in under_it[1:] if child.is_running()]
    desk.start()
    assert "An earlier run in this home was killed and left these" in desk.said
    assert not [child for child in under_it[1:] if child.is_running()]


def test_a_terminal_that_goes_away_stops_the_desk(desk: Desk, wait_until: Callable[..., object]) -> None:
    ours, theirs = os.openpty()
    process = subprocess.Popen([*ARBDECK, *desk.up_arguments()], env=desk.environment, stdout=theirs, stderr=theirs)
    desk.processes.append(process)
    os.close(theirs)
    said = b""
    while b"Ctrl-C" not in said:
        said += os.read(ours, 65536)
    under_it = psutil.Process(process.pid).children(recursive=True)
    os.close(ours)
    assert process.wait(timeout=40) == 0
    assert not [child for child in under_it if child.is_running()]


def test_a_busy_port_is_named_with_its_owner_and_the_way_out(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", desk.port)):
        answer = desk.command(*desk.up_arguments())
    assert answer.returncode == 1
    assert f"Port {desk.port}, for the dashboard, is taken by process {os.getpid()} (" in answer.stdout
    assert f"make run PORT={desk.port + 1}" in answer.stdout
    with socket.create_server(("127.0.0.1", desk.venue_port)):
        answer = desk.command(*desk.up_arguments())
    assert answer.returncode == 1
    assert f"Port {desk.venue_port}, for the binance venue, is taken by" in answer.stdout
    assert "simulator.json" in answer.stdout


def test_a_second_start_in_one_home_says_who_runs(desk: Desk) -> None:
    process = desk.start()
    answer = desk.command(*desk.up_arguments())
    assert answer.returncode == 1
    assert f"already running in {desk.home}: process {process.pid}, http://127.0.0.1:{desk.port}" in answer.stdout
    assert process.poll() is None


def test_what_is_not_healthy_is_named_with_the_end_of_its_log(desk: Desk) -> None:
    desk.write_procfile(venues_status=503)
    answer = desk.command(*desk.up_arguments(wait_s=3))
    assert answer.returncode == 1
    assert (
        f"venues is not healthy after 3 s: port {desk.control_port} answered 503: not ready: no feed" in answer.stdout
    )
    assert f"serving on {desk.control_port}" in answer.stdout
    assert "web is not healthy" not in answer.stdout
    assert STOPPED.search(answer.stdout)


def test_what_dies_at_once_is_told_while_waiting(desk: Desk) -> None:
    desk.write_procfile(venues_status=0)
    answer = desk.command(*desk.up_arguments(wait_s=4))
    assert answer.returncode == 1
    assert "venues ended (exit status 7): restarting it" in answer.stdout
    assert "cannot go on: no such feed" in answer.stdout


def test_down_stops_it_from_another_terminal(desk: Desk) -> None:
    process = desk.start()
    assert "Stopped." in desk.command("down").stdout
    assert process.wait(timeout=5) == 0
    assert desk.command("down").stdout == "arbdeck is not running.\n"


def test_nothing_goes_on_when_arbdeck_up_itself_is_killed(desk: Desk) -> None:
    process = desk.start()
    under_it = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(under_it, timeout=20)
    assert not alive


def test_restart_gives_one_process_a_new_life(desk: Desk, wait_until: Callable[..., object]) -> None:
    desk.start()
    before, other = desk.pid_of("web"), desk.pid_of("venues")
    answer = desk.command("restart", "web")
    assert answer.stdout == "web was restarted.\n"
    assert desk.pid_of("web") != before
    assert desk.pid_of("venues") == other
    answer = desk.command("restart", "nothing")
    assert answer.returncode == 1
    assert "BAD_NAME" in answer.stderr


def test_login_prints_the_same_link_again_with_the_running_port(desk: Desk) -> None:
    desk.start()
    link = desk.command("login").stdout.strip()
    assert link in desk.said
    assert f":{desk.port}/" in link


def test_a_home_that_others_can_enter_is_refused(desk: Desk) -> None:
    desk.home.chmod(0o755)
    answer = desk.command(*desk.up_arguments())
    assert answer.returncode == 1
    assert "mode 0755, others can enter: chmod 700" in answer.stderr


def test_bad_configuration_is_named_with_file_and_field(desk: Desk) -> None:
    (desk.config / "simulator.json").write_text(json.dumps({"control_port": "x", "venues": []}))
    answer = desk.command(*desk.up_arguments())
    assert answer.returncode == 1
    assert "simulator.json: control_port = 'x', must be int" in answer.stderr
    (desk.config / "simulator.json").unlink()
    answer = desk.command(*desk.up_arguments())
    assert "has no simulator.json" in answer.stderr
    answer = desk.command(*desk.up_arguments(), "--replay", str(desk.home / "none.parquet"))
    assert answer.returncode == 1
