"""Commands against the real engine: bad input changes nothing, good input does exactly what it says."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from bridge import CEngineBridge, CommandRejected
from tests.system.desk import Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


@pytest.fixture
def calm(desk: Desk) -> CEngineBridge:
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    return bridge


def config_bytes(desk: Desk) -> bytes:
    return (desk.config / "strategies.json").read_bytes()


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("start_strategy", {}, "BAD_ARGUMENT", "strategy"),
    ("start_strategy", {"strategy": "nope"}, "NOT_FOUND", "cross_exchange"),
    ("start_strategy", {"strategy": 5}, "BAD_ARGUMENT", "strategy"),
    ("stop_strategy", {"strategy": "cross_exchange", "x": 1}, "BAD_ARGUMENT", "x"),
    ("venue_off", {"venue": "kraken"}, "NOT_FOUND", "kraken"),
    ("release", {"symbol": "DOGEUSDT"}, "NOT_FOUND", "DOGEUSDT"),
    ("ack_alarm", {"alarm": "one"}, "BAD_ARGUMENT", "alarm"),
    ("update_config", {}, "BAD_ARGUMENT", "updates"),
    ("update_config", {"updates": {"min_spread_bps": "80"}}, "CONFIG", "min_spread_bps"),
    ("update_config", {"updates": {"min_spread_bps": -1}}, "CONFIG", "min_spread_bps"),
    ("update_config", {"updates": {"no_such_thing": 1}}, "CONFIG", "no_such_thing"),
    ("update_config", {"updates": {"min_spread_bps": 20, "cooldown_ms": -5}}, "CONFIG", "cooldown_ms"),
    ("update_config", {"strategy": "other", "updates": {"min_spread_bps": 20}}, "CONFIG", "other"),
    ("set_limits", {"updates": {"max_open_pairs": 1.5}}, "CONFIG", "max_open_pairs"),
    ("set_limits", {"updates": {"max_daily_loss_usd": 100000}}, "CONFIRMATION", "instance"),
    ("clear_kill", {"confirm": "yes", "what": 1}, "BAD_ARGUMENT", "what"),
    ("flatten", {}, "NOT_IN_THIS_RELEASE", "flatten"),
    ("make_money", {}, "UNKNOWN_COMMAND", "make_money"),
]


def test_bad_commands_are_refused_by_name_and_change_nothing(calm: CEngineBridge, desk: Desk) -> None:
    before = calm.snapshot()
    files = {name: (desk.config / name).read_bytes() for name in ("strategies.json", "engine.json")}
    for command, args, code, word in BAD:
        with pytest.raises(CommandRejected) as refused:
            calm.command(command, args, actor="test")
        assert refused.value.code == code, (command, args, str(refused.value))
        assert word in refused.value.sentence, (command, args, refused.value.sentence)
    after = calm.snapshot()
    assert after.status.state == "ACTIVE"
    assert after.status.state_version == before.status.state_version
    assert after.status.config_hash == before.status.config_hash
    assert {name: (desk.config / name).read_bytes() for name in files} == files
    assert after.counters["commands_refused"] == len(BAD)


def test_update_config_applies_writes_and_echoes_the_hash(calm: CEngineBridge, desk: Desk) -> None:
    answer = calm.update_config({"min_spread_bps": 80}, actor="test")
    written = config_bytes(desk)
    assert json.loads(written)["strategies"][0]["params"]["min_spread_bps"] == 80
    assert answer.config_hash == hashlib.sha256(written).hexdigest()
    assert calm.snapshot().status.config_hash == answer.config_hash
    assert not calm.strategies().file_differs


def test_edit_by_hand_shows_and_applies_on_reload_only(calm: CEngineBridge, desk: Desk) -> None:
    desk.strategy(min_spread_bps=55.5)
    assert calm.strategies().file_differs
    with pytest.raises(CommandRejected) as refused:
        calm.update_config({"min_spread_bps": 20}, actor="test")
    assert "reload" in refused.value.sentence
    calm.reload(actor="test")
    assert not calm.strategies().file_differs
    desk.strategy(min_spread_bps=-3)
    with pytest.raises(CommandRejected) as refused:
        calm.reload(actor="test")
    assert refused.value.code == "CONFIG"
    assert "min_spread_bps" in refused.value.sentence
    need = calm.snapshot()
    assert need.status.state == "ACTIVE"


def test_risky_command_of_an_old_view_is_refused_and_a_safe_one_is_not(calm: CEngineBridge) -> None:
    seen = calm.snapshot().status.state_version
    calm.stop_strategy("cross_exchange", actor="test")
    with pytest.raises(CommandRejected) as refused:
        calm.start_strategy("cross_exchange", actor="test", state_version=seen)
    assert refused.value.code == "STALE_VIEW"
    calm.pause(actor="test", state_version=seen)
    assert calm.health().state == "HALTED"


def test_repeated_id_is_done_once_and_answered_the_same(calm: CEngineBridge) -> None:
    first = calm.command("stop_strategy", {"strategy": "cross_exchange"}, actor="test", request_id="one")
    calm.start_strategy("cross_exchange", actor="test")
    again = calm.command("stop_strategy", {"strategy": "cross_exchange"}, actor="test", request_id="one")
    assert (again.id, again.status, again.message) == (first.id, first.status, first.message)
    assert calm.snapshot().strategies[0].state == "RUNNING", "the repeat must not stop it again"


def test_venue_off_stops_trading_there_until_it_is_on(calm: CEngineBridge, desk: Desk) -> None:
    calm.venue_off("mexc", actor="alice")
    venue = next(v for v in calm.snapshot().venues if v.name == "mexc")
    assert venue.state == "OFF"
    assert "alice" in venue.reason
    calm.venue_on("mexc", actor="alice")
    desk.wait(lambda: all(v.state == "UP" for v in calm.snapshot().venues), 10)


def test_paper_and_live_are_refused_at_start(desk: Desk) -> None:
    for mode in ("PAPER", "LIVE"):
        desk.engine_config(lambda d, mode=mode: d.update(mode=mode))
        desk.start_engine()
        assert desk.processes["engine"].wait(timeout=10) == 1
        assert mode in desk.log("engine")


def test_the_snippet_of_the_manual_runs(calm: CEngineBridge, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBDECK_INSTANCE", desk.instance)
    bridge = CEngineBridge()
    bridge.connect()
    stats = bridge.get_stats()
    assert stats["opportunities_detected"] >= 0
    assert stats["total_profit_usd"] == stats.total_profit_usd
    assert "p99_latency_us" in stats
    bridge.start_strategy("cross_exchange")
    bridge.update_config({"min_spread_bps": 80})
    assert json.loads(config_bytes(desk))["strategies"][0]["params"]["min_spread_bps"] == 80


async def test_the_snippet_runs_inside_a_running_event_loop(calm: CEngineBridge, desk: Desk) -> None:
    bridge = CEngineBridge(instance=desk.instance, home=desk.home)
    bridge.connect()
    assert bridge.get_stats()["mode"] == "SIM"
    bridge.update_config({"min_spread_bps": 81})
    assert json.loads(config_bytes(desk))["strategies"][0]["params"]["min_spread_bps"] == 81
