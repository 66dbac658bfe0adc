"""Figures of the running engine: wire to wire, tick to order, throughput, and the floor under them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from bridge import CEngineBridge
from bridge.histogram import percentiles_ns
from dashboard.cli.bench_desk import BenchDesk, BenchError, Processors, Programs, Scene, bench_desk

Figures = dict[str, dict[str, Any]]
Counts = npt.NDArray[np.uint64]
INTERVAL_US = 1250  # 800 trades a second: the settings allow a thousand orders a second at a venue
FAST_INTERVAL_US = 500
BUSY_PER_S = 20_000
SHARES = (0.5, 0.99, 0.999)
MEASURING_STARTS, MEASURING_BLASTS, MEASURING_TENTHS = 4, 3, 10


@dataclass(frozen=True)
class Amount:
    """How much is measured. trades: per run, ended after limit_ms on a machine that is not quiet; rounds: runs that
    alternate; blast_tenths: of a second."""

    trades: int
    warm_up: int
    rounds: int
    echoes: int
    blast_tenths: int
    limit_ms: int


QUICK = Amount(trades=400, warm_up=40, rounds=2, echoes=800, blast_tenths=5, limit_ms=1200)
FULL = Amount(trades=2500, warm_up=250, rounds=4, echoes=4000, blast_tenths=30, limit_ms=8000)
TINY = Amount(trades=20, warm_up=5, rounds=1, echoes=40, blast_tenths=1, limit_ms=0)


def merged(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Runs of one figure as one: medians of their percentiles, the greatest maximum, all samples counted."""
    keys = ("p50", "p99", "p999")
    result: dict[str, Any] = {key: round(median(run[key] for run in runs), 3) for key in keys}
    result["max"] = max(run["max"] for run in runs)
    best = [run["best_p50"] for run in runs if "best_p50" in run]
    if best:
        result["best_p50"] = min(best)
    return result | {"unit": runs[0]["unit"], "n": sum(run["n"] for run in runs)}


def stage_counts(bridge: CEngineBridge, stage: str) -> Counts:
    return bridge.histogram(stage)[1].copy()


def stage_figure(before: Counts, after: Counts) -> dict[str, Any]:
    """What a stage's histogram took in between."""
    counts = (after - before).reshape(1, -1)
    totals, values = percentiles_ns(counts, SHARES)
    if not totals[0]:
        raise BenchError("the engine's histogram took nothing in")
    p50, p99, p999, most = (float(value) for value in values[0])
    return {"p50": p50, "p99": p99, "p999": p999, "max": most, "unit": "ns", "n": int(totals[0])}


def trade(desk: BenchDesk, amount: Amount, interval_us: int, background_per_s: int) -> dict[str, Any]:
    """One run of ticks that trade. Raises BenchError where an order was wrong."""
    counts = f"{amount.trades} {amount.warm_up}"
    found = desk.load.ask(f"trade {counts} {interval_us} {background_per_s} {amount.limit_ms} 2")
    if found["orders_wrong"]:
        raise BenchError(f"{found['orders_wrong']} orders were wrong")
    if found["both_legs_us"] is None:
        raise BenchError(f"no trade in {amount.limit_ms} ms, {found['missed']} ticks without both orders: is it busy?")
    return found


def blast(desk: BenchDesk, amount: Amount, frames: int) -> dict[str, Any]:
    """Throughput with so many frames a write, every message counted by the engine."""
    before = desk.bridge.snapshot().counters["quotes"]
    found = desk.load.ask(f"blast {amount.blast_tenths} {frames}")
    figure: dict[str, Any] = found["throughput_msgs_per_s"]
    desk.load.ask("quote 120")  # its publisher comes round
    taken = desk.bridge.snapshot().counters["quotes"] - before
    if taken < figure["n"]:
        raise BenchError(f"{figure['n']} quotes were sent and {taken} taken")
    return figure | {"lost": 0, "backlog_ms": found["backlog_ms"]}


def plain(desk: BenchDesk, amount: Amount) -> Figures:
    """Rounds of floor, busy and idle trading, so that what the machine does meanwhile meets all of them."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for _ in range(amount.rounds):
        busy = trade(desk, amount, INTERVAL_US, BUSY_PER_S)
        idle = trade(desk, amount, INTERVAL_US, 0)
        runs.setdefault("wire_to_wire_plain_us", []).append(busy["both_legs_us"])
        runs.setdefault("wire_to_wire_plain_first_us", []).append(busy["first_leg_us"])
        runs.setdefault("wire_to_wire_idle_us", []).append(idle["both_legs_us"])
    figures = {name: merged(found) for name, found in runs.items()}
    figures["wire_to_wire_100k_us"] = trade(desk, amount, INTERVAL_US, 100_000)["both_legs_us"]
    figures["throughput_msgs_per_s"] = blast(desk, amount, 64)
    figures["throughput_8_frames_msgs_per_s"] = blast(desk, amount, 8)
    return figures


def echo(desk: BenchDesk, amount: Amount) -> Figures:
    """The floor, while the engine is stopped: it would spin on the processor that the echo needs."""
    limit_ms = amount.limit_ms or 60_000
    warm = desk.load.ask(f"echo {amount.echoes} 50 {limit_ms}")
    paced = desk.load.ask(f"echo {amount.echoes // 4} {INTERVAL_US} {limit_ms}")
    return {
        "tcp_echo_us": warm["tcp_echo_us"],
        "tcp_echo_two_us": warm["tcp_echo_two_us"],
        "tcp_echo_paced_two_us": paced["tcp_echo_two_us"],
    }


def fast(programs: Programs, cpus: Processors, scene: Scene, amount: Amount, stages: dict[str, str]) -> Figures:
    """The engine's own stages while it trades 2000 times a second. stages: figure -> stage."""
    with bench_desk(programs, scene, cpus) as desk:
        trade(desk, amount, FAST_INTERVAL_US, 0)
        before = {name: stage_counts(desk.bridge, stage) for name, stage in stages.items()}
        for _ in range(amount.rounds):
            trade(desk, amount, FAST_INTERVAL_US, 0)
        return {name: stage_figure(before[name], stage_counts(desk.bridge, stage)) for name, stage in stages.items()}


def tls(programs: Programs, cpus: Processors, amount: Amount) -> Figures:
    with bench_desk(programs, Scene(tls=True), cpus) as desk:
        runs = [trade(desk, amount, INTERVAL_US, BUSY_PER_S) for _ in range(amount.rounds)]
        return {
            "wire_to_wire_tls_us": merged([run["both_legs_us"] for run in runs]),
            "wire_to_wire_tls_first_us": merged([run["first_leg_us"] for run in runs]),
            "throughput_tls_msgs_per_s": blast(desk, amount, 64),
        }


def measuring(programs: Programs, cpus: Processors, amount: Amount) -> Figures:
    """What measuring costs: throughput of the engine and of the same without its stages, alternating."""
    rates: tuple[list[float], list[float]] = ([], [])
    amount = replace(amount, blast_tenths=min(amount.blast_tenths, MEASURING_TENTHS))
    for _ in range(MEASURING_STARTS):
        for unmeasured, kept in ((False, rates[0]), (True, rates[1])):
            with bench_desk(programs, Scene(unmeasured=unmeasured), cpus) as desk:
                kept += [blast(desk, amount, 64)["value"] for _ in range(MEASURING_BLASTS)]
    share = (1 - median(rates[0]) / median(rates[1])) * 100
    half = (1 - median(rates[1][::2]) / median(rates[1][1::2])) * 100
    return {
        "measuring_share_pct": {
            **{"value": round(share, 2), "noise": round(abs(half), 2), "unit": "%", "n": len(rates[0])},
            **{"with_msgs_per_s": rates[0], "without_msgs_per_s": rates[1]},
        }
    }


def wide(programs: Programs, cpus: Processors, amount: Amount) -> Figures:
    """Many venues."""
    with bench_desk(programs, Scene(kinds="bmbmbmbm", symbols=16), cpus) as desk:
        return {"wire_to_wire_8_venues_us": trade(desk, amount, INTERVAL_US, BUSY_PER_S)["both_legs_us"]}


def deep(programs: Programs, cpus: Processors, amount: Amount) -> Figures:
    """Many symbols."""
    with bench_desk(programs, Scene(symbols=1024), cpus) as desk:
        return {
            "wire_to_wire_1024_symbols_us": trade(desk, amount, INTERVAL_US, BUSY_PER_S)["both_legs_us"],
            "throughput_1024_symbols_msgs_per_s": blast(desk, amount, 64),
        }


def ratios(figures: Figures) -> Figures:
    """Of medians of the same run."""
    pairs = {
        "wire_ratio_to_tcp_echo": ("wire_to_wire_plain_us", "tcp_echo_two_us"),
        "wire_ratio_first_leg": ("wire_to_wire_plain_first_us", "tcp_echo_us"),
    }
    found: Figures = {}
    for name, (upper, lower) in pairs.items():
        if upper in figures and lower in figures:
            value = figures[upper]["p50"] / figures[lower]["p50"]
            found[name] = {"value": round(value, 3), "unit": "ratio", "n": figures[upper]["n"]}
    return found
