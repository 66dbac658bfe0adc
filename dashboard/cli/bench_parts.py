"""Figures taken in process: the engine's parts by bench_micro, shared memory by the bridge."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

from bridge import CEngineBridge
from bridge.segment import Segment
from dashboard.cli.bench_desk import BenchError, Processors, Programs

Figures = dict[str, dict[str, Any]]
MICRO_S = 120.0


def micro(programs: Programs, cpus: Processors, scale: int) -> tuple[Figures, float]:
    """The parts' figures, and the timer's cost in ns that was subtracted from single calls."""
    command = [str(programs.path("bench_micro")), str(cpus.load), str(cpus.engine), str(scale)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MICRO_S, check=False)
    if done.returncode != 0:
        raise BenchError(f"bench_micro ended with status {done.returncode}: {done.stderr[-500:]}")
    result = json.loads(done.stdout)
    return result["figures"], result["timer_cost_ns"]


def bridge_reads(bridge: CEngineBridge, count: int) -> Figures:
    """Reads of a running engine's shared memory, as the dashboard does them."""
    identity = bridge.snapshot().identity
    segment = Segment(identity.instance, f"/arbdeck-{identity.instance}-{identity.generation}")
    try:
        return {
            "bridge_read_us": _calls(lambda: segment.block("status"), count),
            "bridge_stats_us": _calls(bridge.get_stats, count // 4),
        }
    finally:
        segment.close()


def _calls(call: Callable[[], object], count: int) -> dict[str, Any]:
    took = []
    clock = time.perf_counter_ns
    for _ in range(count + count // 10):
        begin = clock()
        call()
        took.append(clock() - begin)
    took = sorted(took[count // 10 :])

    def share(part: float) -> float:
        return round(took[min(int(part * len(took)), len(took) - 1)] / 1000, 3)

    return {
        **{"p50": share(0.5), "p99": share(0.99), "p999": share(0.999), "max": share(1.0)},
        **{"unit": "us", "n": len(took)},
    }
