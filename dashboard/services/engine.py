"""The engine as the dashboard sees it: read often, never assumed to be there.

One bridge reads, always from the event loop's thread. Every command gets a bridge of its own in a worker
thread, so that a kill never waits behind a command that hangs. When the engine is gone the last picture
stays, with its age.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bridge.errors import BridgeError, CommandRejected, EngineDown, LayoutMismatch, Stale
from bridge.types import CommandAnswer, Snapshot
from dashboard.services.surface import Bridge

RECONNECT_EVERY_S = 0.5
COMMANDS_AT_ONCE_MAX = 16
SNAPSHOT_FRESH_S = 0.05

__all__ = ["Bridge", "EngineLink", "EngineService", "Link"]


class Link(Enum):
    """What stands between this process and the engine's figures."""

    OK = "OK"
    STALE = "STALE"  # the process is there and does not move
    DOWN = "DOWN"  # no process
    MISMATCH = "MISMATCH"  # another build's shared memory


@dataclass(frozen=True)
class EngineLink:
    """Attributes: link; reason, "" when OK; since_ns, Unix time since when it is not OK, None when it is."""

    link: Link
    reason: str
    since_ns: int | None


_LINK_OF_ERROR = {Stale: Link.STALE, EngineDown: Link.DOWN, LayoutMismatch: Link.MISMATCH}


class EngineService:
    """Reads and commands of one engine instance."""

    def __init__(
        self,
        bridge_factory: Callable[[], Bridge],
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factory = bridge_factory
        self._bridge: Bridge | None = None
        self._clock_ns = clock_ns
        self._monotonic = monotonic
        self._connect_after = 0.0
        self._error: BridgeError | None = None
        self._not_ok_since_ns: int | None = None
        self._read_at = float("-inf")
        self._outdated = 0  # counts `outdate`
        self._commands = asyncio.Semaphore(COMMANDS_AT_ONCE_MAX)
        self.last: Snapshot | None = None

    @property
    def link(self) -> EngineLink:
        if self._error is None:
            return EngineLink(Link.OK, "", None)
        return EngineLink(_link_of(self._error), _reason_of(self._error), self._not_ok_since_ns)

    @property
    def now_ns(self) -> int:
        return self._clock_ns()

    def snapshot(self) -> Snapshot:
        """A picture at most 50 ms old, and of after the last command.

        Raises EngineDown, Stale or LayoutMismatch when there is none.
        """
        if self._error is None and self.last is not None and self._monotonic() - self._read_at < SNAPSHOT_FRESH_S:
            return self.last
        return self.refresh()

    def refresh(self) -> Snapshot:
        """A new picture; raises like `snapshot` and remembers since when there is none."""
        began, outdated = self._monotonic(), self._outdated
        try:
            snapshot = self.reader().snapshot()
        except BridgeError as error:
            self._failed(error)
            raise
        self._error, self._not_ok_since_ns = None, None
        self._read_at = began if outdated == self._outdated else float("-inf")
        self.last = snapshot
        return snapshot

    def outdate(self) -> None:
        """Whoever was just answered by the engine must not then be shown a picture of before. From any thread."""
        self._outdated += 1
        self._read_at = float("-inf")

    def reader(self) -> Bridge:
        """The connected reading bridge. Raises BridgeError; tries to connect twice a second at most."""
        if self._bridge is not None:
            return self._bridge
        now = self._monotonic()
        if now < self._connect_after and self._error is not None:
            raise self._error
        self._connect_after = now + RECONNECT_EVERY_S
        bridge = self._factory()
        try:
            bridge.connect()
        except BridgeError as error:
            bridge.close()
            self._failed(error)
            raise
        self._bridge = bridge
        return bridge

    async def command(self, method: str, *args: Any, request_id: str | None = None, **keywords: Any) -> CommandAnswer:
        """Send one command and wait for the engine's own answer.

        Args: method, the bridge's; request_id, the same id again gets the first answer.
        Raises CommandRejected, CommandTimeout, EngineDown.
        """
        if method == "kill":
            # Nothing may stand in front of a kill, not even our own limit.
            return await asyncio.to_thread(self._send, method, args, request_id, keywords)
        if self._commands.locked():
            raise CommandRejected("BUSY", f"{COMMANDS_AT_ONCE_MAX} commands wait for an answer. Nothing sent.")
        async with self._commands:
            return await asyncio.to_thread(self._send, method, args, request_id, keywords)

    def close(self) -> None:
        if self._bridge is not None:
            self._bridge.close()
            self._bridge = None

    def _send(
        self, method: str, args: tuple[Any, ...], request_id: str | None, keywords: dict[str, Any]
    ) -> CommandAnswer:
        bridge = self._factory()
        try:
            # The command socket needs no readable shared memory: let the engine itself answer.
            with contextlib.suppress(Stale, LayoutMismatch):
                bridge.connect()
            call = getattr(bridge, method)
            answer: CommandAnswer = call(*args, request_id=request_id or uuid.uuid4().hex, **keywords)
            return answer
        finally:
            self.outdate()
            bridge.close()

    def _failed(self, error: BridgeError) -> None:
        self._error = error
        if self._not_ok_since_ns is None:
            # The engine was last seen alive at its last heartbeat; without one, now is the first we know.
            self._not_ok_since_ns = self.last.status.heartbeat_ns if self.last is not None else self._clock_ns()
        if self._bridge is not None and not isinstance(error, Stale):
            self._bridge.close()
            self._bridge = None


def _link_of(error: BridgeError) -> Link:
    for kind, link in _LINK_OF_ERROR.items():
        if isinstance(error, kind):
            return link
    return Link.DOWN


def _reason_of(error: BridgeError) -> str:
    return error.reason if isinstance(error, EngineDown) else str(error)
