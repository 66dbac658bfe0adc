"""Typed errors of the bridge; each carries its facts as attributes."""

from __future__ import annotations

from typing import Any


class BridgeError(Exception):
    """Base of everything the bridge raises."""


class EngineDown(BridgeError):
    """There is no running engine of this instance.

    Attributes: instance; reason, one sentence (never started, process gone, socket refused).
    """

    def __init__(self, instance: str, reason: str) -> None:
        super().__init__(f"Engine {instance!r} is down: {reason}")
        self.instance = instance
        self.reason = reason


class LayoutMismatch(BridgeError):
    """The segment was written by another build. Attributes: expected, found (16 hex digits each)."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"Shared memory has layout {found}, this bridge reads {expected}: restart both of one build.")
        self.expected = expected
        self.found = found


class Stale(BridgeError):
    """The engine is there but has not moved for too long. Attributes: age_s, limit_s."""

    def __init__(self, age_s: float, limit_s: float) -> None:
        super().__init__(f"Engine has not moved for {age_s:.1f} s (limit {limit_s:.1f} s).")
        self.age_s = age_s
        self.limit_s = limit_s


class CommandRejected(BridgeError):
    """The engine understood and said no. Attributes: code, sentence, state_version, config_hash."""

    def __init__(self, code: str, sentence: str, *, state_version: int = -1, config_hash: str = "") -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.state_version = state_version
        self.config_hash = config_hash


class CommandTimeout(BridgeError):
    """No answer in time: the command may or may not have been done. Repeat it with the same id to learn
    which.

    Attributes: command, request_id, timeout_s; request, what was sent, and generation, to which engine: for
    ``CEngineBridge.repeat``.
    """

    def __init__(self, command: str, request_id: str, timeout_s: float, request: dict[str, Any] | None = None) -> None:
        super().__init__(f"No answer to {command} within {timeout_s:.1f} s; repeat it with id {request_id}.")
        self.command = command
        self.request_id = request_id
        self.timeout_s = timeout_s
        self.request = request
        self.generation: int | None = None


class SegmentRefused(EngineDown):
    """Something is there under the engine's name that cannot be the engine's: owner, mode, kind or size is
    wrong.
    """


class CommandUnclear(CommandTimeout):
    """The engine's answer was lost or unreadable: as with CommandTimeout, the command may or may not have
    been done.

    Attributes: as CommandTimeout, and reason.
    """

    def __init__(
        self,
        command: str,
        request_id: str,
        timeout_s: float,
        reason: str,
        request: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(command, request_id, timeout_s, request)
        self.args = (f"No readable answer to {command} ({reason}); repeat it with id {request_id}.",)
        self.reason = reason


class JournalError(BridgeError):
    """A journal file cannot be read at all. Attributes: path, reason."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Journal {path}: {reason}")
        self.path = path
        self.reason = reason


class CoreError(BridgeError):
    """The decision core's library cannot be used, or refused its input. Attribute: code (0: none)."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code
