"""Protects every number on a screen: a copy taken under a hot writer is whole, and a writer killed at any
moment leaves shared memory readable. The writer is another process, compiled here from abi.h.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_double import EngineDouble, start_ticks

from bridge import BridgeError, CEngineBridge, EngineDown
from bridge.layout import abi_layout, header_path, text_of
from bridge.segment import Segment

HOT_S = float(os.environ.get("ARBDECK_TORN_S", "5"))
KILLS = int(os.environ.get("ARBDECK_KILLS", "100"))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("writer") / "hot_writer"
    source = Path(__file__).parent / "hot_writer.c"
    include = header_path("abi.h").parent
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Werror", f"-I{include}", source, "-o", path], check=True)
    return path


@pytest.fixture
def double(tmp_path: Path) -> Iterator[EngineDouble]:
    with EngineDouble(tmp_path, "hot") as engine:
        engine.publish_all()
        yield engine


def start_writer(program: Path, engine: EngineDouble) -> subprocess.Popen[bytes]:
    """Returns once it has been round all its blocks."""
    before = int(engine.segment["heads"]["order"])
    writer = subprocess.Popen([program, engine.name], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    deadline = time.monotonic() + 5
    while int(engine.segment["heads"]["order"]) < before + 2:
        if time.monotonic() > deadline:
            stop_writer(writer)
            pytest.fail("the writer wrote nothing for 5 s")
    return writer


def stop_writer(writer: subprocess.Popen[bytes]) -> None:
    writer.kill()
    writer.wait()
    assert writer.stdout is not None
    writer.stdout.close()


def words_of(data: bytes) -> set[int]:
    return set(struct.unpack(f"<{len(data) // 8}Q", data))


def test_no_copy_is_torn_under_a_hot_writer(program: Path, double: EngineDouble) -> None:
    writer = start_writer(program, double)
    segment = Segment("hot", double.name)
    order_words = (abi_layout().sizeof("abi_order")) // 8
    reads = late = records = 0
    last = dict.fromkeys(("pnl", "counters", "strategy", "risk", "exposures"), 0)
    try:
        until = time.monotonic() + HOT_S
        while time.monotonic() < until:
            for block in last:
                found = segment.block(block)
                assert found is not None
                data, age_ns = found
                seen = words_of(data)
                assert len(seen) == 1, f"torn {block}: {seen}"
                assert (n := seen.pop()) >= last[block], f"{block} went back"
                last[block], reads, late = n, reads + 1, late + (age_ns > 0)
            cells = segment.ring("order", 64)
            if len(cells):
                rows = np.ascontiguousarray(cells).view("<u8").reshape(len(cells), order_words)
                assert (rows == rows[:, :1]).all(), "torn order record"
                assert (np.diff(rows[:, 0].astype(np.int64)) > 0).all()
                records += len(cells)
    finally:
        stop_writer(writer)
        segment.close()
    print(f"{reads} reads, {late} late, {records} order records")
    assert reads > 1000 * HOT_S
    assert min(last.values()) > 1000
    assert records > 0
    # The writer never pauses, which no engine does; still nearly every read must find a whole slot within its tries.
    assert late < reads * 0.01


def test_no_copy_of_the_engines_own_publisher_is_torn() -> None:
    """The engine's program for this purpose: every word of pnl, counters and risk is the same n."""
    build = Path(__file__).resolve().parent.parent.parent / "build"
    path = Path(os.environ.get("ARBDECK_SHM_WRITER") or build / "shm_writer")
    if not os.access(path, os.X_OK):
        pytest.skip(f"needs the engine's shm_writer: there is no {path}")
    instance, generation = f"torn_{os.getpid()}", 1
    writer = subprocess.Popen([path, instance, str(generation)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        segment = Segment(instance, f"/arbdeck-{instance}-{generation}")
        reads, orders, until = 0, 0, time.monotonic() + HOT_S
        while time.monotonic() < until:
            for block in ("pnl", "counters", "risk"):
                found = segment.block(block)
                assert found is not None
                assert len(words_of(found[0])) == 1, f"torn {block}"
                reads += 1
            for record in segment.ring("order", 64):
                texts = {text_of(bytes(record[name])) for name in ("client_id", "venue_id", "reason")}
                assert texts == {f"n = {record['id']}"}, "torn order record"
                assert record["price"] == record["qty"] == record["id"]
                orders += 1
        segment.close()
    finally:
        writer.terminate()
        writer.communicate()
    assert reads > 1000 * HOT_S
    assert orders > 1000


def test_segment_stays_readable_after_the_writer_was_killed(program: Path, double: EngineDouble) -> None:
    segment = Segment("hot", double.name)
    odd = 0
    for turn in range(KILLS):
        writer = start_writer(program, double)
        time.sleep(0.001 + 0.0001 * (turn % 17))
        stop_writer(writer)
        odd += any(int(double.slot(name, 0, which)["seq"]) & 1 for name in ("pnl", "counters") for which in (0, 1))
        for block in ("status", "pnl", "counters", "strategy"):
            found = segment.block(block)
            assert found is not None
            assert found[1] == 0, f"{block} was not readable afresh"
            if block != "status":
                assert len(words_of(found[0])) == 1
        segment.ring("order", 512)
    segment.close()
    assert odd > 0, "no kill hit a publication: the test has proved nothing"


def test_bridge_gives_numbers_or_a_typed_error_when_the_engine_is_killed(program: Path, tmp_path: Path) -> None:
    typed = whole = 0
    for generation in range(1, 21):
        with EngineDouble(tmp_path, "killed", generation) as engine:
            engine.publish_all()
            writer = start_writer(program, engine)
            engine.run["pid"], engine.run["pid_start_ticks"] = writer.pid, start_ticks(writer.pid)
            engine.segment["header"]["pid"] = writer.pid
            engine.write_run_file()
            bridge = CEngineBridge("killed", tmp_path)
            bridge.snapshot()
            os.kill(writer.pid, signal.SIGKILL)
            for _ in range(20):
                try:
                    bridge.snapshot()
                    bridge.orders(20)
                    whole += 1
                except BridgeError as error:
                    assert isinstance(error, EngineDown)
                    typed += 1
            # Not yet waited for, so /proc still lists it: dead all the same.
            with pytest.raises(EngineDown, match=r"has died|is gone"):
                bridge.snapshot()
            assert bridge.health().state == "DOWN"
            stop_writer(writer)
            bridge.close()
    assert typed > 0
    assert typed + whole == 400
