"""Protects the MEXC wire format: text control, protobuf read by an independent reader, listen keys, REST."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.parse
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from simulator.protobuf import Encoder

Sim = Any
BODIES = {304: "orders", 306: "deals", 307: "account", 315: "bookTicker"}


def varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def fields(data: bytes) -> dict[int, Any]:
    """A protobuf message as field number -> number or bytes: written from the wire format alone."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            found[key >> 3], at = varint(data, at)
        else:
            assert key & 7 == 2
            size, at = varint(data, at)
            found[key >> 3], at = data[at : at + size], at + size
    assert at == len(data)
    return found


def push(data: bytes) -> tuple[str, dict[int, Any], dict[int, Any]]:
    """Which body, the wrapper's fields, the body's fields (texts decoded)."""
    wrapper = fields(data)
    (number,) = set(wrapper) & set(BODIES)
    body = {k: v.decode() if isinstance(v, bytes) else v for k, v in fields(wrapper[number]).items()}
    return BODIES[number], wrapper, body


def topic(symbol: str, speed: str = "10ms") -> str:
    return f"spot@public.aggre.bookTicker.v3.api.pb@{speed}@{symbol}"


def control(ws: Any, method: str, params: list[str] | None = None) -> Any:
    ws.send(json.dumps({"method": method} | ({"params": params, "id": 1} if params is not None else {})))
    while True:
        message = ws.recv(2)
        if isinstance(message, str):
            return json.loads(message)


def sample(name: str) -> Any:
    return json.loads((Path(__file__).parent / "samples.json").read_text())["mexc/" + name]


def buy(sim: Sim, client_id: str, qty: str = "0.001", **more: str) -> dict[str, str]:
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "IMMEDIATE_OR_CANCEL",
        "price": sim.top("mexc")["ask"],
    }
    return order | {"quantity": qty, "newClientOrderId": client_id} | more


# --- WebSocket


def test_acks_name_what_was_taken_and_what_was_blocked(sim: Sim) -> None:
    btc, eth, doge = topic("BTCUSDT"), topic("ETHUSDT"), topic("DOGEUSDT")
    with sim.mexc() as ws:
        assert control(ws, "SUBSCRIPTION", [btc, eth]) == sample("text_ack_many.json")
        assert control(ws, "PING") == sample("text_pong.json")
        assert control(ws, "SUBSCRIPTION", [btc, doge]) == sample("text_ack_partial.json")
        retired = "spot@public.deals.v3.api@BTCUSDT"
        assert control(ws, "SUBSCRIPTION", [retired]) == sample("text_ack_blocked_all.json")
        assert control(ws, "SUBSCRIPTION", ["spot@private.orders.v3.api.pb"])["msg"].startswith(
            "Not Subscribed"
        )
        assert control(ws, "UNSUBSCRIPTION", [btc])["msg"] == btc
        ws.send("not json at all")
        while isinstance(message := ws.recv(2), bytes):
            assert push(message)[1][3] == b"ETHUSDT"
        assert json.loads(message)["code"] == 1


def test_book_tickers_decode_with_an_independent_reader(sim: Sim) -> None:
    with sim.mexc() as ws:
        control(ws, "SUBSCRIPTION", [topic("BTCUSDT")])
        seen = [push(ws.recv(2)) for _ in range(10)]
    versions = []
    for body, wrapper, quote in seen:
        assert body == "bookTicker"
        assert (wrapper[1].decode(), wrapper[3]) == (topic("BTCUSDT"), b"BTCUSDT")
        assert abs(wrapper[6] - time.time() * 1000) < 10_000
        assert 0 < Decimal(quote[1]) < Decimal(quote[3])
        assert Decimal(quote[2]) > 0 and Decimal(quote[4]) > 0
        versions.append(int(quote[5]))
    assert versions == sorted(set(versions))


def test_our_encoder_writes_the_bytes_seen_from_the_venue() -> None:
    quote = {
        "bidPrice": "80535.88",
        "bidQuantity": "0.380497",
        "askPrice": "80535.89",
        "askQuantity": "0.333363",
    }
    data = Encoder().push(
        topic("BTCUSDT"),
        "BTCUSDT",
        1789897581013,
        "publicAggreBookTicker",
        quote | {"version": "81721676217"},
    )
    assert data == bytes.fromhex(sample("aggre_bookticker_version_live_values.hex"))


def test_hundred_millisecond_topic_is_slower_than_ten(make_sim: Callable[..., Sim]) -> None:
    def bursting(config: dict[str, Any]) -> None:
        config["market"] |= {"burst_every_s": 0.1, "burst_length_s": 3600.0, "gap_every_s": 1e6}

    sim = make_sim(bursting).start()
    counts = {"10ms": 0, "100ms": 0}
    with sim.mexc() as ws:
        control(ws, "SUBSCRIPTION", [topic("BTCUSDT", speed) for speed in counts])
        ends = time.monotonic() + 2.0
        while time.monotonic() < ends:
            counts[push(ws.recv(2))[1][1].decode().split("@")[2]] += 1
    assert 12 <= counts["100ms"] <= 21
    assert counts["10ms"] > 3 * counts["100ms"]


def test_thirty_subscriptions_are_the_most(make_sim: Callable[..., Sim]) -> None:
    def many(config: dict[str, Any]) -> None:
        row = config["symbols"][0]
        config["symbols"] = [row | {"symbol": f"A{n}USDT", "base": f"A{n}"} for n in range(31)]
        config["market"]["quotes_per_s"] = 0.5

    sim = make_sim(many).start()
    with sim.mexc() as ws:
        ack = control(ws, "SUBSCRIPTION", [topic(f"A{n}USDT") for n in range(31)])
    assert ack["msg"].endswith(f"Not Subscribed successfully! [{topic('A30USDT')}].  Reason： Blocked! ")


def test_connection_without_subscription_or_without_traffic_is_closed(make_sim: Callable[..., Sim]) -> None:
    def quick(config: dict[str, Any]) -> None:
        config["venues"][1]["timers"] = {"no_subscription_s": 0.3, "idle_s": 0.8}
        config["market"]["quotes_per_s"] = 0.1
        config["market"]["burst_every_s"] = config["market"]["gap_every_s"] = 1e6

    sim = make_sim(quick).start()
    started = time.monotonic()
    with sim.mexc() as ws, pytest.raises(ConnectionClosed):
        ws.recv(5)
    assert 0.2 < time.monotonic() - started < 1.5
    with sim.mexc_user() as ws:
        for _ in range(4):  # pings keep a quiet connection open
            time.sleep(0.4)
            assert control(ws, "PING")["msg"] == "PONG"
        with pytest.raises(ConnectionClosed):
            ws.recv(5)


# --- private stream and orders


def test_invalid_listen_key_is_answered_in_plain_text(sim: Sim) -> None:
    with sim.mexc("/ws?listenKey=nonsense") as ws:
        assert ws.recv(2) == sample("text_invalid_listenkey.txt")
        with pytest.raises(ConnectionClosed):
            ws.recv(2)


def test_listen_keys_are_made_kept_listed_and_closed(sim: Sim) -> None:
    key = sim.mexc_rest("POST", "userDataStream")[1]["listenKey"]
    assert len(key) == len(sample("rest_listenkey.json")["listenKey"])
    assert sim.mexc_rest("PUT", "userDataStream", listenKey=key)[:2] == (200, {"listenKey": key})
    assert key in sim.mexc_rest("GET", "userDataStream")[1]["listenKey"]
    with sim.mexc(f"/ws?listenKey={key}") as ws:
        assert sim.mexc_rest("DELETE", "userDataStream", listenKey=key)[0] == 200
        with pytest.raises(ConnectionClosed):
            ws.recv(2)
    assert sim.mexc_rest("PUT", "userDataStream", listenKey=key)[0] == 400


def test_order_ack_says_nothing_of_the_outcome_and_the_stream_all(sim: Sim) -> None:
    with sim.mexc_user() as ws:
        status, ack, _ = sim.mexc_rest("POST", "order", **buy(sim, "mx-1"))
        pushes = [push(ws.recv(5)) for _ in range(4)]
    assert status == 200
    assert set(ack) == set(sample("rest_order_resp_2025_stp.json"))
    (order,) = [body for kind, _, body in pushes if kind == "orders"]
    (deal,) = [body for kind, _, body in pushes if kind == "deals"]
    accounts = {body[1]: body for kind, _, body in pushes if kind == "account"}
    assert (order[1], order[2], order[15], order[13]) == (ack["orderId"], "mx-1", 2, "0.001")
    assert (deal[9], deal[8], deal[2], deal[11]) == (ack["orderId"], "mx-1", "0.001", "BTC")
    assert Decimal(deal[10]) == Decimal("0.001") * Decimal("0.0005")
    ledger = sim.get("/ledger")["venues"]["mexc"]["balances"]
    assert accounts["USDT"][3] == ledger["USDT"]["free"]
    assert accounts["BTC"][3] == ledger["BTC"]["free"]


def test_ioc_partial_is_partially_canceled_everywhere(sim: Sim) -> None:
    sim.post("/faults", {"venue": "mexc", "partial_next": 0.5})
    with sim.mexc_user() as ws:
        sim.mexc_rest("POST", "order", **buy(sim, "mx-half", "0.002"))
        kind, _, order = push(ws.recv(5))
    assert (kind, order[15], order[13], order[11]) == ("orders", 5, "0.001", "0.001")
    status, state, _ = sim.mexc_rest("GET", "order", symbol="BTCUSDT", origClientOrderId="mx-half")
    assert (status, state["status"], state["executedQty"]) == (200, "PARTIALLY_CANCELED", "0.001")
    assert set(state) == set(sample("rest_query_order_ioc_partial.json"))


def test_limit_with_time_in_force_ioc_rests_as_the_real_venue_does(sim: Sim) -> None:
    order = buy(sim, "mx-rest", price="60000", type="LIMIT", timeInForce="IOC")
    sim.mexc_rest("POST", "order", **order)
    assert [o["clientOrderId"] for o in sim.mexc_rest("GET", "openOrders", symbol="BTCUSDT")[1]] == [
        "mx-rest"
    ]
    status, cancelled, _ = sim.mexc_rest("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mx-rest")
    assert (status, cancelled["status"]) == (200, "CANCELED")
    assert sim.mexc_rest("GET", "openOrders", symbol="BTCUSDT")[1] == []


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"symbol": "DOGEUSDT"}, "rest_err_10007.json"),
        ({"quantity": "9.5"}, "rest_err_30004.json"),
        ({"type": "MARKET"}, "rest_err_30019.json"),
    ],
)
def test_refusals_have_the_documented_body(sim: Sim, change: dict[str, str], file: str) -> None:
    status, body, _ = sim.mexc_rest("POST", "order", **(buy(sim, "mx-bad") | change))
    assert (status, body) == (400, sample(file))


def test_minimum_value_names_the_minimum(sim: Sim) -> None:
    status, body, _ = sim.mexc_rest("POST", "order", **buy(sim, "mx-small", "0.00001"))
    assert (status, body["code"], body["msg"][-5:]) == (400, 30002, "5USDT")


def test_unknown_orders_and_bad_signatures_have_the_documented_body(sim: Sim) -> None:
    query = {"symbol": "BTCUSDT", "origClientOrderId": "never-sent"}
    assert sim.mexc_rest("GET", "order", **query)[:2] == (400, sample("rest_err_m2013.json"))
    assert sim.mexc_rest("DELETE", "order", **query)[:2] == (400, sample("rest_err_m2011.json"))
    now = time.time_ns() // 1_000_000
    headers = {"X-MEXC-APIKEY": sim.venue("mexc")["key"]}

    def account(text: str, signature: str) -> Any:
        url = f"http://127.0.0.1:{sim.mexc_port}/api/v3/account?{text}&signature={urllib.parse.quote(signature)}"
        return sim.http("GET", url, headers=headers)[:2]

    def sign(text: str) -> str:
        return hmac.new(sim.venue("mexc")["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()

    good = f"timestamp={now}&recvWindow=5000"
    late = f"timestamp={now - 9000}&recvWindow=5000"
    assert account(good, sign(good))[0] == 200
    assert account(good, sign(good).upper()) == (400, sample("rest_err_700002.json"))
    assert account(late, sign(late)) == (400, sample("rest_err_700003.json"))


def test_queries_have_the_documented_shape(sim: Sim) -> None:
    sim.mexc_rest("POST", "order", **buy(sim, "mx-shape"))
    trades = sim.mexc_rest("GET", "myTrades", symbol="BTCUSDT")[1]
    assert set(trades[0]) == set(sample("rest_mytrades.json")[0])
    assert trades[0]["clientOrderId"] == "mx-shape"  # newest first
    assert set(sim.mexc_rest("GET", "account")[1]) == set(sample("rest_account.json"))
    info = sim.mexc_rest("GET", "exchangeInfo")[1]
    assert set(info["symbols"][0]) == set(sample("rest_exchangeinfo.json")["symbols"][0])
    (candle,) = sim.mexc_rest("GET", "klines", symbol="BTCUSDT", interval="1m", limit="1")[1]
    assert [type(v) for v in candle] == [type(v) for v in sample("rest_klines.json")[0]]
    assert set(sim.mexc_rest("GET", "ticker/bookTicker", symbol="BTCUSDT")[1]) == set(
        sample("rest_bookticker.json")
    )


def test_requests_beyond_the_limit_get_429_per_endpoint(make_sim: Callable[..., Sim]) -> None:
    def tight(config: dict[str, Any]) -> None:
        config["venues"][1]["limits"] = {"requests_per_10s": 3}

    sim = make_sim(tight).start()
    while time.time() % 10 > 8:
        time.sleep(0.05)
    answers = [sim.mexc_rest("GET", "time") for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 429]
    assert answers[3][1] == sample("rest_err_429.json")
    assert 1 <= int(answers[3][2]["Retry-After"]) <= 10
    assert sim.mexc_rest("GET", "ping")[0] == 200
