"""Protects what `arbdeck status` says of an engine that runs: read from a segment that a test fills."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent.parent / "bridge"))

from engine_double import EngineDouble

from dashboard.cli.app import app


@pytest.fixture
def double(arbdeck_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineDouble]:
    monkeypatch.setenv("COLUMNS", "160")
    with EngineDouble(arbdeck_home) as engine:
        engine.publish_all()
        yield engine


def test_status_tells_feeds_that_are_down_and_what_stalls_cost(double: EngineDouble) -> None:
    double.beat(loop_longest_ns=1_250_000, stall_total_ns=7_500_000, host_gap_ns=85_000)
    double.beat(tsc_khz=2_300_000, quote_handover_full=3)
    double.publish("counters", value=[0] * 24 + [5] + [0] * 39)
    double.publish("venue", 0, feed_connections_up=34, feed_connections=35, tls=1)
    printed = CliRunner().invoke(app, ["status"])
    assert printed.exit_code == 0, printed.output
    assert "longest turn 1,250 µs   stalls 5 (7.5 ms in all)   host took up to 85 µs" in printed.stdout
    assert "clock: processor counter, 2.300 GHz   quotes replaced unread 3" in printed.stdout
    assert "34/35 TLS" in printed.stdout and "0/0 plain" in printed.stdout


def test_status_as_json_carries_the_same_figures(double: EngineDouble) -> None:
    double.beat(stall_total_ns=7_500_000)
    found = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert (found["status"]["stall_total_ms"], found["status"]["tsc_khz"]) == (7.5, None)
    assert [venue["feed_connections"] for venue in found["venues"]] == [0, 0]


def test_latency_is_told_stage_by_stage_in_the_order_of_a_message(double: EngineDouble) -> None:
    for stage, bucket in ((3, 60), (2, 50), (18, 40), (0, 30), (24, 64)):
        double.count(stage, bucket, 7)
    printed = CliRunner().invoke(app, ["status", "--latency"])
    assert printed.exit_code == 0, printed.output
    rows = [line.split() for line in printed.stdout.splitlines() if " 7 " in line]
    assert [row[0] for row in rows] == ["FRAME", "DECODE", "ENCODE", "SEND", "FILL_binance"]
    assert rows[0][1:7] == ["7", "0.040", "0.040", "0.040", "0.040", "0.040"]
    assert "TICK_TO_ORDER" not in printed.stdout, "a stage without a sample has no figures"
    assert "prices cross no ring" in printed.stdout


def test_status_tells_which_thread_layout_runs(double: EngineDouble) -> None:
    assert "layout one" in CliRunner().invoke(app, ["status"]).stdout
    double.write_header(thread_layout=2, receive_threads=2, busy_poll=1)
    printed = CliRunner().invoke(app, ["status"]).stdout
    assert "layout receivers, 2 receiving threads; prices cross SPSC rings to the hot thread (spins)" in printed


def test_engine_of_another_build_is_told_in_a_sentence_and_not_in_a_traceback(double: EngineDouble) -> None:
    double.write_header(abi_hash=0x1234)
    for option in ([], ["--json"], ["--latency"]):
        printed = CliRunner().invoke(app, ["status", *option])
        assert printed.exit_code == 1, printed.output
        assert isinstance(printed.exception, SystemExit), printed.exception
        assert "Shared memory has layout 0000000000001234" in printed.stderr


def test_latency_says_what_is_sampled_of_the_layout_that_runs(double: EngineDouble) -> None:
    double.count(2, 50, 7)
    orders = "RECEIVE to DECIDE are taken of every 64th message and of those that led to an order"
    one = " ".join(CliRunner().invoke(app, ["status", "--latency"]).stdout.split())
    assert orders in one
    double.write_header(thread_layout=2, receive_threads=2)
    receivers = " ".join(CliRunner().invoke(app, ["status", "--latency"]).stdout.split())
    assert orders not in receivers
    assert "RECEIVE to DETECT are taken of every 64th message, before anybody knows what it leads to" in receivers
