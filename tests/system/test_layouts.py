"""Both thread layouts trade the same truth: with receiving threads, too, what the engine says is what the venues' own
ledger says, connections come back, and the status tells which layout runs."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

import pytest

from bridge import CEngineBridge
from tests.system.desk import WIDE_RISK, Desk
from tests.system.test_money import BUSY, engine_totals, journal_fills, quiet

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(180)]

TRADES = 300


def start(desk: Desk, layout: str, **threads: Any) -> CEngineBridge:
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=60.0)
    desk.market(**BUSY)

    def change(document: dict[str, Any]) -> None:
        document["threads"].update(threads, layout=layout)

    desk.engine_config(change)
    desk.balances(dict.fromkeys(("USDT", "BTC", "ETH", "SOL"), "1000000"))
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    return bridge


def stages(bridge: CEngineBridge) -> dict[str, int]:
    return {row.stage: row.count for row in bridge.snapshot().latency}


@pytest.mark.parametrize("layout", ["one", "receivers"])
def test_figures_equal_the_oracle_in_both_thread_layouts(desk: Desk, layout: str) -> None:
    bridge = start(desk, layout)
    desk.wait(lambda: bridge.get_stats().trades >= TRADES, 120)
    quiet(desk, bridge)
    oracle, totals, mine = desk.oracle_fills(), desk.oracle_totals(), engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}
    fills = journal_fills(bridge)
    assert len(fills) == sum(len(rows) for rows in oracle.values()) >= 2 * TRADES
    assert sum(fill["qty"] for fill in fills.values()) == sum(
        (Decimal(row["qty"]) for rows in oracle.values() for row in rows), Decimal(0)
    )
    assert desk.oracle("/orders?limit=1")["repeated"] == {"binance": {}, "mexc": {}}

    counts = stages(bridge)
    for stage in (
        "RECEIVE",
        "FRAME",
        "DECODE",
        "BOOK",
        "DETECT",
        "RISK",
        "DECIDE",
        "ENCODE",
        "SEND",
        "TICK_TO_ORDER",
        "TICK_TO_WIRE",
        "ACK_mexc",
        "FILL_binance",
    ):
        assert counts[stage] > 0, stage
    assert (counts["HOP"] > 0) == (layout == "receivers")
    identity = bridge.snapshot().identity
    assert identity.thread_layout == {"one": "ONE", "receivers": "RECEIVERS"}[layout]
    assert identity.receive_threads == {"one": 0, "receivers": 2}[layout]


def test_spinning_with_locked_memory_trades_and_says_so(desk: Desk) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    bridge = start(desk, "one", busy_poll=True, hot_cpu=allowed[-1], lock_memory=True)
    desk.wait(lambda: bridge.get_stats().trades >= 20, 60)
    snapshot = bridge.snapshot()
    assert (snapshot.identity.busy_poll, snapshot.identity.thread_layout) == (True, "ONE")
    assert snapshot.status.host_gap_us > 0
    quiet(desk, bridge)
    totals, mine = desk.oracle_totals(), engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}


def test_receivers_open_lost_connections_again_and_trade_on(desk: Desk) -> None:
    bridge = start(desk, "receivers")
    desk.wait(lambda: bridge.get_stats().trades >= 20, 60)
    for fault in (
        {"venue": "binance", "drop_connections": "feed"},
        {"venue": "mexc", "drop_connections": "all"},
        {"venue": "mexc", "feed_garbage": 20, "drop_connections": "feed"},
    ):
        before = bridge.snapshot().counters["reconnects"]
        desk.oracle("/faults", dict(fault))
        desk.wait(lambda seen=before: bridge.snapshot().counters["reconnects"] > seen, 20)
        desk.wait(lambda: all(venue.state == "UP" for venue in bridge.snapshot().venues), 30)
        seen = bridge.get_stats().trades
        desk.wait(lambda least=seen + 10: bridge.get_stats().trades >= least, 60)
    quiet(desk, bridge)
    totals, mine = desk.oracle_totals(), engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}
