"""Protects the faults on demand: each goes wrong as asked, as often as asked; the oracle knows the truth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

Sim = Any


def buy(sim: Sim, client_id: str, qty: str = "0.001") -> dict[str, str]:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC"}
    return order | {"price": sim.top("binance")["ask"], "quantity": qty, "newClientOrderId": client_id}


def mexc_buy(sim: Sim, client_id: str) -> dict[str, str]:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "IMMEDIATE_OR_CANCEL", "quantity": "0.001"}
    return order | {"price": sim.top("mexc")["ask"], "newClientOrderId": client_id}


def requests_of(sim: Sim, client_id: str) -> list[Any]:
    return list(sim.get(f"/orders?client_id={client_id}")["orders"])


def test_muted_feed_stays_open_and_silent_then_resumes(sim: Sim) -> None:
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        ws.recv(2)
        sim.post("/faults", {"venue": "binance", "mute_feed": 0.8})
        with pytest.raises(TimeoutError):
            while True:
                ws.recv(0.4)
        assert json.loads(ws.recv(2))["s"] == "BTCUSDT"


def test_connections_of_one_role_are_cut_and_others_stay(sim: Sim) -> None:
    with sim.binance("/ws/btcusdt@bookTicker") as feed, sim.binance("/ws-api/v3") as orders:
        assert sim.post("/faults", {"venue": "binance", "drop_connections": "feed"})["dropped"] == 1
        with pytest.raises(ConnectionClosed):
            while True:
                feed.recv(2)
        assert sim.ask(orders, "ping", signed=False)["status"] == 200
        assert sim.post("/faults", {"venue": "binance", "drop_connections": "orders"})["dropped"] >= 1
        with pytest.raises(ConnectionClosed):
            orders.recv(2)
    with sim.mexc_user() as user:
        assert sim.post("/faults", {"venue": "mexc", "drop_connections": "user"})["dropped"] == 1
        with pytest.raises(ConnectionClosed):
            user.recv(2)


def test_lost_ack_means_executed_and_never_answered(sim: Sim) -> None:
    sim.post("/faults", {"venue": "binance", "lose_next_acks": 1})
    with sim.binance("/ws-api/v3") as ws:
        sim.ws_api(ws, "order.place", **buy(sim, "lost-1"))
        with pytest.raises(TimeoutError):
            ws.recv(0.5)
        found = sim.ask(ws, "order.status", symbol="BTCUSDT", origClientOrderId="lost-1")
    assert found["result"]["status"] == "FILLED"
    sim.post("/faults", {"venue": "mexc", "lose_next_acks": 1})
    order = mexc_buy(sim, "lost-2")
    with pytest.raises(TimeoutError):
        _impatient(sim, order)
    assert (
        sim.mexc_rest("GET", "order", symbol="BTCUSDT", origClientOrderId="lost-2")[1]["status"] == "FILLED"
    )


def _impatient(sim: Sim, order: dict[str, str]) -> None:
    original = sim.http

    def hurried(*arguments: Any, **options: Any) -> Any:
        return original(*arguments, **options, timeout=0.5)

    sim.http = hurried
    try:
        sim.mexc_rest("POST", "order", **order)
    finally:
        sim.http = original


def test_delayed_ack_comes_late(sim: Sim) -> None:
    sim.post("/faults", {"venue": "binance", "delay_ack_ms": 400})
    with sim.binance("/ws-api/v3") as ws:
        started = time.monotonic()
        sim.ask(ws, "order.place", **buy(sim, "late-1"))
        assert 0.4 <= time.monotonic() - started < 1.5
        sim.post("/faults", {"venue": "binance", "clear": True})
        started = time.monotonic()
        sim.ask(ws, "order.place", **buy(sim, "late-2"))
        assert time.monotonic() - started < 0.3


def test_rejects_as_often_as_asked_with_the_code_asked(sim: Sim) -> None:
    sim.post("/faults", {"venue": "binance", "reject_next": 2, "reject_code": -1013})
    with sim.binance("/ws-api/v3") as ws:
        answers = [sim.ask(ws, "order.place", **buy(sim, f"reject-{n}")) for n in range(3)]
    assert [a.get("error", {}).get("code") for a in answers] == [-1013, -1013, None]
    assert [requests_of(sim, f"reject-{n}")[0]["outcome"] for n in range(3)] == [
        "rejected",
        "rejected",
        "accepted",
    ]


@pytest.mark.parametrize("executed", [True, False])
def test_unknown_outcome_is_the_same_answer_whether_executed_or_not(sim: Sim, executed: bool) -> None:
    name = f"unknown-{executed}"
    for venue in ("binance", "mexc"):
        sim.post("/faults", {"venue": venue, "http_503_next": 1, "executed": executed})
    with sim.binance("/ws-api/v3") as ws:
        answer = sim.ask(ws, "order.place", **buy(sim, name))
    assert (answer["status"], answer["error"]["code"]) == (504, -1007)
    status, body, _ = sim.mexc_rest("POST", "order", **mexc_buy(sim, name))
    assert (status, body["code"]) == (503, 503)
    rows = requests_of(sim, name)
    assert [row["venue"] for row in rows] == ["binance", "mexc"]
    assert all((row["order"] is not None) is executed for row in rows)


def test_fills_are_doubled_and_reordered_in_the_stream_but_not_in_the_books(sim: Sim) -> None:
    sim.post(
        "/faults",
        {"venue": "binance", "split_next": 1, "split_pieces": 2, "duplicate_fills": 1, "reorder_fills": 1},
    )
    with sim.binance("/ws-api/v3") as ws:
        sim.ask(ws, "userDataStream.subscribe.signature")
        sim.ws_api(ws, "order.place", **buy(sim, "doubled", "0.002"))
        messages = [json.loads(ws.recv(5)) for _ in range(6)]
    events = [m["event"] for m in messages if "event" in m]
    assert events[0]["e"] == "outboundAccountPosition"
    trades = [e["t"] for e in events if e.get("x") == "TRADE"]
    assert len(trades) == 3 and len(set(trades)) == 2
    assert trades == sorted(trades, reverse=True)
    ours = [fill for fill in sim.get("/fills?venue=binance")["fills"] if fill["client_id"] == "doubled"]
    assert sorted(fill["trade_id"] for fill in ours) == sorted(set(trades))


def test_lost_events_leave_the_answer_alone(sim: Sim) -> None:
    sim.post("/faults", {"venue": "mexc", "lose_next_events": 1})
    with sim.mexc_user() as ws:
        assert sim.mexc_rest("POST", "order", **mexc_buy(sim, "silent"))[0] == 200
        with pytest.raises(TimeoutError):
            ws.recv(0.4)


def test_garbage_comes_between_good_quotes(sim: Sim) -> None:
    sim.post("/faults", {"venue": "binance", "feed_garbage": 4})
    bad = 0
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        for _ in range(40):
            text = ws.recv(2)
            try:
                good = float(json.loads(text)["b"]) > 0
            except (ValueError, TypeError, KeyError):
                good = False
            bad += not good
    assert 1 <= bad <= 4


def test_a_venue_that_is_down_refuses_connections_and_returns_with_its_memory(
    sim: Sim, waiting: Callable[..., Any]
) -> None:
    before = sim.get("/ledger")["venues"]["mexc"]
    sim.post("/faults", {"venue": "mexc", "down": 0.7})

    def reachable() -> bool:
        try:
            return bool(sim.mexc_rest("GET", "ping")[0] == 200)
        except OSError:
            return False

    waiting(lambda: not reachable(), 1.0)
    assert sim.binance_rest("GET", "ping")[0] == 200
    waiting(reachable, 5.0)
    assert sim.get("/ledger")["venues"]["mexc"] == before


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/faults", {"venue": "kraken"}, "venue"),
        ("/faults", {"venue": "mexc", "mute_feed": -1}, "mute_feed"),
        ("/faults", {"venue": "mexc", "mute_feed": "1"}, "mute_feed"),
        ("/faults", {"venue": "mexc", "nonsense": 1}, "nonsense"),
        ("/faults", {"venue": "mexc", "drop_connections": "some"}, "drop_connections"),
        ("/faults", {"venue": "mexc", "lose_next_acks": 1, "partial_next": 2}, "partial_next"),
        ("/gap", {"symbol": "DOGEUSDT", "bps": 1, "seconds": 1}, "symbol"),
        (
            "/gap",
            {"symbol": "BTCUSDT", "bps": 30, "seconds": 1, "buy_venue": "mexc", "sell_venue": "mexc"},
            "sell_venue",
        ),
        ("/market", {"quotes_per_s": 0}, "quotes_per_s"),
        ("/market", {"quotes_per_s": 900}, "quotes_per_s"),
        ("/market", b"{", "body"),
        ("/market", [], "(top level)"),
    ],
)
def test_bad_control_input_names_the_field_and_changes_nothing(
    sim: Sim, path: str, body: Any, field: str
) -> None:
    before = (
        sim.get("/faults"),
        sim.get("/market")["parameters"],
    )
    answer = sim.post(path, body, status=400)
    assert answer["field"] == field
    assert answer["allowed"]
    assert (sim.get("/faults"), sim.get("/market")["parameters"]) == before


@pytest.mark.parametrize("path", ["/fills?limit=0", "/fills?after=-1", "/orders?venue=x", "/fills?limit=x"])
def test_bad_queries_are_refused(sim: Sim, path: str) -> None:
    with pytest.raises(AssertionError, match="allowed"):
        sim.get(path)


def test_forced_gap_can_be_seen_on_both_venues_at_once(sim: Sim, waiting: Callable[..., Any]) -> None:
    ask = {
        "symbol": "ETHUSDT",
        "bps": 45,
        "seconds": 2,
        "buy_venue": "mexc",
        "sell_venue": "binance",
        "size_usd": 900,
    }
    sim.post("/gap", ask)

    def gross() -> bool:
        tops = sim.get("/market")["tops"]
        buy, sell = tops["mexc"]["ETHUSDT"], tops["binance"]["ETHUSDT"]
        return abs((float(sell["bid"]) / float(buy["ask"]) - 1) * 1e4 - 45) < 1.0

    assert waiting(gross, 1.0)
