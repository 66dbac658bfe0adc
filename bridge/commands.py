"""The commands as methods. Which are risky, and what they take: docs/commands.md."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypedDict, Unpack

from .types import CommandAnswer


class CommandOptions(TypedDict, total=False):
    """Keywords every command takes.

    actor: who asks, at most 31 bytes, written to the journal (default "operator").
    config_hash, state_version: what the sender saw. Default: risky commands send what the last snapshot saw,
    safe ones
        nothing. A page passes what it showed when the button was pressed.
    timeout_s: how long to wait for the answer (default 5 s).
    request_id: 1 to 39 characters; default: a new one. The same id again gets the first answer.
    """

    actor: str
    config_hash: str | None
    state_version: int | None
    timeout_s: float
    request_id: str | None


class Commands(ABC):
    """Each method returns the engine's answer ("done" or "accepted") or raises EngineDown, CommandRejected,
    CommandTimeout."""

    @abstractmethod
    def command(
        self,
        command: str,
        args: dict[str, Any] | None = None,
        *,
        risky: bool = False,
        **options: Unpack[CommandOptions],
    ) -> CommandAnswer:
        """Sends any command by name."""

    def status(self, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("status", **options)

    def start_strategy(self, strategy: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("start_strategy", {"strategy": strategy}, risky=True, **options)

    def stop_strategy(self, strategy: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("stop_strategy", {"strategy": strategy}, **options)

    def pause_strategy(self, strategy: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("pause_strategy", {"strategy": strategy}, **options)

    def pause(self, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("pause", **options)

    def resume(self, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("resume", risky=True, **options)

    def reduce_only(self, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("reduce_only", **options)

    def arm(self, confirm: str | None = None, **options: Unpack[CommandOptions]) -> CommandAnswer:
        """confirm: the instance's name, typed by a person; not needed in SIM."""
        return self.command("arm", {} if confirm is None else {"confirm": confirm}, risky=True, **options)

    def disarm(self, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("disarm", **options)

    def kill(self, reason: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        """No new order from now on, until clear_kill. Needs nothing but the socket."""
        return self.command("kill", {"reason": reason}, **options)

    def clear_kill(self, confirm: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        """confirm: the instance's name, typed by a person."""
        return self.command("clear_kill", {"confirm": confirm}, risky=True, **options)

    def venue_off(self, venue: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("venue_off", {"venue": venue}, **options)

    def venue_on(self, venue: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("venue_on", {"venue": venue}, risky=True, **options)

    def release(self, symbol: str, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("release", {"symbol": symbol}, risky=True, **options)

    def update_config(
        self, updates: dict[str, Any], strategy: str | None = None, **options: Unpack[CommandOptions]
    ) -> CommandAnswer:
        """Changes parameters of one strategy; without `strategy`, of the only one that has the keys."""
        args: dict[str, Any] = {"updates": updates}
        if strategy is not None:
            args["strategy"] = strategy
        return self.command("update_config", args, risky=True, **options)

    def set_limits(
        self, updates: dict[str, Any], confirm: str | None = None, **options: Unpack[CommandOptions]
    ) -> CommandAnswer:
        """Changes risk limits. A looser one needs `confirm` (the instance's name) and a fresh view."""
        args: dict[str, Any] = {"updates": updates}
        if confirm is not None:
            args["confirm"] = confirm
        return self.command("set_limits", args, risky=confirm is not None, **options)

    def reload(self, **options: Unpack[CommandOptions]) -> CommandAnswer:
        """Applies strategies.json as it is on disk."""
        return self.command("reload", risky=True, **options)

    def ack_alarm(self, alarm: int, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("ack_alarm", {"alarm": alarm}, **options)

    def shutdown(self, **options: Unpack[CommandOptions]) -> CommandAnswer:
        return self.command("shutdown", **options)
