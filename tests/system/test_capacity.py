"""Protects a desk of 1024 symbols: it starts, trades symbols of the first and of the last page, is read whole, takes a
new configuration, and a restart carries all of it on.

Three symbols are quoted by the simulated venues, at the first, a middle and the last place; the others are traded
nowhere, as symbols are that a venue has not listed yet."""

from __future__ import annotations

from typing import Any

import pytest

from bridge import CEngineBridge
from tests.system.desk import VENUES, WIDE_RISK, Desk
from tests.system.test_money import BUSY, engine_totals

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(300)]

COUNT = 1024
PLACES = {"BTCUSDT": 0, "ETHUSDT": 500, "SOLUSDT": COUNT - 1}
OWNED = ("USDT", "BTC", "ETH", "SOL")


def many_symbols(document: dict[str, Any]) -> None:
    real = {symbol["name"]: symbol for symbol in document["symbols"]}
    nowhere = {venue: {"traded": False} for venue in VENUES}
    document["symbols"] = [
        {**real["SOLUSDT"], "name": f"S{index:04d}USDT", "base": f"S{index:04d}", "venues": nowhere}
        for index in range(COUNT)
    ]
    for name, place in PLACES.items():
        document["symbols"][place] = real[name]


@pytest.fixture
def bridge(desk: Desk) -> CEngineBridge:
    desk.engine_config(many_symbols)
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=100.0)
    desk.market(**BUSY)
    desk.start_venues()
    desk.start_engine()
    found = desk.connect()
    desk.wait_state(found, "ACTIVE", 30)
    return found


def trades(bridge: CEngineBridge, symbol: str) -> int:
    return sum(fill.symbol == symbol for fill in bridge.fills(512))


def money(totals: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    return {key: total for key, total in totals.items() if key[1] in OWNED}


def test_1024_symbols_trade_on_every_page_reload_and_survive_a_restart(desk: Desk, bridge: CEngineBridge) -> None:
    desk.wait(lambda: all(trades(bridge, symbol) >= 3 for symbol in PLACES), 90)
    snapshot = bridge.snapshot()
    assert [(quote.venue, quote.symbol) for quote in snapshot.quotes] == [(v, s) for v in VENUES for s in PLACES]
    assert all(quote.bid is not None and quote.count > 0 for quote in snapshot.quotes)
    assert len(snapshot.balances) == len(VENUES) * (COUNT + 1)

    bridge.update_config({"min_spread_bps": 30}, actor="test")
    assert bridge.strategies().strategies[0].params["min_spread_bps"] == 30
    bridge.pause(actor="test")
    desk.wait(lambda: bridge.snapshot().status.open_pairs == 0, 30)
    desk.wait(lambda: money(engine_totals(bridge)) == money(desk.oracle_totals()), 10)
    done = bridge.snapshot().pnl

    desk.kill("engine")
    desk.start_engine()
    desk.wait(lambda: bridge.health().ok, 30)
    assert money(engine_totals(bridge)) == money(desk.oracle_totals())
    after = bridge.snapshot()
    assert after.identity.generation == snapshot.identity.generation + 1
    assert len(after.balances) == len(VENUES) * (COUNT + 1)
    assert (after.pnl.trades, after.pnl.volume_usd, after.pnl.fees_usd) == (done.trades, done.volume_usd, done.fees_usd)
    bridge.resume(actor="test")
    before = bridge.snapshot().counters["fills"]
    desk.wait(lambda: bridge.snapshot().counters["fills"] > before, 60)
