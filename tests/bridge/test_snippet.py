"""Protects the calls as a user writes them: the documented snippet runs as a script of its own and inside a
loop.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_server import CommandServer, answer
from engine_double import EngineDouble

import bridge as package

SNIPPET = """
from bridge import CEngineBridge
bridge = CEngineBridge(); bridge.connect()
stats = bridge.get_stats()      # opportunities_detected, total_profit_usd, p99_latency_us, ...
bridge.start_strategy("cross_exchange"); bridge.update_config({"min_spread_bps": 80})
"""
SHOWN = "print(stats['opportunities_detected'], stats['total_profit_usd'], stats['p99_latency_us'])"


@pytest.fixture
def running(double: EngineDouble, monkeypatch: pytest.MonkeyPatch) -> EngineDouble:
    monkeypatch.setenv("ARBDECK_HOME", str(double.home))
    monkeypatch.delenv("ARBDECK_INSTANCE", raising=False)
    double.publish("counters", value=[11] * 64)
    double.publish("pnl", trading_pnl_e8=250_000_000)
    double.segment["stage"]["bucket"][4][50] = 1
    double.beat()
    return double


def check(server: CommandServer) -> None:
    first, second = server.requests
    assert (first["command"], first["state_version"]) == ("start_strategy", 3)
    assert (second["command"], second["args"]) == ("update_config", {"updates": {"min_spread_bps": 80}})
    assert second["state_version"] == 18, "the answer to the first command is what the second one has seen"


def test_snippet_runs_as_a_script(running: EngineDouble) -> None:
    root = str(Path(package.__file__).parent.parent)
    with CommandServer(Path(running.run["socket"]), answer()) as server:
        script = subprocess.run(
            [sys.executable, "-c", SNIPPET + SHOWN], capture_output=True, text=True, timeout=30, check=False,
            env={**os.environ, "PYTHONPATH": root},
        )  # fmt: skip
    assert script.stderr == ""
    assert script.stdout == "11 2.5 0.05\n"
    check(server)


def test_snippet_runs_inside_a_running_loop(running: EngineDouble) -> None:
    async def cell() -> dict[str, object]:
        names: dict[str, object] = {}
        exec(SNIPPET, names)
        return names

    with CommandServer(Path(running.run["socket"]), answer()) as server:
        names = asyncio.run(cell())
    check(server)
    assert names["stats"]["total_profit_usd"] == 2.5  # type: ignore[index]
    names["bridge"].close()  # type: ignore[attr-defined]


def test_importing_the_package_touches_nothing() -> None:
    code = (
        "import sys, threading; sys.addaudithook(lambda event, args: event in ('open', 'socket.connect') "
        "and str(args[0]).startswith(('/dev/shm', '/proc')) and sys.exit('touched ' + str(args[0]))); "
        "import bridge; assert threading.active_count() == 1; assert set(bridge.__all__) <= set(dir(bridge)); "
        "assert not {'dash', 'plotly', 'fastapi', 'pandas'} & set(sys.modules)"
    )
    root = str(Path(package.__file__).parent.parent)
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
