"""Protects the operator's commands: what they send, what they print, their exit codes (0, 1, 2, 3)."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge import CommandAnswer, CommandRejected, CommandTimeout, EngineDown
from dashboard.cli import journal, operate, show, target
from dashboard.cli.app import app


class FakeEngine:
    """Stands in for CEngineBridge: notes the commands, answers them, or raises what a test sets."""

    sent: list[tuple[str, tuple[Any, ...], dict[str, Any]]]
    error: Exception | None
    mode: str

    def __init__(self, instance: str | None = None, home: Path | None = None) -> None:
        self.instance = instance or "sim"

    def connect(self) -> None:
        if isinstance(self.error, EngineDown):
            raise self.error

    def close(self) -> None: ...

    def snapshot(self) -> Any:
        return SimpleNamespace(identity=SimpleNamespace(instance=self.instance, mode=self.mode))

    def journal(self, *arguments: Any) -> Any:
        assert self.error is not None
        raise self.error

    def __getattr__(self, name: str) -> Any:
        def send(*arguments: Any, **options: Any) -> CommandAnswer:
            if self.error is not None:
                raise self.error
            type(self).sent.append((name, arguments, options))
            return CommandAnswer("1", "done", "OK", f"{name} is done.", {}, "", 1)

        return send


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, arbdeck_home: Path) -> type[FakeEngine]:
    FakeEngine.sent, FakeEngine.error, FakeEngine.mode = [], None, "SIM"
    for module in (target, show, journal):
        monkeypatch.setattr(module, "CEngineBridge", FakeEngine)
    return FakeEngine


def call(*arguments: str, typed: str | None = None) -> Any:
    return CliRunner().invoke(app, arguments, input=typed)


@pytest.mark.parametrize(
    ("arguments", "name", "sent"),
    [
        (("start", "cross_exchange"), "start_strategy", ("cross_exchange",)),
        (("stop", "cross_exchange"), "stop_strategy", ("cross_exchange",)),
        (("pause",), "pause", ()),
        (("resume",), "resume", ()),
        (("arm",), "arm", (None,)),
        (("kill", "--reason", "too hot"), "kill", ("too hot",)),
        (("clear-kill", "--confirm", "sim"), "clear_kill", ("sim",)),
        (("config", "update", "min_spread_bps=80.5", "enabled=true"), "update_config", None),
    ],
)
def test_a_command_is_sent_once_and_the_engines_own_sentence_printed(
    engine: type[FakeEngine], arguments: tuple[str, ...], name: str, sent: tuple[Any, ...] | None
) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (0, f"{name} is done.\n")
    wanted = ({"min_spread_bps": 80.5, "enabled": True}, None) if sent is None else sent
    assert engine.sent == [(name, wanted, {"actor": "cli"})]


def test_a_refusal_is_printed_with_its_code_and_exits_1(engine: type[FakeEngine]) -> None:
    engine.error = CommandRejected("NOT_FOUND", "There is no strategy none.")
    result = call("start", "none")
    assert result.exit_code == 1
    assert result.stderr == "Refused: NOT_FOUND: There is no strategy none.\n"


def test_no_answer_says_how_to_learn_what_happened_and_exits_1(engine: type[FakeEngine]) -> None:
    engine.error = CommandTimeout("kill", "abc", 5.0)
    result = call("kill")
    assert result.exit_code == 1
    assert "repeat it with id abc" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("status",), ("start", "x"), ("kill",), ("arm",), ("config", "show"), ("journal",)]
)
def test_an_engine_that_is_down_exits_3_and_says_why(engine: type[FakeEngine], arguments: tuple[str, ...]) -> None:
    engine.error = EngineDown("sim", "process 12 is gone")
    result = call(*arguments)
    assert result.exit_code == 3
    assert "process 12 is gone" in result.stderr


def test_status_as_json_says_down_too(engine: type[FakeEngine]) -> None:
    engine.error = EngineDown("sim", "process 12 is gone")
    result = call("status", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["health"] == {
        "ok": False,
        "state": "DOWN",
        "reason": "process 12 is gone",
        "instance": "sim",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("start",),
        ("nonsense",),
        ("config", "update", "min_spread_bps"),
        ("clear-kill",),
        ("up", "--port", "0"),
    ],
)
def test_wrong_usage_exits_2_and_sends_nothing(engine: type[FakeEngine], arguments: tuple[str, ...]) -> None:
    assert call(*arguments).exit_code == 2
    assert engine.sent == []


def test_outside_of_sim_arming_needs_the_name_typed(engine: type[FakeEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    engine.mode = "PAPER"
    assert call("arm").exit_code == 2
    assert engine.sent == []
    monkeypatch.setattr(operate, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    assert call("arm", typed="sim\n").exit_code == 0
    assert engine.sent == [("arm", ("sim",), {"actor": "cli"})]


def test_kill_does_not_need_shared_memory(engine: type[FakeEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_connect(self: FakeEngine) -> None:
        raise AssertionError("the safe direction must not look first")

    monkeypatch.setattr(FakeEngine, "connect", no_connect)
    for arguments in (("kill",), ("stop", "x"), ("pause",)):
        assert call(*arguments).exit_code == 0


def test_logs_name_the_ones_there_are(arbdeck_home: Path) -> None:
    assert call("logs").exit_code == 1
    (arbdeck_home / "log").mkdir()
    (arbdeck_home / "log/engine.log").write_text("one\ntwo\nthree\n")
    assert call("logs", "-n", "2").stdout == "engine  two\nengine  three\n"
    result = call("logs", "wbe")
    assert result.exit_code == 1
    assert "No log of wbe" in result.stderr
    assert "there are: engine" in result.stderr
