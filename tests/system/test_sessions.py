"""Protects trading with an Ed25519 session: orders leave only while the venue holds us logged on, a session that ended
is begun anew, a refusal is shown in the venue's words; other keys go on as before. Real processes and sockets."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bridge import CEngineBridge
from tests.system.desk import WIDE_RISK, Desk
from tests.system.test_money import engine_totals

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(240)]

KEY = "sim-binance-ed25519-key"


def session_desk(desk: Desk) -> None:
    """Binance by an Ed25519 key; a market with many gaps."""
    private = Ed25519PrivateKey.generate()
    path = desk.home / "binance.pem"
    path.touch(0o600)
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = base64.b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def engine(document: dict[str, Any]) -> None:
        venue = document["venues"][0]
        del venue["secret"]
        venue |= {"key": KEY, "key_type": "ed25519", "secret_file": str(path)}

    desk.engine_config(engine)
    desk._edit("simulator.json", lambda d: d["venues"][0].update(ed25519={"key": KEY, "public_key": public}))
    busy(desk)


def busy(desk: Desk) -> None:
    desk.generous_venues()
    desk.risk(**WIDE_RISK)
    desk.strategy(min_spread_bps=2.0, cooldown_ms=10.0)
    desk.market(gap_every_s=0.5, gap_bps=60.0, gap_length_s=0.3)


def start(desk: Desk) -> CEngineBridge:
    desk.start_venues()
    desk.start_engine()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    return bridge


def orders_at(desk: Desk, venue: str) -> list[dict[str, Any]]:
    return list(desk.oracle(f"/orders?venue={venue}&limit=10000")["orders"])


def venue_of(bridge: CEngineBridge, name: str) -> Any:
    return next(venue for venue in bridge.snapshot().venues if venue.name == name)


def trade(desk: Desk, more: int = 10) -> None:
    before = desk.oracle("/ledger")["venues"]["binance"]["fill_count"]
    desk.wait(lambda: desk.oracle("/ledger")["venues"]["binance"]["fill_count"] >= before + more, 40)


def assert_books_agree(desk: Desk, bridge: CEngineBridge) -> None:
    bridge.pause(actor="test")
    totals = desk.oracle_totals

    def agree() -> bool:
        mine, theirs = engine_totals(bridge), totals()
        return all(theirs[key] == amount for key, amount in mine.items() if key in theirs)

    desk.wait(agree, 15)


def test_orders_of_a_session_trade_without_a_signature(desk: Desk) -> None:
    session_desk(desk)
    bridge = start(desk)
    trade(desk)
    assert "venue binance: logged on" in desk.log("engine", 400)
    assert all(row["outcome"] != "rejected" for row in orders_at(desk, "binance"))
    assert_books_agree(desk, bridge)


@pytest.mark.parametrize("end", ["logged_out", "revoked"])
def test_session_that_ends_in_mid_run_is_begun_anew_and_no_money_is_lost(desk: Desk, end: str) -> None:
    session_desk(desk)
    bridge = start(desk)
    trade(desk)
    desk.oracle("/faults", {"venue": "binance", "expire_sessions": end})
    desk.wait(lambda: "session ended" in desk.log("engine", 400), 30)
    if end == "revoked":  # the venue says that the key is not valid: a person must look
        desk.wait(lambda: venue_of(bridge, "binance").state == "OFF", 10)
        assert "Invalid API-key" in venue_of(bridge, "binance").reason
        bridge.venue_on("binance", actor="test")
    desk.wait(lambda: venue_of(bridge, "binance").state == "UP", 30)
    trade(desk)
    refused = [row for row in orders_at(desk, "binance") if row["outcome"] == "rejected"]
    assert len(refused) <= 4, "orders went on leaving on a session that had ended"
    assert_books_agree(desk, bridge)


def test_reconnected_order_connection_logs_on_again(desk: Desk) -> None:
    session_desk(desk)
    bridge = start(desk)
    trade(desk)
    desk.oracle("/faults", {"venue": "binance", "drop_connections": "orders"})
    desk.wait(lambda: desk.log("engine", 1000).count("venue binance: logged on") == 2, 30)
    trade(desk)
    assert_books_agree(desk, bridge)


def test_logon_that_is_refused_keeps_the_venue_off_in_its_own_words_and_no_order_leaves(desk: Desk) -> None:
    session_desk(desk)
    desk.start_venues()
    desk.oracle("/faults", {"venue": "binance", "refuse_logons": 1000})
    desk.start_engine()
    bridge = desk.connect()
    desk.wait(lambda: venue_of(bridge, "binance").state == "OFF", 30)
    assert "Invalid API-key" in venue_of(bridge, "binance").reason
    assert any(alarm.code == "VENUE_REFUSES" for alarm in bridge.snapshot().alarms)
    assert orders_at(desk, "binance") == []
    desk.oracle("/faults", {"venue": "binance", "refuse_logons": 0})
    bridge.venue_on("binance", actor="test")
    desk.wait(lambda: venue_of(bridge, "binance").state == "UP", 40)


def test_logon_that_is_refused_for_its_time_is_tried_again(desk: Desk) -> None:
    session_desk(desk)
    desk.start_venues()
    desk.oracle("/faults", {"venue": "binance", "refuse_logons": 1, "logon_code": -1021})
    desk.start_engine()
    bridge = desk.connect()
    desk.wait(lambda: "logon refused" in venue_of(bridge, "binance").reason, 20)
    assert orders_at(desk, "binance") == []
    desk.wait_state(bridge, "ACTIVE", 40)
    trade(desk)


def test_hmac_keys_go_on_signing_each_order(desk: Desk) -> None:
    busy(desk)
    bridge = start(desk)
    trade(desk)
    assert "logged on" not in desk.log("engine", 400)
    assert all(row["outcome"] != "rejected" for row in orders_at(desk, "binance") + orders_at(desk, "mexc"))
    assert_books_agree(desk, bridge)


def test_private_key_that_others_can_read_stops_the_start(desk: Desk) -> None:
    session_desk(desk)
    (desk.home / "binance.pem").chmod(0o644)
    desk.start_engine()
    assert desk.processes["engine"].wait(10) != 0
    assert "only its owner can read" in desk.log("engine")
