"""The engine with the dashboard looking on: 50 pages open, and a reader of shared memory that is stopped in the middle.

    python -m dashboard.cli.bench_tabs URL COOKIE COUNT   (the pages' WebSockets, run by `arbdeck bench engine`)

Compared is the engine's own tick to order, alone and watched, alternating in one run. Where there are two processors,
all watchers keep off the engine's, as they should on a desk.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

from dashboard.cli.bench_desk import BenchDesk, BenchError, Processors, Programs, Scene, bench_desk
from dashboard.cli.bench_wire import INTERVAL_US, stage_counts, stage_figure

ROOT = Path(__file__).resolve().parents[2]
TABS = 50
START_S = 30.0
RUN_S = 8.0
PIECE_S = 4.0  # the median of short pieces: what the host takes away now and then spoils some of them, not the figure
_READER = (
    "import sys; from bridge import CEngineBridge\n"
    "bridge = CEngineBridge(sys.argv[1], sys.argv[2]); bridge.snapshot(); print('up', flush=True)\n"
    "while True: bridge.snapshot()"
)
Figures = dict[str, dict[str, Any]]


def tabs(programs: Programs, cpus: Processors, rounds: int, stop_s: float) -> Figures:
    """Ratios of p99 with and without watchers; stop_s: how long the reader is stopped."""
    alone: list[dict[str, Any]] = []
    watched: list[dict[str, Any]] = []
    with bench_desk(programs, Scene(), cpus) as desk:
        with _web(desk, cpus) as (port, cookie):
            for _ in range(rounds):
                alone += _tick_to_order(desk, RUN_S)
                with _tabs(port, cookie, cpus):
                    watched += _tick_to_order(desk, RUN_S)
        before = _tick_to_order(desk, stop_s / 2)
        with _stopped_reader(desk, cpus):
            stopped = _tick_to_order(desk, stop_s)
        after = _tick_to_order(desk, stop_s / 2)  # what drifts meanwhile is in both
    return {
        "engine_p99_ratio_50_tabs": _ratio(alone, watched) | {"tabs": TABS},
        "engine_p99_ratio_stopped_reader": _ratio(before + after, stopped) | {"stopped_s": stop_s},
    }


def _ratio(alone: list[dict[str, Any]], watched: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the medians of the pieces' p99; n: the ticks of both.

    noise: the same ratio between every other piece alone and the rest of them, the greater by the lesser: what a
    ratio of two equal things comes to here."""
    p99 = [[piece["p99"] for piece in pieces] for pieces in (alone, watched)]
    halves = sorted(median(p99[0][i::2] or p99[0]) for i in range(2))
    return {
        **{"value": round(median(p99[1]) / median(p99[0]), 3), "noise": round(halves[1] / halves[0], 3)},
        **{"unit": "ratio", "n": sum(piece["n"] for piece in (*alone, *watched))},
        **{"alone_p99_ns": p99[0], "watched_p99_ns": p99[1]},
    }


def _tick_to_order(desk: BenchDesk, seconds: float) -> list[dict[str, Any]]:
    """The figure of each piece of so many seconds."""
    pieces = []
    for _ in range(max(1, round(seconds / PIECE_S))):
        before = stage_counts(desk.bridge, "TICK_TO_ORDER")
        count = max(int(min(seconds, PIECE_S) * 1e6 / INTERVAL_US), 20)
        limit_ms = max(int(min(seconds, PIECE_S) * 1000), 500)
        desk.load.ask(f"trade {count} 0 {INTERVAL_US} 0 {limit_ms} 2")
        pieces.append(stage_figure(before, stage_counts(desk.bridge, "TICK_TO_ORDER")))
    return pieces


def _off_the_engine(cpus: Processors) -> dict[str, Any]:
    """Arguments of Popen for a process that keeps off the engine's processor."""
    others = os.sched_getaffinity(0) - {cpus.engine}
    return {"preexec_fn": lambda: os.sched_setaffinity(0, others)} if others else {}


def _environment(desk: BenchDesk) -> dict[str, str]:
    return {
        **os.environ,
        **{"ARBDECK_HOME": str(desk.home), "ARBDECK_CONFIG": str(desk.home / "config")},
        **{"ARBDECK_INSTANCE": desk.instance, "PYTHONPATH": str(ROOT)},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _web(desk: BenchDesk, cpus: Processors) -> Iterator[tuple[int, str]]:
    """The dashboard on the engine of the benchmark: its port, and the cookie of a session."""
    port = _free_port()
    (desk.home / "run").chmod(0o700)
    command = [sys.executable, "-m", "gunicorn", "-c", "python:dashboard.gunicorn", "dashboard.app:server"]
    with (desk.home / "web.log").open("wb") as log:
        web = subprocess.Popen(
            command,
            cwd=desk.home,
            env=_environment(desk) | {"PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **_off_the_engine(cpus),
        )
    try:
        yield port, _sign_in(desk, port)
    finally:
        _end(web)


def _sign_in(desk: BenchDesk, port: int) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        desk.load.ask("quote 100")
        with suppress(OSError, http.client.HTTPException):
            token = (desk.home / "run" / "web-token").read_text().strip()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/login", json.dumps({"token": token}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            cookie = answer.getheader("Set-Cookie")
            if answer.status == 200 and cookie is not None:
                return cookie.split(";")[0]
    raise BenchError(f"the dashboard does not start: {(desk.home / 'web.log').read_text()[-500:]}")


@contextmanager
def _tabs(port: int, cookie: str, cpus: Processors) -> Iterator[None]:
    command = [sys.executable, "-m", "dashboard.cli.bench_tabs", f"http://127.0.0.1:{port}", cookie, str(TABS)]
    clients = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **_off_the_engine(cpus))
    try:
        assert clients.stdout is not None
        if not clients.stdout.readline():
            raise BenchError("the pages' WebSockets do not open")
        yield
        if clients.poll() is not None:
            raise BenchError("the pages' WebSockets were closed during the measurement")
    finally:
        _end(clients)


@contextmanager
def _stopped_reader(desk: BenchDesk, cpus: Processors) -> Iterator[None]:
    """A process that reads shared memory without a pause, stopped in the middle of it."""
    command = [sys.executable, "-c", _READER, desk.instance, str(desk.home)]
    environment = _environment(desk)
    reader = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, **_off_the_engine(cpus))
    try:
        assert reader.stdout is not None
        if not reader.stdout.readline():
            raise BenchError("the reader of shared memory does not start")
        desk.load.ask("quote 200")
        reader.send_signal(signal.SIGSTOP)
        yield
    finally:
        reader.kill()
        reader.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def watch(url: str, cookie: str, count: int) -> None:
    """Opens the pages' WebSockets, says so, and reads what comes until it is ended."""
    import aiohttp

    async with aiohttp.ClientSession(headers={"Cookie": cookie, "Origin": url}) as session:

        async def page(opened: asyncio.Semaphore) -> None:
            async with session.ws_connect(url.replace("http", "ws") + "/ws/live", max_msg_size=0) as live:
                first = json.loads((await live.receive()).data)
                assert first["t"] == "tree", first["t"]
                opened.release()
                async for _ in live:
                    pass

        opened = asyncio.Semaphore(0)
        pages = [asyncio.create_task(page(opened)) for _ in range(count)]
        for _ in pages:
            await asyncio.wait_for(opened.acquire(), START_S)
        print("open", flush=True)
        done, _ = await asyncio.wait(pages, return_when=asyncio.FIRST_COMPLETED)
        raise SystemExit(f"{len(done)} pages were closed")


if __name__ == "__main__":
    asyncio.run(watch(sys.argv[1], sys.argv[2], int(sys.argv[3])))
