"""Protects the Binance wire format: streams, WebSocket API, user data, REST, limits; over real sockets."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

Sim = Any


def shape(value: Any) -> Any:
    """Keys and types; texts that are numbers stay texts."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def missing(sample: Any, ours: Any, path: str = "") -> list[str]:
    """What a documented sample has and our answer lacks or types differently."""
    if isinstance(sample, dict) and isinstance(ours, dict):
        lacks = [f"{path}.{key}" for key in sample if key not in ours]
        return lacks + [
            m for key in sample if key in ours for m in missing(sample[key], ours[key], f"{path}.{key}")
        ]
    if isinstance(sample, list) and isinstance(ours, list):
        return missing(sample[0], ours[0], f"{path}[0]") if sample and ours else []
    return (
        []
        if isinstance(ours, type(sample))
        else [f"{path}: {type(sample).__name__} is {type(ours).__name__}"]
    )


def sample(name: str) -> Any:
    return json.loads((Path(__file__).parent / "samples.json").read_text())["binance/" + name]


def buy(sim: Sim, client_id: str, qty: str = "0.001", **more: str) -> dict[str, str]:
    price = sim.top("binance")["ask"]
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "price": price}
    return order | {"quantity": qty, "newClientOrderId": client_id} | more


# --- streams


def test_raw_stream_sends_book_tickers_in_order_of_their_update_id(sim: Sim) -> None:
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        messages = [json.loads(ws.recv(2)) for _ in range(10)]
    assert [shape(m) for m in messages] == [shape(sample("ws_bookticker_raw.json"))] * 10
    assert all(m["s"] == "BTCUSDT" for m in messages)
    ids = [m["u"] for m in messages]
    assert ids == sorted(set(ids))
    assert ids[0] < 2**53


def test_combined_stream_wraps_and_keeps_every_symbol_fresh(sim: Sim) -> None:
    last = {"BTCUSDT": 0.0, "ETHUSDT": 0.0}
    longest = 0.0
    with sim.binance("/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker") as ws:
        for _ in range(40):
            message, now = json.loads(ws.recv(2)), time.monotonic()
            symbol = message["data"]["s"]
            assert message["stream"] == f"{symbol.lower()}@bookTicker"
            if last[symbol]:
                longest = max(longest, now - last[symbol])
            last[symbol] = now
    assert longest < 0.25  # the engine's age limit


def test_live_subscribe_list_and_unsubscribe(sim: Sim) -> None:
    def control(ws: Any, **message: Any) -> Any:
        ws.send(json.dumps(message))
        while True:
            answer = json.loads(ws.recv(2))
            if "result" in answer or "error" in answer or "code" in answer:
                return answer

    with sim.binance("/ws") as ws:
        assert control(ws, **sample("ws_subscribe_req.json")) == sample("ws_subscribe_ack.json")
        assert json.loads(ws.recv(2))["s"] in ("BTCUSDT", "ETHUSDT")
        listed = control(ws, method="LIST_SUBSCRIPTIONS", id=3)
        assert listed == {"result": ["btcusdt@bookTicker", "ethusdt@bookTicker"], "id": 3}
        assert control(ws, method="UNSUBSCRIBE", params=listed["result"], id="x") == {
            "result": None,
            "id": "x",
        }
        with pytest.raises(TimeoutError):
            while True:
                ws.recv(0.4)


def test_bad_control_messages_get_the_documented_errors(sim: Sim) -> None:
    with sim.binance("/ws") as ws:
        ws.send("{nonsense")
        assert json.loads(ws.recv(2)) == sample("ws_error_invalid_json.json")
        ws.send(json.dumps({"method": "SET_PROPERTY", "params": ["colour", True], "id": 5}))
        assert json.loads(ws.recv(2)) == sample("ws_error_unknown_property.json")
        ws.send(json.dumps({"params": []}))
        assert json.loads(ws.recv(2)) == sample("ws_error_wrapped.json")


def test_a_sixth_message_within_a_second_ends_the_stream(sim: Sim) -> None:
    with sim.binance("/ws") as ws, pytest.raises(ConnectionClosed):
        for number in range(12):  # two windows of five at most
            ws.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        while True:
            ws.recv(2)


def test_server_pings_and_drops_who_does_not_answer(make_sim: Callable[..., Sim]) -> None:
    def quick(config: dict[str, Any]) -> None:
        config["venues"][0]["timers"] = {"ping_every_s": 0.3, "pong_within_s": 0.7}

    sim = make_sim(quick).start()
    with sim.binance("/ws/btcusdt@bookTicker") as ws:  # this library answers pings
        started = time.monotonic()
        while time.monotonic() - started < 1.5:
            ws.recv(2)
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        original = ws.protocol.recv_frame

        def deaf(frame: Any) -> None:  # and now it does not
            if frame.opcode != 9:
                original(frame)

        ws.protocol.recv_frame = deaf
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                ws.recv(3)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


# --- WebSocket API


def test_order_is_answered_in_full_and_reported_on_the_same_connection(sim: Sim) -> None:
    with sim.binance("/ws-api/v3") as ws:
        assert sim.ask(ws, "userDataStream.subscribe.signature")["result"] == {"subscriptionId": 0}
        sim.ws_api(ws, "order.place", **buy(sim, "full-1", newOrderRespType="FULL"))
        messages = [json.loads(ws.recv(5)) for _ in range(4)]
    answer = next(m for m in messages if "status" in m)
    events = [m["event"] for m in messages if "event" in m]
    assert missing(sample("wsapi_order_place_full.json"), answer) == []
    result = answer["result"]
    assert (result["status"], result["executedQty"], result["clientOrderId"]) == (
        "FILLED",
        "0.00100000",
        "full-1",
    )
    assert result["fills"][0]["commission"] == "0.00000100"
    assert [e["e"] for e in events] == ["executionReport", "executionReport", "outboundAccountPosition"]
    assert [e["x"] for e in events[:2]] == ["NEW", "TRADE"]
    assert events[1]["t"] == result["fills"][0]["tradeId"]
    for name, event in (
        ("uds_executionreport_trade_partial.json", events[1]),
        ("uds_outbound_account_position.json", events[2]),
    ):
        assert missing(sample(name)["event"], event) == []


@pytest.mark.parametrize(("kind", "fields"), [("ACK", 5), ("RESULT", 16), ("FULL", 17)])
def test_response_type_is_honoured(sim: Sim, kind: str, fields: int) -> None:
    with sim.binance("/ws-api/v3") as ws:
        answer = sim.ask(ws, "order.place", **buy(sim, f"resp-{kind}", newOrderRespType=kind))
    assert len(answer["result"]) == fields


def test_ioc_out_of_reach_is_status_200_and_expired(sim: Sim) -> None:
    with sim.binance("/ws-api/v3") as ws:
        sim.ask(ws, "userDataStream.subscribe.signature")
        sim.ws_api(ws, "order.place", **buy(sim, "miss-1", price="60000.00"))
        messages = [json.loads(ws.recv(5)) for _ in range(4)]
    answer = next(m for m in messages if "status" in m)
    assert answer["status"] == 200
    assert missing(sample("wsapi_order_place_ioc_nofill.json"), answer) == []
    assert (answer["result"]["status"], answer["result"]["fills"]) == ("EXPIRED", [])
    assert answer["result"]["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    expired = [m["event"] for m in messages if "event" in m][1]
    assert missing(sample("uds_executionreport_ioc_expired.json")["event"], expired) == []


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"quantity": "0.000001"}, "wsapi_err_1013_lot_size.json"),
        ({"quantity": "0.00001"}, "wsapi_err_1013_notional.json"),
        ({"quantity": "0.0100000001"}, "wsapi_err_1111_precision.json"),
        ({"quantity": "9.5"}, "wsapi_err_2010_insufficient.json"),
    ],
)
def test_refusals_have_the_documented_code_and_text(sim: Sim, change: dict[str, str], file: str) -> None:
    with sim.binance("/ws-api/v3") as ws:
        answer = sim.ask(ws, "order.place", **buy(sim, "refused", **change))
    expected = sample(file)
    assert (answer["status"], answer["error"]) == (expected["status"], expected["error"])


def test_signature_key_and_clock_are_checked(sim: Sim) -> None:
    now = time.time_ns() // 1_000_000
    key, secret = sim.venue("binance")["key"], sim.venue("binance")["secret"]

    def ask(ws: Any, **change: Any) -> Any:
        params: dict[str, Any] = {"apiKey": key, "recvWindow": 1000, "timestamp": now} | change
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if "break" in change:
            params["signature"] = "0" * 64
        ws.send(json.dumps({"id": "a", "method": "account.status", "params": params}))
        return json.loads(ws.recv(5))["error"]

    with sim.binance("/ws-api/v3") as ws:
        assert ask(ws, **{"break": 1}) == sample("wsapi_err_1022_signature.json")["error"]
        assert ask(ws, timestamp=now - 5000) == sample("wsapi_err_1021_recvwindow.json")["error"]
        assert ask(ws, timestamp=now + 60000) == sample("wsapi_err_1021_ahead.json")["error"]
        assert ask(ws, apiKey="wrong") == sample("wsapi_err_401_session_revoked.json")["error"]


def test_queries_have_the_documented_shape(sim: Sim) -> None:
    with sim.binance("/ws-api/v3") as ws:
        sim.ask(ws, "order.place", **buy(sim, "query-1"))
        state = sim.ask(ws, "order.status", symbol="BTCUSDT", origClientOrderId="query-1")
        assert state["result"]["status"] == "FILLED"
        trades = sim.ask(ws, "myTrades", symbol="BTCUSDT", orderId=state["result"]["orderId"])
        account = sim.ask(ws, "account.status")
        ticker = sim.ask(ws, "ticker.book", symbol="BTCUSDT")
        commission = sim.ask(ws, "account.commission", symbol="BTCUSDT")
        unknown = sim.ask(ws, "order.status", symbol="BTCUSDT", origClientOrderId="never-sent")
    assert unknown["error"] == sample("wsapi_err_2013_no_such_order.json")["error"]
    assert missing(sample("wsapi_mytrades_resp.json"), trades) == []
    assert missing(sample("wsapi_account_status_resp.json"), account) == []
    assert missing(sample("wsapi_ticker_book_resp.json"), ticker) == []
    assert missing(sample("wsapi_account_commission_resp.json"), commission) == []
    lacks = missing(sample("wsapi_order_status_resp.json"), state)
    of_other_types = "trailingDelta trailingTime strategyId strategyType preventedMatchId preventedQuantity"
    assert {path.rpartition(".")[2] for path in lacks} <= set(of_other_types.split())


def test_resting_order_is_listed_cancelled_and_reported_under_its_own_id(sim: Sim) -> None:
    with sim.binance("/ws-api/v3") as ws:
        sim.ask(ws, "userDataStream.subscribe.signature")
        placed = sim.ask(ws, "order.place", **buy(sim, "rest-1", price="60000.00", timeInForce="GTC"))
        assert placed["result"]["status"] == "NEW"
        again = sim.ask(ws, "order.place", **buy(sim, "rest-1", price="60000.00", timeInForce="GTC"))
        assert again["error"] == sample("wsapi_err_2010_duplicate.json")["error"]
        listed = sim.ask(ws, "openOrders.status", symbol="BTCUSDT")["result"]
        assert [o["clientOrderId"] for o in listed] == ["rest-1"]
        sim.ws_api(
            ws, "order.cancel", symbol="BTCUSDT", origClientOrderId="rest-1", newClientOrderId="stop-1"
        )
        seen: list[Any] = []
        while not any("status" in m for m in seen) or not any(
            m.get("event", {}).get("x") == "CANCELED" for m in seen
        ):
            seen.append(json.loads(ws.recv(5)))
        twice = sim.ask(ws, "order.cancel", symbol="BTCUSDT", origClientOrderId="rest-1")
    cancelled = next(m for m in seen if "status" in m)["result"]
    assert (cancelled["origClientOrderId"], cancelled["clientOrderId"]) == ("rest-1", "stop-1")
    event = next(m["event"] for m in seen if m.get("event", {}).get("x") == "CANCELED")
    assert (event["C"], event["c"]) == ("rest-1", "stop-1")
    assert twice["error"] == sample("wsapi_err_2011_unknown.json")["error"]


def test_malformed_requests_do_not_end_the_connection(sim: Sim) -> None:
    with sim.binance("/ws-api/v3") as ws:
        for text in ("{", "[]", '{"id":1}', '{"id":1,"method":5}'):
            ws.send(text)
            assert json.loads(ws.recv(5)) == sample("wsapi_edge_ratelimits_null_id.json")
        assert sim.ask(ws, "no.such.method")["status"] == 400
        assert sim.ask(ws, "time", signed=False)["result"]["serverTime"] > 1.7e12


# --- limits


def test_misses_use_up_the_order_count_and_fills_give_it_back(make_sim: Callable[..., Sim]) -> None:
    def tight(config: dict[str, Any]) -> None:
        config["market"] |= {"gap_every_s": 1e6, "volatility_bps_per_sqrt_s": 0.01, "basis_bps": 0.01}
        config["venues"][0]["limits"] = {"orders_per_10s": 5}

    sim = make_sim(tight).start()
    while time.time() % 10 > 6:  # the windows are on the clock: stay within one
        time.sleep(0.05)
    with sim.binance("/ws-api/v3") as ws:
        for number in range(8):
            assert sim.ask(ws, "order.place", **buy(sim, f"fill-{number}"))["result"]["status"] == "FILLED"
        answers = [sim.ask(ws, "order.place", **buy(sim, f"miss-{n}", price="60000.00")) for n in range(6)]
    assert [a["status"] for a in answers] == [200] * 5 + [429]
    expected = sample("wsapi_err_1015_order_rate.json")["error"]
    assert answers[5]["error"]["code"] == expected["code"]
    assert answers[5]["error"]["msg"] == expected["msg"].replace("50", "5")
    assert answers[5]["error"]["data"]["retryAfter"] > time.time() * 1000 - 10000


def test_weight_ends_in_429_and_persistence_in_418(make_sim: Callable[..., Sim]) -> None:
    def tight(config: dict[str, Any]) -> None:
        config["venues"][0]["limits"] = {"weight_per_minute": 45, "ban_after": 2, "ban_s": 60}

    sim = make_sim(tight).start()
    while time.time() % 60 > 55:
        time.sleep(0.1)
    answers = [sim.binance_rest("GET", "account") for _ in range(6)]
    assert [status for status, _, _ in answers] == [200, 200, 429, 429, 418, 418]
    assert answers[1][2]["X-MBX-USED-WEIGHT-1M"] == "40"
    assert 1 <= int(answers[2][2]["Retry-After"]) <= 60
    assert answers[2][1]["code"] == answers[4][1]["code"] == -1003
    assert "banned until" in answers[4][1]["msg"]


# --- REST


def test_rest_order_round_trip(sim: Sim) -> None:
    status, placed, headers = sim.binance_rest("POST", "order", **buy(sim, "rest-api-1"))
    assert (status, placed["status"]) == (200, "FILLED")
    assert {"X-MBX-ORDER-COUNT-10S", "X-MBX-USED-WEIGHT-1M"} <= set(headers)
    status, state, _ = sim.binance_rest("GET", "order", symbol="BTCUSDT", origClientOrderId="rest-api-1")
    assert (status, state["orderId"]) == (200, placed["orderId"])
    status, trades, _ = sim.binance_rest(
        "GET", "myTrades", symbol="BTCUSDT", fromId=str(placed["fills"][0]["tradeId"])
    )
    assert [t["orderId"] for t in trades] == [placed["orderId"]]


def test_rest_public_endpoints_have_the_documented_shape(sim: Sim) -> None:
    def get(path: str, **params: str) -> Any:
        status, body, _ = sim.rest("binance", "X-MBX-APIKEY", "GET", path, params, signed=False)
        assert status == 200
        return body

    info = get("exchangeInfo", symbol="BTCUSDT")
    documented = sample("rest_exchangeinfo.json")
    assert missing(documented, info) == []
    assert {f["filterType"] for f in info["symbols"][0]["filters"]} == {
        "PRICE_FILTER",
        "LOT_SIZE",
        "NOTIONAL",
    }
    assert missing(sample("rest_depth.json"), get("depth", symbol="BTCUSDT")) == []
    assert missing(sample("rest_klines.json"), get("klines", symbol="BTCUSDT", interval="1m")) == []
    assert abs(get("time")["serverTime"] - time.time() * 1000) < 2000
    assert get("ping") == {}
    assert {row["symbol"] for row in get("ticker/bookTicker")} == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    status, body, _ = sim.rest(
        "binance", "X-MBX-APIKEY", "GET", "klines", {"symbol": "BTCUSDT", "interval": "3m"}
    )
    assert (status, body["code"]) == (400, -1120)
