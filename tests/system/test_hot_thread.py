"""Protects the hot thread from waiting: trading, it allocates nothing, takes no lock and asks the kernel for nothing
but its sockets, in both thread layouts and spinning, plain and over TLS, signing each order and in an Ed25519 session.
Counted from inside by a preloaded library (hot_watch.c), which shows in the end that it can count."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bridge import CEngineBridge
from tests.system.desk import WIDE_RISK, Desk
from tests.system.test_money import BUSY
from tests.system.test_sessions import session_desk

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(180)]

SOURCE = Path(__file__).with_name("hot_watch.c")
CALLS = 1024
GETPPID = 110
TRADES = 400


class Watch(ctypes.Structure):
    """struct watch of hot_watch.c."""

    _fields_ = [
        ("go", ctypes.c_int32),
        ("probe", ctypes.c_int32),
        ("installed", ctypes.c_int32),
        ("sends", ctypes.c_int32),
        ("allocations", ctypes.c_uint64),
        ("frees", ctypes.c_uint64),
        ("locks", ctypes.c_uint64),
        ("wakes", ctypes.c_uint64),
        ("receivers", ctypes.c_uint64),
        ("calls", ctypes.c_uint64 * CALLS),
    ]

    def other_calls(self) -> dict[int, int]:
        return {number: count for number, count in enumerate(self.calls) if count}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    built = tmp_path_factory.mktemp("watch") / "hot_watch.so"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(built), str(SOURCE), "-ldl", "-lpthread"],
        check=True,
    )
    return built


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    path = tmp_path / "watch"
    path.write_bytes(bytes(ctypes.sizeof(Watch)))
    with path.open("r+b") as file:
        return Watch.from_buffer(mmap.mmap(file.fileno(), 0))


def start(desk: Desk, layout: str, wire: str, library: Path, watch_file: Path) -> CEngineBridge:
    if wire != "plain":
        desk.tls()
    if wire == "session":
        session_desk(desk)
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=60.0)
    desk.market(**BUSY)

    def change(document: dict[str, Any]) -> None:
        threads: dict[str, Any] = {"layout": layout}
        if layout == "spinning":
            threads = {"layout": "one", "busy_poll": True, "hot_cpu": max(os.sched_getaffinity(0))}
        document["threads"].update(threads)

    desk.engine_config(change)
    desk.balances(dict.fromkeys(("USDT", "BTC", "ETH", "SOL"), "1000000"))
    desk.start_venues()
    desk._start("engine", [str(desk.engine_path), "run"], LD_PRELOAD=str(library), HOT_WATCH=str(watch_file))
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    return bridge


@pytest.mark.parametrize("wire", ["plain", "tls", "session"])
@pytest.mark.parametrize("layout", ["one", "receivers", "spinning"])
def test_hot_thread_allocates_locks_and_asks_nothing_while_it_trades(
    desk: Desk, layout: str, wire: str, library: Path, watch: Watch, tmp_path: Path
) -> None:
    bridge = start(desk, layout, wire, library, tmp_path / "watch")
    assert all(venue.tls == (wire != "plain") for venue in bridge.snapshot().venues)
    desk.wait(lambda: bridge.get_stats().trades >= 5, 60)
    assert ("venue binance: logged on" in desk.log("engine", 400)) == (wire == "session")
    watch.go = 1
    desk.wait(lambda: watch.installed != 0, 30)
    if watch.installed < 0:
        pytest.skip(f"no seccomp notifications here: errno {-watch.installed}")
    reconnects, trades = bridge.snapshot().counters["reconnects"], bridge.get_stats().trades
    rejected = bridge.snapshot().counters["rejected"]
    desk.oracle("/faults", {"venue": "binance", "feed_garbage": 5})
    desk.wait(lambda: bridge.get_stats().trades >= trades + TRADES, 120)
    assert bridge.snapshot().counters["rejected"] > rejected, "bad messages are refused and logged meanwhile"
    assert "message refused" in desk.log("engine", 1000)
    assert watch.sends >= 2 * TRADES
    assert (watch.allocations, watch.frees, watch.locks) == (0, 0, 0)
    assert bridge.snapshot().counters["reconnects"] == reconnects, "a lost connection is more than trading"
    assert watch.other_calls() == {}
    assert watch.receivers == 0, "receiving threads allocate nothing and take no lock, either"
    assert watch.wakes == 0, "receiving threads are woken for connections alone"

    watch.probe = 1
    desk.wait(lambda: watch.probe == 2 and watch.other_calls(), 30)
    assert (watch.allocations, watch.frees, watch.locks) == (1, 1, 1)
    assert watch.other_calls() == {GETPPID: 1}
    if layout == "receivers":
        desk.wait(lambda: watch.receivers == 3, 30)
