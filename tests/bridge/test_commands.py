"""Protects what a person orders: each command goes out as docs/commands.md says, an answer is believed only
when it is whole, and an unanswered command is never taken for done or not done.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from command_server import (
    CommandServer,
    Reaction,
    answer,
    answer_of,
    bytes_one_by_one,
    close_at_once,
    drip,
    framed,
    send,
    stall,
)
from engine_double import EngineDouble

from bridge import CEngineBridge, CommandRejected, CommandTimeout, CommandUnclear, EngineDown
from bridge.client import new_request, send_request, send_until_answered
from bridge.commands import Commands

DOCS = Path(__file__).parent.parent.parent / "docs" / "commands.md"

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
    ("status", (), {}, {}),
    ("start_strategy", ("cross_exchange",), {}, {"strategy": "cross_exchange"}),
    ("stop_strategy", ("cross_exchange",), {}, {"strategy": "cross_exchange"}),
    ("pause_strategy", ("cross_exchange",), {}, {"strategy": "cross_exchange"}),
    ("pause", (), {}, {}),
    ("resume", (), {}, {}),
    ("reduce_only", (), {}, {}),
    ("arm", (), {}, {}),
    ("arm", ("sim",), {}, {"confirm": "sim"}),
    ("disarm", (), {}, {}),
    ("kill", ("odd fills",), {}, {"reason": "odd fills"}),
    ("clear_kill", ("sim",), {}, {"confirm": "sim"}),
    ("venue_off", ("mexc",), {}, {"venue": "mexc"}),
    ("venue_on", ("mexc",), {}, {"venue": "mexc"}),
    ("release", ("BTCUSDT",), {}, {"symbol": "BTCUSDT"}),
    ("update_config", ({"min_spread_bps": 80},), {}, {"updates": {"min_spread_bps": 80}}),
    ("update_config", ({"a": 1},), {"strategy": "x"}, {"updates": {"a": 1}, "strategy": "x"}),
    ("set_limits", ({"max_open_pairs": 2},), {}, {"updates": {"max_open_pairs": 2}}),
    ("set_limits", ({"max_open_pairs": 9}, "sim"), {}, {"updates": {"max_open_pairs": 9}, "confirm": "sim"}),
    ("reload", (), {}, {}),
    ("ack_alarm", (7,), {}, {"alarm": 7}),
    ("shutdown", (), {}, {}),
]
# What docs/commands.md calls risky or live, and a looser limit.
RISKY = {"start_strategy", "resume", "arm", "clear_kill", "venue_on", "release", "update_config", "reload"}


def socket_of(engine: EngineDouble) -> Path:
    return Path(engine.run["socket"])


@pytest.mark.parametrize(("name", "args", "keywords", "sent"), CALLS, ids=lambda value: str(value))
def test_command_goes_out_as_documented(
    double: EngineDouble,
    bridge: CEngineBridge,
    name: str,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
    sent: dict[str, Any],
) -> None:
    double.beat(config_hash=[0x9F] * 32, state_version=17)
    bridge.snapshot()
    with CommandServer(socket_of(double), answer(message="All right.", data={"a": 1})) as server:
        given = getattr(bridge, name)(*args, **keywords)
    (request,) = server.requests
    assert re.fullmatch("[0-9a-f]{32}", request.pop("id"))
    seen = {"config_hash": "9f" * 32, "state_version": 17} if name in RISKY or "confirm" in sent else {}
    assert request == {"command": name, "args": sent, "actor": "operator", **seen}
    assert (given.status, given.code, given.message, given.data) == ("done", "OK", "All right.", {"a": 1})
    assert (given.config_hash, given.state_version) == ("ab" * 32, 18)


def test_every_documented_command_is_a_method_and_its_risk_is_the_documented_one() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|([^|]*)\|([^|]*)\|$", DOCS.read_text(), re.MULTILINE)
    direction = {name: risk for names, _, risk in rows for name in re.findall(r"`(\w+)`", names)}
    methods = {name for name, _ in inspect.getmembers(Commands, inspect.isfunction) if not name.startswith("_")}
    assert methods - {"command"} == set(direction) == {name for name, *_ in CALLS}
    assert {name for name, risk in direction.items() if risk.strip() in ("risky", "live")} == RISKY


def test_what_the_page_saw_is_sent_rather_than_the_last_snapshot(double: EngineDouble, bridge: CEngineBridge) -> None:
    bridge.snapshot()
    with CommandServer(socket_of(double), answer()) as server:
        bridge.resume(actor="anna", config_hash="11" * 32, state_version=2, request_id="mine")
        bridge.kill("why", state_version=1)
        bridge.resume(config_hash=None)
    first, second, third = server.requests
    assert (first["actor"], first["config_hash"], first["state_version"], first["id"]) == (
        "anna",
        "11" * 32,
        2,
        "mine",
    )
    assert second["state_version"] == 1
    assert "config_hash" not in third
    assert "state_version" not in third


def test_a_risky_command_without_any_snapshot_looks_first(double: EngineDouble, bridge: CEngineBridge) -> None:
    with CommandServer(socket_of(double), answer()) as server:
        bridge.resume()
        bridge.resume()
    assert [request["state_version"] for request in server.requests] == [3, 18]


def test_kill_works_without_run_file_and_with_foreign_shared_memory(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    double.segment["header"]["abi_hash"] = 1
    with CommandServer(socket_of(double), answer()) as server:
        bridge.kill("layout differs")
        double.run_file.unlink()
        bridge.kill("run file gone")
    assert [request["args"]["reason"] for request in server.requests] == ["layout differs", "run file gone"]


def test_an_answer_may_come_byte_by_byte(double: EngineDouble, bridge: CEngineBridge) -> None:
    with CommandServer(socket_of(double), bytes_one_by_one):
        assert bridge.pause().message == "Done."


def test_a_refusal_is_raised_with_its_facts(double: EngineDouble, bridge: CEngineBridge) -> None:
    refused = answer(status="refused", code="STALE_VIEW", message="The state is 19, you saw 18.", state_version=19)
    with CommandServer(socket_of(double), refused), pytest.raises(CommandRejected) as raised:
        bridge.resume()
    error = raised.value
    assert (error.code, error.sentence, error.state_version) == (
        "STALE_VIEW",
        "The state is 19, you saw 18.",
        19,
    )
    assert str(error) == "STALE_VIEW: The state is 19, you saw 18."


GARBAGE: dict[str, Reaction] = {
    "closed": close_at_once,
    "length 0": send(framed(b"")),
    "length too great": send(struct.pack("<I", 65537) + b" " * 100),
    "ends inside": send(struct.pack("<I", 100) + b"{"),
    "no JSON": send(framed(b"\xff\xfe\x00")),
    "no object": send(framed(b"[1]")),
    "empty object": send(framed(b"{}")),
    "other id": answer(id="another"),
    "no such status": answer(status="perhaps"),
    "number as message": answer(message=5),
    "text as version": answer(state_version="18"),
    "true as version": answer(state_version=True),
    "list as data": answer(data=[1]),
}


@pytest.mark.parametrize("reaction", GARBAGE.values(), ids=GARBAGE)
def test_an_unreadable_answer_leaves_the_outcome_unclear(
    double: EngineDouble, bridge: CEngineBridge, reaction: Reaction
) -> None:
    with CommandServer(socket_of(double), reaction) as server, pytest.raises(CommandUnclear) as raised:
        bridge.start_strategy("cross_exchange")
    assert raised.value.request == server.requests[0]
    assert raised.value.request_id in str(raised.value)
    assert len(server.requests) == 1, "a command is never repeated unasked"


@pytest.mark.parametrize("reaction", [stall, drip])
def test_a_silent_engine_times_out_at_the_deadline(
    double: EngineDouble, bridge: CEngineBridge, reaction: Reaction
) -> None:
    with CommandServer(socket_of(double), reaction):
        start = time.monotonic()
        with pytest.raises(CommandTimeout, match=r"No answer to pause within 0\.3 s") as raised:
            bridge.pause(timeout_s=0.3)
        assert 0.25 < time.monotonic() - start < 1.0
    assert type(raised.value) is CommandTimeout


def test_a_missing_or_refusing_socket_is_engine_down(double: EngineDouble, bridge: CEngineBridge) -> None:
    with pytest.raises(EngineDown, match=r"command socket .*double\.sock cannot be reached: No such file"):
        bridge.pause()
    socket_of(double).touch()
    with pytest.raises(EngineDown, match="Connection refused"):
        bridge.pause()


def test_repeat_sends_the_very_same_request(double: EngineDouble, bridge: CEngineBridge) -> None:
    with CommandServer(socket_of(double), close_at_once, answer(message="Was done before.")) as server:
        with pytest.raises(CommandTimeout) as raised:
            bridge.start_strategy("cross_exchange")
        assert bridge.repeat(raised.value).message == "Was done before."
    assert server.requests[0] == server.requests[1]


def test_repeat_is_refused_across_a_restart(double: EngineDouble, bridge: CEngineBridge) -> None:
    with CommandServer(socket_of(double), close_at_once) as server:
        with pytest.raises(CommandTimeout) as raised:
            bridge.resume()
        double.run["generation"] = 2
        double.write_run_file()
        with pytest.raises(EngineDown, match=r"restarted \(generation 1 to 2\) since resume was sent"):
            bridge.repeat(raised.value)
    assert len(server.requests) == 1


def test_send_until_answered_repeats_one_id_and_stops_at_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    request = new_request("status", {}, actor="test")
    with CommandServer(path, close_at_once, close_at_once, answer()) as server:
        assert send_until_answered(path, "sim", request, attempts=3).status == "done"
    assert [found["id"] for found in server.requests] == [request["id"]] * 3
    with CommandServer(path, close_at_once) as server, pytest.raises(CommandTimeout):
        send_until_answered(path, "sim", request, attempts=2)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [({"x": object()}, "no JSON"), ({"x": float("nan")}, "no JSON"), ({"x": "y" * 70000}, "70")],
)
def test_what_cannot_be_sent_is_rejected_before_it_leaves(tmp_path: Path, args: dict[str, Any], words: str) -> None:
    with pytest.raises(CommandRejected, match=words) as raised:
        send_request(tmp_path / "none", "sim", new_request("status", args, actor="test"))
    assert raised.value.code == "BAD_REQUEST"


@pytest.mark.parametrize("request_id", ["", "x" * 40])
def test_an_id_of_the_wrong_length_is_rejected(request_id: str) -> None:
    with pytest.raises(CommandRejected, match="1 to 39 are allowed"):
        new_request("status", {}, actor="test", request_id=request_id)


def test_acommand_leaves_the_loop_free(double: EngineDouble, bridge: CEngineBridge) -> None:
    async def run() -> tuple[str, int]:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0.01)

        task = asyncio.create_task(beat())
        given = await bridge.acommand("pause")
        task.cancel()
        return given.message, beats

    def slow(peer: Any, request: dict[str, Any]) -> None:
        time.sleep(0.2)
        answer()(peer, request)

    with CommandServer(socket_of(double), slow):
        message, beats = asyncio.run(run())
    assert message == "Done."
    assert beats > 5


def test_the_double_answers_in_the_documented_form() -> None:
    """The scripted answers above are only worth something while they look like the documentation's example."""
    example = re.search(r"Answer:\s+```json\s+(\{.*?\})\s+```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    assert set(re.findall(r'"(\w+)":', example[1])) == set(answer_of({"id": "x"}))
