"""Money: what the engine, its journal, shared memory and API say is what the venues' own ledger says, to the last unit.

The simulator shares no code with the engine and keeps its own books in Decimal: it is the oracle."""

from __future__ import annotations

import os
import subprocess
import time
from collections import defaultdict
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest

from bridge import CEngineBridge
from simulator.mexc_shapes import trade_id
from tests.system.desk import VENUES, WIDE_RISK, Desk, exact

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(900)]

# A gap somewhere nearly all the time, traded as fast as the cool-down allows.
BUSY = {
    "quotes_per_s": 20.0,
    "gap_every_s": 0.2,
    "gap_bps": 40.0,
    "gap_length_s": 1.0,
    "burst_every_s": 5.0,
}
TRADES = int(os.environ.get("ARBDECK_MONEY_TRADES", "10000"))


def engine_totals(bridge: CEngineBridge) -> dict[tuple[str, str], Decimal]:
    return {(b.venue, b.asset): exact(b.total_e8, b.frac_e19) for b in bridge.snapshot().balances}


def journal_fills(bridge: CEngineBridge) -> dict[tuple[str, str], dict[str, Any]]:
    reader = bridge.journal()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    venues: dict[int, str] = {}
    symbols: dict[int, dict[str, Any]] = {}
    for record in reader:
        payload = record.payload
        if record.type == "VENUE":
            venues[payload["index"]] = payload["name"]
        elif record.type == "SYMBOL":
            symbols[payload["index"]] = payload
        elif record.type == "FILL" and payload["booked"]:
            symbol = symbols[payload["symbol"]]
            key = (venues[payload["venue"]], payload["trade_id"])
            assert key not in found, f"trade {key} is booked twice"
            found[key] = {
                "symbol": symbol["name"],
                "side": {1: "BUY", 2: "SELL"}[payload["side"]],
                "price": Decimal(payload["price"]).scaleb(-symbol["price_digits"]),
                "qty": Decimal(payload["qty"]).scaleb(-symbol["qty_digits"]),
                "fee": exact(payload["fee_e8"], payload["fee_frac_e19"]),
                "fee_asset": payload["fee_asset_name"],
            }
    return found


def quiet(desk: Desk, bridge: CEngineBridge) -> None:
    """No new orders, everything open final, everything on disk."""
    bridge.pause(actor="test")
    desk.wait(lambda: bridge.snapshot().status.open_pairs == 0, 30)
    desk.wait(lambda: engine_totals(bridge).items() <= desk.oracle_totals().items(), 10)
    settled_ns = time.time_ns()
    desk.wait(lambda: (bridge.snapshot().pnl.marked_ns or 0) > settled_ns, 10)
    last = bridge.snapshot().status.journal_seq
    desk.wait(lambda: bridge.snapshot().status.journal_disk_seq >= last, 10)


def expected_pnl_e8(desk: Desk, bridge: CEngineBridge) -> tuple[int, int]:
    """What trading P&L should be at the journal's last mark by the oracle's ledger, and what the mark says."""
    tops: dict[tuple[str, int], tuple[int, int]] = {}
    marks: dict[int, int] = {}
    symbols: dict[int, dict[str, Any]] = {}
    trading_e8 = None
    names: dict[int, str] = {}
    for record in bridge.journal():
        payload = record.payload
        if record.type == "SYMBOL":
            symbols[payload["index"]] = payload
        elif record.type == "VENUE":
            names[payload["index"]] = payload["name"]
        elif record.type == "QUOTE":
            tops[(payload["venue"], payload["symbol"])] = (payload["bid_price"], payload["ask_price"])
        elif record.type == "MARK":
            trading_e8 = payload["trading_pnl_e8"]
            for index in symbols:
                sides = [tops[(v, index)] for v in names if (v, index) in tops]
                sides = [(bid, ask) for bid, ask in sides if 0 < bid < ask]
                if sides:
                    marks[index] = sum(bid + ask for bid, ask in sides) // (2 * len(sides))
    gained: dict[str, Decimal] = defaultdict(Decimal)
    opening = desk.oracle_opening()
    for key, total in desk.oracle_totals().items():
        gained[key[1]] += total - opening[key]
    worth = gained["USDT"]
    for index, symbol in symbols.items():
        base = str(symbol["name"]).removesuffix("USDT")
        # Each asset's worth is floored to 1e-19, the ledger's grain.
        price = Decimal(marks[index]).scaleb(-symbol["price_digits"])
        worth += (gained[base] * price).quantize(Decimal("1e-19"), ROUND_FLOOR)
    assert trading_e8 is not None
    return int((worth * 10**8).to_integral_value(ROUND_FLOOR)), int(trading_e8)


def test_figures_equal_the_oracle_to_the_last_unit_after_many_trades(desk: Desk) -> None:
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=60.0)
    desk.market(**BUSY)
    desk.engine_config(lambda d: d.update(record_quotes=True))
    desk.balances(dict.fromkeys(("USDT", "BTC", "ETH", "SOL"), "1000000"))
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    desk.wait(lambda: bridge.get_stats().trades >= TRADES, 780)
    quiet(desk, bridge)

    snapshot, oracle = bridge.snapshot(), desk.oracle_fills()
    totals = desk.oracle_totals()
    mine = engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}

    fills = journal_fills(bridge)
    expected = {
        (venue, trade_id(row["trade_id"]) if venue == "mexc" else str(row["trade_id"])): {
            "symbol": row["symbol"],
            "side": row["side"],
            "price": Decimal(row["price"]),
            "qty": Decimal(row["qty"]),
            "fee": Decimal(row["fee"]),
            "fee_asset": row["fee_asset"],
        }
        for venue in VENUES
        for row in oracle[venue]
    }
    assert fills == expected
    assert snapshot.counters["fills"] == len(expected)
    assert desk.oracle("/orders?limit=1")["repeated"] == {venue: {} for venue in VENUES}

    expected_e8, trading_e8 = expected_pnl_e8(desk, bridge)
    assert trading_e8 == expected_e8
    assert snapshot.counters["unknown"] == 0
    stats = bridge.get_stats()
    assert stats.trades >= TRADES
    assert stats.fees_usd > 0


def test_a_recorded_session_replays_to_the_same_decisions(desk: Desk) -> None:
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=100, max_position_usd=500.0)
    desk.market(**BUSY)
    desk.engine_config(lambda d: d.update(record_quotes=True))
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    desk.wait(lambda: bridge.get_stats().trades >= 30, 60)
    bridge.update_config({"min_spread_bps": 25}, actor="test")
    bridge.stop_strategy("cross_exchange", actor="test")
    bridge.start_strategy("cross_exchange", actor="test")
    seen = bridge.get_stats().trades
    desk.wait(lambda: bridge.get_stats().trades >= seen + 10, 60)
    directory = desk.home / "state" / desk.instance / "journal"
    desk.kill("engine", 15)
    done = subprocess.run(
        [desk.engine_path, "replay", str(directory)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all the same" in done.stdout
    decisions = int(done.stdout.split(" decisions")[0].split()[-1].replace(",", ""))
    assert decisions > 80
