"""`arbdeck bench engine`: every figure, each in its scene, into one object."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge import BridgeError, CEngineBridge
from dashboard.cli import bench_wire as wire
from dashboard.cli.bench_desk import BenchError, Processors, Programs, Scene, bench_desk, processors
from dashboard.cli.bench_figures import FIGURES
from dashboard.cli.bench_machine import machine
from dashboard.cli.bench_parts import bridge_reads, micro
from dashboard.cli.bench_peers import peers
from dashboard.cli.bench_tabs import tabs

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Plan:
    """amount: of each run; micro_scale divides the repetitions of the parts; reads: of shared memory."""

    amount: wire.Amount
    micro_scale: int
    reads: int
    tabs_rounds: int
    stop_s: float
    peer_ticks: int
    scenes: tuple[str, ...] = ()  # these alone; empty: all


TLS = ("TLS", "tick to order, TLS")
PLANS = {
    "full": Plan(wire.FULL, 1, 40_000, 3, 60.0, 3000),
    "quick": Plan(wire.QUICK, 8, 10_000, 0, 0.0, 0, ("parts", "plain", "tick to order", "session", *TLS)),
    "tiny": Plan(wire.TINY, 100, 400, 0, 0.0, 20, ("parts", "plain", "tick to order", TLS[0])),
}


class Bench:
    """Collects figures; a scene that cannot be measured leaves the reason instead of its figures."""

    def __init__(self, programs: Programs, plan: Plan) -> None:
        self.programs = programs
        self.plan = plan
        self.cpus: Processors = processors()
        self.figures: wire.Figures = {}
        self.missing: dict[str, str] = {}
        self.facts: dict[str, object] = {}

    def run(self) -> None:
        amount = self.plan.amount
        self._scene("parts", self._parts)
        self._scene("plain", self._plain)
        self._scene("tick to order", lambda: self._tick(Scene(fast=True), "plain", with_wire=True))
        self._scene("session", lambda: self._tick(Scene(kinds="bb", fast=True, session=True), "session"))
        self._scene("TLS", lambda: wire.tls(self.programs, self.cpus, amount))
        self._scene("tick to order, TLS", lambda: self._tick(Scene(tls=True, fast=True), "tls"))
        self._scene("cost of measuring", lambda: wire.measuring(self.programs, self.cpus, amount))
        self._scene("8 venues", lambda: wire.wide(self.programs, self.cpus, amount))
        self._scene("1024 symbols", lambda: wire.deep(self.programs, self.cpus, amount))
        self._scene("peers", lambda: peers(self.programs, self.cpus, self.plan.peer_ticks))
        if self.plan.tabs_rounds:
            self._scene("dashboard", lambda: tabs(self.programs, self.cpus, self.plan.tabs_rounds, self.plan.stop_s))
        self.figures |= wire.ratios(self.figures)

    def _scene(self, name: str, measure: Callable[[], wire.Figures]) -> None:
        if self.plan.scenes and name not in self.plan.scenes:
            return
        print(f"{datetime.now(UTC):%H:%M:%S} {name} ...", file=sys.stderr, flush=True)
        try:
            self.figures |= measure()
        except (BenchError, BridgeError, OSError, subprocess.SubprocessError) as error:
            self.missing[name] = str(error)
            print(f"         {name}: {error}", file=sys.stderr, flush=True)

    def _parts(self) -> wire.Figures:
        figures, timer_cost_ns = micro(self.programs, self.cpus, self.plan.micro_scale)
        self.facts["timer_cost_ns"] = timer_cost_ns
        return figures

    def _plain(self) -> wire.Figures:
        with bench_desk(self.programs, Scene(), self.cpus) as desk:
            self._note(desk.bridge)
            self.facts["time_lost_to_others_pct"] = desk.load.lost_pct
            figures = wire.plain(desk, self.plan.amount)
            figures |= bridge_reads(desk.bridge, self.plan.reads)
            desk.stop_engine()
            return figures | wire.echo(desk, self.plan.amount)

    def _note(self, bridge: CEngineBridge) -> None:
        self.facts["risk_controls"] = len(bridge.snapshot().risk)

    def _tick(self, scene: Scene, name: str, with_wire: bool = False) -> wire.Figures:
        stages = {f"tick_to_order_{name}_ns": "TICK_TO_ORDER"}
        if with_wire:
            stages[f"tick_to_wire_{name}_ns"] = "TICK_TO_WIRE"
        return wire.fast(self.programs, self.cpus, scene, self.plan.amount, stages)


def bench_engine(programs: Programs, size: str, command: str) -> dict[str, Any]:
    """Runs everything. size: "full", "quick" (under 45 s), "tiny" (a test's: some scenes, few samples)."""
    bench = Bench(programs, PLANS[size])
    found = machine()
    bench.run()
    figures: dict[str, Any] = {}
    for figure in FIGURES:
        if figure.name not in bench.figures:
            continue
        measured = bench.figures[figure.name] | {"inside": figure.inside}
        for key, value in {"aim": figure.aim, "aim_p99": figure.aim_p99, "limit": figure.limit}.items():
            if value is not None:
                measured[key] = value
        figures[figure.name] = measured | _against(figure.name, bench.figures)
    return {
        "machine": found | bench.facts | {"engine_processor": bench.cpus.engine, "load_processor": bench.cpus.load},
        "command": command,
        "size": size,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit(),
        "figures": figures,
        "missing": bench.missing,
    }


def _against(name: str, figures: wire.Figures) -> dict[str, Any]:
    """The floor or peer of the same run beside a figure of the wire."""
    if not name.startswith(("wire_to_wire", "peer_")):
        return {}
    floor = "tcp_echo_us" if "first" in name or name.startswith("peer_") else "tcp_echo_two_us"
    if floor not in figures:
        return {}
    p50 = figures[floor]["p50"]
    return {"against": {"name": floor, "p50": p50, "ratio": round(figures[name]["p50"] / p50, 2)}}


def commit() -> str:
    """The commit of the source tree, with a plus sign where files differ from it; "unknown" outside of one."""
    try:
        head = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            ["git", "-C", str(ROOT), "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
