"""TLS end to end: the engine trades over wss:// and https:// as it does without, and with nobody it cannot believe."""

from __future__ import annotations

import ssl
import subprocess
import urllib.error
import urllib.request
from decimal import Decimal

import pytest

from simulator.mexc_shapes import trade_id
from tests.system.desk import VENUES, WIDE_RISK, Desk
from tests.system.test_money import BUSY, engine_totals, journal_fills, quiet

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

TRADES = 60


@pytest.mark.parametrize("layout", ["one", "receivers"])
def test_trading_over_tls_equals_the_oracle_to_the_last_unit(desk: Desk, layout: str) -> None:
    desk.tls()
    desk.engine_config(lambda d: d["threads"].update(layout=layout))
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=60.0)
    desk.market(**BUSY)
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    desk.wait(lambda: bridge.get_stats().trades >= TRADES, 90)
    quiet(desk, bridge)

    totals, oracle = desk.oracle_totals(), desk.oracle_fills()
    mine = engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}
    expected = {
        (venue, trade_id(row["trade_id"]) if venue == "mexc" else str(row["trade_id"])): (
            row["symbol"],
            row["side"],
            Decimal(row["price"]),
            Decimal(row["qty"]),
            Decimal(row["fee"]),
        )
        for venue in VENUES
        for row in oracle[venue]
    }
    fills = {
        key: (fill["symbol"], fill["side"], fill["price"], fill["qty"], fill["fee"])
        for key, fill in journal_fills(bridge).items()
    }
    assert fills == expected
    snapshot = bridge.snapshot()
    assert snapshot.counters["unknown"] == 0
    assert snapshot.counters["reconnects"] == 0
    assert snapshot.counters["tls_memory_missed"] == 0
    assert all(venue.tls for venue in snapshot.venues)
    counts = {row.stage: row.count for row in snapshot.latency}
    assert counts["DECRYPT"] > 0
    assert counts["TICK_TO_ORDER"] >= TRADES
    assert desk.oracle("/orders?limit=1")["repeated"] == {venue: {} for venue in VENUES}


def test_connections_come_back_over_tls_after_they_were_cut(desk: Desk) -> None:
    desk.tls()
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=0, max_position_usd=60.0)
    desk.market(**BUSY)
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    for venue in VENUES:
        before = bridge.snapshot().counters["reconnects"]
        desk.oracle("/faults", {"venue": venue, "drop_connections": "all"})
        desk.wait(lambda floor=before: bridge.snapshot().counters["reconnects"] > floor, 10)
        desk.wait(lambda: all(v.state == "UP" for v in bridge.snapshot().venues), 20)
    seen = bridge.get_stats().trades
    desk.wait(lambda: bridge.get_stats().trades >= seen + 5, 60)
    quiet(desk, bridge)
    totals, mine = desk.oracle_totals(), engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}


@pytest.mark.parametrize(
    ("names", "reason"),
    [("DNS:other.example,IP:127.0.0.2", "IP address mismatch"), (None, "certificate")],
    ids=["wrong-host", "unknown-authority"],
)
def test_a_venue_that_cannot_be_believed_is_not_spoken_to(desk: Desk, names: str | None, reason: str) -> None:
    if names is None:
        desk.tls(ca_file="")  # the system's authorities do not know ours
    else:
        desk.tls(names)
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    for index, venue in enumerate(VENUES):

        def refused(index: int = index, venue: str = venue) -> bool:
            text = bridge.snapshot().venues[index].reason
            return "certificate refused" in text and reason in text and f"127.0.0.1:{desk.ports[venue]}" in text

        desk.wait(refused, 15)
    assert all(venue.state == "DOWN" for venue in bridge.snapshot().venues)
    assert bridge.snapshot().counters["orders"] == 0
    assert bridge.health().state == "STARTING"


def test_a_ca_file_that_cannot_be_read_stops_the_start_and_is_named(desk: Desk) -> None:
    desk.tls(ca_file="tls/none.pem")
    desk.start_engine()
    assert desk.processes["engine"].wait(timeout=10) == 1
    assert "venues[0].ca_file" in desk.log("engine")
    assert "tls/none.pem" in desk.log("engine")


def test_sim_refuses_hosts_that_are_not_this_machine_also_with_tls(desk: Desk) -> None:
    desk.engine_config(lambda d: d["venues"][0].update(feed_url="wss://stream.example.com"))
    desk.start_engine()
    assert desk.processes["engine"].wait(timeout=10) == 1
    assert 'venues[0].feed_url = "wss://stream.example.com": mode SIM' in desk.log("engine")


def test_a_simulated_venue_with_tls_speaks_nothing_below_1_2_and_nothing_plain(desk: Desk) -> None:
    desk.tls()
    desk.start_venues()
    address = f"127.0.0.1:{desk.ports['binance']}"
    context = ssl.create_default_context(cafile=str(desk.config / "tls" / "ca.pem"))
    with urllib.request.urlopen(f"https://{address}/api/v3/time", context=context, timeout=5) as answer:
        assert answer.status == 200
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(f"http://{address}/api/v3/time", timeout=5)
    old = subprocess.run(
        ["openssl", "s_client", "-connect", address, "-tls1_1"],
        input="", capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    assert old.returncode != 0
