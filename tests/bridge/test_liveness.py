"""Protects against a dead engine that looks alive: each way of being gone, foreign or stuck is its own typed
error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import posix_ipc
import pytest
from engine_double import EngineDouble, start_ticks

from bridge import CEngineBridge, EngineDown, LayoutMismatch, SegmentRefused, Stale
from bridge.heartbeat import Heartbeat
from bridge.layout import abi_hash
from bridge.settings import bridge_settings

S = 1_000_000_000


def test_an_engine_never_started_is_down(tmp_path: Path) -> None:
    bridge = CEngineBridge("double", tmp_path)
    with pytest.raises(EngineDown, match=r"not started: there is no .*double\.json"):
        bridge.connect()
    assert not bridge.connected
    health = bridge.health()
    assert (health.ok, health.state, health.age_s, health.generation) == (False, "DOWN", None, None)
    assert "not started" in health.reason


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff", b'{"instance": "double"}', b'{"pid": "7"}'], ids=repr
)
def test_a_broken_run_file_is_down_and_names_the_file(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "double.json").write_bytes(text)
    with pytest.raises(EngineDown, match=r"double\.json is not a whole run file"):
        CEngineBridge("double", tmp_path).connect()


def test_a_run_file_with_a_wrong_type_names_field_and_value(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.run["pid"] = "7"
    double.write_run_file()
    with pytest.raises(EngineDown, match="pid = '7', must be a int"):
        bridge.connect()


def test_a_run_file_that_others_may_write_is_refused(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.run_file.chmod(0o666)
    with pytest.raises(SegmentRefused, match="mode 0666"):
        bridge.connect()


def test_a_process_that_is_gone_is_down(double: EngineDouble, bridge: CEngineBridge) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        pass
    bridge.connect()
    double.run["pid"] = ended.pid
    double.write_run_file()
    with pytest.raises(EngineDown, match=f"process {ended.pid} is gone"):
        bridge.snapshot()


def test_a_dead_process_that_nobody_has_waited_for_is_down(double: EngineDouble, bridge: CEngineBridge) -> None:
    zombie = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    double.run["pid"], double.run["pid_start_ticks"] = zombie.pid, start_ticks(zombie.pid)
    double.segment["header"]["pid"] = zombie.pid
    double.write_run_file()
    bridge.connect()
    zombie.kill()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(EngineDown, match="has died"):
        bridge.snapshot()
    zombie.communicate()


def test_a_reused_pid_is_down(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.run["pid_start_ticks"] -= 1
    double.write_run_file()
    with pytest.raises(EngineDown, match="is another program by now"):
        bridge.connect()


def test_an_engine_of_an_earlier_boot_is_down(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.run["boot_id"] = "00000000-0000-0000-0000-000000000000"
    double.write_run_file()
    with pytest.raises(EngineDown, match="computer has been restarted"):
        bridge.connect()


def test_an_engine_that_cleared_its_magic_is_down(double: EngineDouble, bridge: CEngineBridge) -> None:
    bridge.connect()
    double.segment["header"]["magic"] = 0
    with pytest.raises(EngineDown, match="it has shut down"):
        bridge.snapshot()
    with pytest.raises(EngineDown, match="not ready"):
        bridge.snapshot()


def test_a_segment_that_is_gone_is_down(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.unlink()
    with pytest.raises(EngineDown, match=r"shared memory .* is gone"):
        bridge.connect()


def test_a_segment_of_another_build_is_a_layout_mismatch_with_both_values(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    double.segment["header"]["abi_hash"] = 0x1234
    with pytest.raises(LayoutMismatch) as raised:
        bridge.connect()
    assert (raised.value.expected, raised.value.found) == (f"{abi_hash():016x}", "0000000000001234")
    health = bridge.health()
    assert health.state == "DOWN"
    assert "0000000000001234" in health.reason


def test_a_shorter_segment_of_another_build_is_still_a_layout_mismatch(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    head = double.segment.tobytes()[:64]
    double.unlink()
    memory = posix_ipc.SharedMemory(double.name, posix_ipc.O_CREX, 0o640, 64)
    os.pwrite(memory.fd, head[:8] + b"\1" + head[9:], 0)
    memory.close_fd()
    with pytest.raises(LayoutMismatch):
        bridge.connect()


@pytest.mark.parametrize("size", [0, 8, 23, 64, 4096])
def test_a_segment_that_is_too_short_is_refused(double: EngineDouble, bridge: CEngineBridge, size: int) -> None:
    head = double.segment.tobytes()[:size]
    double.unlink()
    memory = posix_ipc.SharedMemory(double.name, posix_ipc.O_CREX, 0o640, size or 1)
    os.ftruncate(memory.fd, size)
    os.pwrite(memory.fd, head, 0)
    memory.close_fd()
    with pytest.raises(SegmentRefused, match=f"has {size} bytes"):
        bridge.connect()


def test_a_segment_with_another_magic_is_refused(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.segment["header"]["magic"] = 7
    with pytest.raises(SegmentRefused, match="magic"):
        bridge.connect()


def test_a_segment_of_another_generation_than_the_run_file_says_is_refused(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    double.segment["header"]["generation"] = 9
    with pytest.raises(SegmentRefused, match="is of generation 9"):
        bridge.connect()


@pytest.mark.parametrize("mode", [0o660, 0o606, 0o666])
def test_a_segment_that_others_may_write_is_refused(double: EngineDouble, bridge: CEngineBridge, mode: int) -> None:
    (Path("/dev/shm") / double.name[1:]).chmod(mode)
    with pytest.raises(SegmentRefused, match=f"mode {mode:04o}"):
        bridge.connect()


def test_a_symlink_in_place_of_the_segment_is_refused(double: EngineDouble, bridge: CEngineBridge) -> None:
    place = Path("/dev/shm") / double.name[1:]
    moved = place.with_name(place.name + "-moved")
    place.rename(moved)
    place.symlink_to(moved)
    try:
        with pytest.raises(SegmentRefused, match="cannot be opened"):
            bridge.connect()
    finally:
        place.unlink()
        moved.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user needs root")
def test_a_segment_of_another_user_is_refused(double: EngineDouble, bridge: CEngineBridge) -> None:
    os.chown(Path("/dev/shm") / double.name[1:], 65534, 65534)
    with pytest.raises(SegmentRefused, match="belongs to uid 65534"):
        bridge.connect()


@pytest.mark.parametrize("block", ["status", "counters", "pnl", "venue", "strategy"])
def test_an_engine_that_has_not_published_a_block_yet_is_down(tmp_path: Path, block: str) -> None:
    with EngineDouble(tmp_path) as engine:
        engine.publish_all()
        for pair in range(2):
            engine.slot(block, 0, pair)["seq"] = 0
        bridge = CEngineBridge("double", tmp_path)
        with pytest.raises(EngineDown, match=f"starting: it has not published {block} yet"):
            bridge.snapshot()
        bridge.close()


def test_an_old_heartbeat_is_stale_with_age_and_limit(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.beat(age_ns=30 * S)
    with pytest.raises(Stale) as raised:
        bridge.snapshot()
    assert raised.value.limit_s == 10.0
    assert 30.0 <= raised.value.age_s < 35.0
    health = bridge.health()
    assert (health.ok, health.state) == (False, "DOWN")
    assert health.age_s is not None
    assert health.age_s >= 30.0
    double.beat()
    assert bridge.snapshot().status.heartbeat_age_s < 5.0


def test_starting_is_not_ok_and_killed_is(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.beat(trading_state=1, state_reason=b"recovering the journal")
    assert (bridge.health().ok, bridge.health().reason) == (False, "recovering the journal")
    double.beat(trading_state=5)
    assert (bridge.health().ok, bridge.health().state) == (True, "KILLED")


def test_a_new_generation_is_attached_by_itself(double: EngineDouble, bridge: CEngineBridge) -> None:
    assert bridge.snapshot().identity.generation == 1
    with EngineDouble(double.home, generation=2) as fresh:
        with pytest.raises(EngineDown, match="not ready"):
            bridge.snapshot()
        fresh.publish_all()
        fresh.publish("counters", value=[7] * 64)
        snapshot = bridge.snapshot()
        assert snapshot.identity.generation == 2
        assert snapshot.counters["messages"] == 7
        double.beat(age_ns=90 * S)
        bridge.snapshot()


def test_two_hundred_restarts_give_numbers_or_engine_down(tmp_path: Path) -> None:
    bridge = CEngineBridge("double", tmp_path)
    for generation in range(1, 201):
        with EngineDouble(tmp_path, generation=generation) as engine:
            with pytest.raises(EngineDown):
                bridge.snapshot()
            engine.publish_all()
            assert bridge.snapshot().identity.generation == generation
    bridge.close()
    assert "arbdeck-double" not in Path("/proc/self/maps").read_text(), "a segment of a dead generation is still mapped"


# ---- heartbeat: the judgement alone, with a clock of its own ----


def test_a_count_that_stands_still_is_stale_although_its_stamp_is_fresh() -> None:
    heart = Heartbeat()
    assert heart.look(5, 100 * S, 100 * S) == 0
    assert heart.look(5, 103 * S, 103 * S) == 3 * S


def test_a_stamp_of_another_clock_far_ahead_does_not_look_fresh_for_ever() -> None:
    heart, day = Heartbeat(), 86_400 * S
    assert heart.look(5, day, 100 * S) == 0
    assert heart.look(5, day, 104 * S) == 4 * S
    assert heart.look(6, day, 104 * S + 1000) == 1000


def test_a_stamp_of_another_clock_far_behind_is_alive_once_it_is_seen_to_move() -> None:
    heart = Heartbeat()
    assert heart.look(5, 0, 100 * S) == 100 * S
    assert heart.look(6, 0, 100 * S + 5000) == 5000


def test_a_beat_between_two_rare_looks_does_not_hide_a_death_since() -> None:
    heart = Heartbeat()
    assert heart.look(5, 100 * S, 100 * S) == 0
    assert heart.look(6, 101 * S, 160 * S) == 59 * S


# ---- which instance ----


def test_instance_is_the_argument_then_the_environment_then_the_only_one_then_sim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARBDECK_INSTANCE", raising=False)
    monkeypatch.setenv("ARBDECK_HOME", str(tmp_path))
    assert bridge_settings().instance == "sim"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "paper.json").touch()
    assert bridge_settings().instance == "paper"
    (tmp_path / "run" / "live.json").touch()
    assert bridge_settings().instance == "sim"
    monkeypatch.setenv("ARBDECK_INSTANCE", "live")
    assert bridge_settings().instance == "live"
    assert bridge_settings("other").instance == "other"
    assert bridge_settings().run_file == tmp_path / "run" / "live.json"


@pytest.mark.parametrize("name", ["../sim", "a/b", "A", "a b", "x" * 32, "sim\n"])
def test_an_instance_name_that_could_leave_its_directory_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="allowed are 1 to 31"):
        bridge_settings(name)


def test_looking_costs_little(bridge: CEngineBridge, double: EngineDouble) -> None:
    best = min(_timed(bridge, double) for _ in range(30))
    assert best < 0.001, f"snapshot took {best * 1e6:.0f} us"


def _timed(bridge: CEngineBridge, double: EngineDouble) -> float:
    double.beat()
    start = time.perf_counter()
    bridge.snapshot()
    return time.perf_counter() - start
