"""How fast backtests run: python tests/backtest/bench_backtest.py [--quick], prints JSON.

Two venues of synthetic bars, 7 days and 1 year: the tape from arrays, a run with trades, curve and metrics, the core
alone, and a grid on one thread and on all cores. Milliseconds, medians; look at them beside `load`.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from dashboard.backtest.run import build_tape, core_run_of, run_grid, run_tape
from tests.backtest.bars import FEES, Store, desk, request

DAYS = {"7d": 7, "1y": 365}
CANDIDATES = 100


def store_of(minutes: int) -> Store:
    """A random walk of 8 bps a minute; each venue strays from it by some bps with a half-life of ten minutes."""
    chance = np.random.default_rng(1)
    store = Store()
    mid = 20_000.0 * np.exp(np.cumsum(chance.normal(0, 5.6e-4, 2 * minutes)))
    keep = 0.5 ** (1 / 20)
    for venue in FEES:
        noise = chance.normal(0, 6e-4 * np.sqrt(1 - keep**2), 2 * minutes)
        basis = np.empty_like(noise)
        level = 0.0
        for index, step in enumerate(noise):
            level = keep * level + step
            basis[index] = level
        store.bars(venue, np.round(mid * (1 + basis), 2).reshape(minutes, 2), volume=1.0)
    return store


def median_ms(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    took, found = [], None
    for _ in range(times):
        begun = time.perf_counter()
        found = work()
        took.append((time.perf_counter() - begun) * 1e3)
    return round(statistics.median(took), 3), found


def bench(days: int, times: int) -> dict[str, Any]:
    minutes = days * 1440
    store = store_of(minutes)
    wanted = request(minutes, params={"min_spread_bps": 14.0, "min_net_edge_bps": -2.0, "max_position_usd": 300.0})
    tape_ms, tape = median_ms(lambda: build_tape(wanted, store, desk()), times)
    run_ms, result = median_ms(lambda: run_tape(tape, wanted), times)
    core_ms, _ = median_ms(lambda: core_run_of(tape, result.request), times)
    candidates = [{"min_spread_bps": 10.0 + step, "max_position_usd": 100.0 + step} for step in range(CANDIDATES)]
    one_ms, _ = median_ms(lambda: run_grid(tape, wanted, candidates, threads=1), 1)
    all_ms, _ = median_ms(lambda: run_grid(tape, wanted, candidates), 1)
    return {
        "events": len(tape),
        "pairs": len(result.trades),
        "tape_ms": tape_ms,
        "run_ms": run_ms,
        "core_ms": core_ms,
        "events_per_s": round(len(tape) / core_ms * 1e3),
        "candidates": CANDIDATES,
        "grid_one_thread_ms": one_ms,
        "grid_all_cores_ms": all_ms,
        "grid_speedup": round(one_ms / all_ms, 2),
    }


def main() -> None:
    wanted = {"7d": 7} if "--quick" in sys.argv else DAYS
    report: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    for name, days in wanted.items():
        report[name] = bench(days, 5 if days < 30 else 3)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
