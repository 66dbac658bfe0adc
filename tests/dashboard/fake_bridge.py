"""An engine for tests of the dashboard: the surface of CEngineBridge over a made-up, moving market.

The test steers it through `scene.json` in ARBDECK_HOME (see Scene); every command it gets goes to
`commands.jsonl`. Production code never imports this.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_records as records

from bridge.errors import CommandRejected, CommandTimeout, EngineDown, LayoutMismatch, Stale
from bridge.types import (
    CommandAnswer,
    Fill,
    Health,
    Opportunity,
    Order,
    Performance,
    PnlSample,
    Snapshot,
    Stats,
    StrategiesFile,
    StrategyConfig,
)

STATES_OF_COMMAND = {
    "pause": "HALTED",
    "disarm": "HALTED",
    "reduce_only": "REDUCING",
    "resume": "ACTIVE",
    "arm": "ACTIVE",
    "kill": "KILLED",
    "clear_kill": "HALTED",
}


@dataclass
class Scene:
    """What the test wants to see.

    Attributes: link OK, STALE, DOWN or MISMATCH; generation; mute, a venue without data; empty, nothing
    traded yet; one_leg, an open exposure; alarm; answer, how commands are answered: "" normally, "timeout",
    or a refusal's code.
    """

    link: str = "OK"
    generation: int = 3
    mode: str = "SIM"
    mute: str = ""
    empty: bool = False
    one_leg: bool = False
    alarm: bool = False
    text: str = ""
    answer: str = ""


class FakeEngine:
    """The one engine that all fake bridges of a process share."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.scene = Scene()
        self.lock = threading.RLock()
        self.state, self.reason, self.since_ns = "ACTIVE", "", time.time_ns() - 95 * 10**9
        self.actor = "engine"
        self.state_version = 17
        self.strategy_state = "RUNNING"
        self.strategy_reason = ""
        self.venue_off: set[str] = set()
        self.acked: dict[int, int] = {}
        self.killed_ns: int | None = None
        self.answers: dict[str, CommandAnswer] = {}
        self.config_hash = records.HASH
        self.params: dict[str, float] = {
            "min_spread_bps": 18.0,
            "min_net_edge_bps": 1.0,
            "slippage_bps": 1.0,
            "max_position_usd": 500.0,
            "cooldown_ms": 250,
            "max_quote_age_ms": 250,
        }
        self.started_ns = time.time_ns() - 900 * 10**9
        self._mtime = 0
        self._muted_at: float | None = None
        self._stopped_at: float | None = None
        self.history = records.History(random.Random(7), self.started_ns)

    def look(self) -> None:
        """Take over the test's scene."""
        path = self.home / "scene.json"
        try:
            mtime = path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if mtime == self._mtime:
            return
        wanted = json.loads(path.read_text())
        known = {field.name for field in fields(Scene)}
        assert set(wanted) <= known, set(wanted) - known
        before = self.scene
        self._mtime, self.scene = mtime, Scene(**wanted)
        if not self.scene.alarm:
            self.acked.clear()
        if self.scene.generation != before.generation:
            self.history.restart()
        self._muted_at = time.monotonic() if self.scene.mute else None
        if self.scene.link == "STALE" and before.link != "STALE":
            self._stopped_at = time.monotonic()

    def check(self) -> None:
        """Raise what the scene's link says."""
        self.look()
        if self.scene.link == "DOWN":
            raise EngineDown("sim", "process 4711 is gone (signal 9)")
        if self.scene.link == "MISMATCH":
            raise LayoutMismatch("00112233445566aa", "ffeeddccbbaa9988")
        if self.scene.link == "STALE":
            raise Stale(time.monotonic() - (self._stopped_at or 0.0), 2.0)

    def snapshot(self) -> Snapshot:
        with self.lock:
            self.check()
            if not self.scene.empty and self.state == "ACTIVE" and self.strategy_state == "RUNNING":
                self.history.advance(time.time_ns())
            else:
                self.history.mark(time.time_ns())
            muted_s = None if self._muted_at is None else time.monotonic() - self._muted_at + 3.0
            return records.snapshot_of(self, muted_s)

    def command(self, name: str, args: tuple[Any, ...], request_id: str, keywords: dict[str, Any]) -> CommandAnswer:
        with self.lock:
            self.look()
            line = {"command": name, "args": list(args), "id": request_id, **keywords}
            with (self.home / "commands.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            if self.scene.link == "DOWN":
                raise EngineDown("sim", "socket refused")
            if request_id in self.answers:
                return self.answers[request_id]
            if self.scene.answer == "timeout":
                raise CommandTimeout(name, request_id, 2.0)
            if self.scene.answer:
                raise CommandRejected(
                    self.scene.answer,
                    f"Refused {name}: the test wants it. Nothing changed.",
                    state_version=17,
                )
            answer = self._do(name, args, request_id)
            self.answers[request_id] = answer
            return answer

    def _do(self, name: str, args: tuple[Any, ...], request_id: str) -> CommandAnswer:
        message = f"{name} done."
        now = time.time_ns()
        if name in STATES_OF_COMMAND:
            self.state, self.since_ns, self.actor = STATES_OF_COMMAND[name], now, "web"
            self.reason = {"kill": str(args[0]) if args else "", "pause": "paused by a person"}.get(name, "")
            message = f"The engine is {self.state}."
            if name == "kill":
                self.killed_ns = now
        elif name in {"start_strategy", "stop_strategy", "pause_strategy"}:
            if args[0] != "cross_exchange":
                raise CommandRejected("NOT_FOUND", f"There is no strategy {args[0]!r}. Known: cross_exchange.")
            word = {"start_strategy": "RUNNING", "stop_strategy": "STOPPED", "pause_strategy": "PAUSED"}[name]
            self.strategy_state, self.strategy_reason = word, "" if word == "RUNNING" else f"{name} by web"
            message = f"cross_exchange is {word.lower()}."
        elif name in {"venue_on", "venue_off"}:
            if args[0] not in records.VENUES:
                raise CommandRejected("NOT_FOUND", f"There is no venue {args[0]!r}. Known: binance, mexc.")
            (self.venue_off.add if name == "venue_off" else self.venue_off.discard)(args[0])
            message = f"{args[0]} is {'off' if name == 'venue_off' else 'on'}."
        elif name == "ack_alarm":
            self.acked[int(args[0])] = now
        elif name == "update_config":
            if unknown := [key for key in args[0] if key not in self.params]:
                known = ", ".join(self.params)
                raise CommandRejected(
                    "CONFIG", f"strategies[0].params.{unknown[0]} is not a parameter. Allowed: {known}."
                )
            self.params |= args[0]
            self.config_hash = hashlib.sha256(json.dumps(self.params).encode()).hexdigest()
            message = "The configuration was applied."
        self.state_version += 1
        return CommandAnswer(request_id, "done", "OK", message, {}, self.config_hash, self.state_version)


class FakeBridge:
    """One connection to the fake engine."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine

    def connect(self) -> None:
        self.engine.check()

    def close(self) -> None:
        pass

    def snapshot(self) -> Snapshot:
        return self.engine.snapshot()

    def get_stats(self) -> Stats:
        return records.stats_of(self.engine.snapshot())

    def health(self) -> Health:
        try:
            snapshot = self.engine.snapshot()
        except (EngineDown, Stale, LayoutMismatch) as error:
            return Health(False, "DOWN", str(error), None, "sim", None, None)
        return Health(True, snapshot.status.state, "", 0.0, "sim", snapshot.identity.mode, snapshot.identity.generation)

    def performance(self) -> Performance:
        snapshot = self.engine.snapshot()
        return Performance(5.0, 61.0, 60.5, 0.2, 0.2, 0.05, snapshot.latency, snapshot.status.loop_longest_us, 0)

    def opportunities(self, limit: int = 50) -> list[Opportunity]:
        return self.engine.history.opportunities[-limit:][::-1]

    def orders(self, limit: int = 50) -> list[Order]:
        return self.engine.history.orders[-limit:][::-1]

    def fills(self, limit: int = 50) -> list[Fill]:
        return self.engine.history.fills[-limit:][::-1]

    def pnl_curve(self, since_ns: int | None = None) -> list[PnlSample]:
        return [sample for sample in self.engine.history.curve if since_ns is None or sample.time_ns >= since_ns]

    def strategies(self) -> StrategiesFile:
        self.engine.check()
        found = StrategyConfig("cross_exchange", "cross_exchange", True, (), dict(self.engine.params))
        config_hash = self.engine.config_hash
        return StrategiesFile("strategies.json", (found,), config_hash, config_hash, False, None)

    def journal(self) -> SimpleNamespace:
        """Only where it lies: the record of deployments is kept beside it."""
        return SimpleNamespace(directory=self.engine.home / "state" / "sim" / "journal")

    def histogram(self, stage: str) -> tuple[list[float], list[int]]:
        edges = [0.01 * 1.05**index for index in range(260)]
        counts = [round(400 * math.exp(-(((math.log(edge) - math.log(6.0)) / 0.45) ** 2))) for edge in edges[:-1]]
        return edges, counts

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def send(*args: Any, request_id: str, **keywords: Any) -> CommandAnswer:
            return self.engine.command(name, args, request_id, keywords)

        return send
