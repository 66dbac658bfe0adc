"""Protects what the engine's sessions are tested against: a logon is really verified, a session speaks for requests
that name no key, and one that was ended speaks for nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import ClientConnection

from tests.simulator.conftest import Sim, answer_of, quiet

KEY = "sim-binance-ed25519-key"
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


@pytest.fixture
def sim(make_sim: Callable[..., Sim]) -> Sim:
    def change(config: dict[str, Any]) -> None:
        quiet(config)
        config["venues"][0]["ed25519"] = {"key": KEY, "public_key": PUBLIC}

    return make_sim(change).start()


@pytest.fixture
def ws(sim: Sim) -> Iterator[ClientConnection]:
    with sim.binance("/ws-api/v3") as connection:
        yield connection


def signed(private: Ed25519PrivateKey = PRIVATE, **params: object) -> dict[str, object]:
    params = {"apiKey": KEY, "timestamp": time.time_ns() // 1_000_000} | params
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return params | {"signature": base64.b64encode(private.sign(payload.encode())).decode()}


def ask(ws: ClientConnection, method: str, **params: object) -> Any:
    ws.send(json.dumps({"id": method, "method": method, "params": params}))
    return answer_of(ws, method)


def order(sim: Sim, client_id: str) -> dict[str, object]:
    price = f"{float(sim.top('binance')['ask']):.2f}"
    return {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "IOC",
        "price": price,
        "quantity": "0.00100",
        "newClientOrderId": client_id,
        "timestamp": time.time_ns() // 1_000_000,
    }


def test_session_speaks_for_orders_that_name_no_key(sim: Sim, ws: ClientConnection) -> None:
    refused = ask(ws, "order.place", **order(sim, "before"))
    assert refused["error"]["code"] == -1102
    assert ask(ws, "session.status")["result"]["apiKey"] is None
    logon = ask(ws, "session.logon", **signed())
    assert logon["status"] == 200
    assert logon["result"]["apiKey"] == KEY
    assert isinstance(logon["result"]["authorizedSince"], int)
    assert ask(ws, "order.place", **order(sim, "within"))["status"] == 200
    assert ask(ws, "account.status", timestamp=time.time_ns() // 1_000_000)["status"] == 200
    no_time = order(sim, "timeless")
    del no_time["timestamp"]
    assert "timestamp" in ask(ws, "order.place", **no_time)["error"]["msg"]
    old = order(sim, "old") | {"timestamp": time.time_ns() // 1_000_000 - 10_000}
    assert ask(ws, "order.place", **old)["error"]["code"] == -1021
    assert ask(ws, "userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert ask(ws, "session.status")["result"]["userDataStream"] is True


def test_logon_is_verified_and_hmac_keys_get_no_session(sim: Sim, ws: ClientConnection) -> None:
    assert ask(ws, "session.logon", **signed(Ed25519PrivateKey.generate()))["error"]["code"] == -1022
    assert ask(ws, "session.logon", **signed() | {"signature": "no base64"})["error"]["code"] == -1022
    assert ask(ws, "session.logon", **signed(apiKey="nobody"))["error"]["code"] == -2015
    late = signed(timestamp=time.time_ns() // 1_000_000 - 60_000)
    assert ask(ws, "session.logon", **late)["error"]["code"] == -1021
    assert ask(ws, "session.status")["result"]["authorizedSince"] is None
    assert sim.ask(ws, "session.logon")["error"]["code"] == -1022
    assert ask(ws, "userDataStream.subscribe")["error"]["code"] == -1102


def test_key_of_either_kind_signs_single_requests(sim: Sim, ws: ClientConnection) -> None:
    assert ask(ws, "account.status", **signed())["status"] == 200
    assert sim.ask(ws, "account.status")["status"] == 200
    query = f"recvWindow=5000&timestamp={time.time_ns() // 1_000_000}"
    signature = base64.b64encode(PRIVATE.sign(query.encode())).decode()
    encoded = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    url = f"http://127.0.0.1:{sim.binance_port}/api/v3/account?{query}&signature={encoded}"
    assert sim.http("GET", url, headers={"X-MBX-APIKEY": KEY})[0] == 200


def test_ended_session_speaks_for_nothing(sim: Sim, ws: ClientConnection) -> None:
    ask(ws, "session.logon", **signed())
    ask(ws, "userDataStream.subscribe")
    ws.send(json.dumps({"id": "bye", "method": "session.logout"}))
    assert json.loads(ws.recv(5))["event"]["e"] == "eventStreamTerminated"
    assert answer_of(ws, "bye")["result"]["apiKey"] is None
    assert ask(ws, "order.place", **order(sim, "logged-out"))["error"]["code"] == -1102
    ask(ws, "session.logon", **signed())
    sim.post("/faults", {"venue": "binance", "expire_sessions": "logged_out"})
    assert ask(ws, "order.place", **order(sim, "expired"))["error"]["code"] == -1102
    ask(ws, "session.logon", **signed())
    sim.post("/faults", {"venue": "binance", "expire_sessions": "revoked"})
    ws.send(json.dumps({"id": "x", "method": "order.place", "params": order(sim, "revoked")}))
    revoked = answer_of(ws, None)
    assert (revoked["status"], revoked["error"]["code"]) == (401, -2015)
    assert ask(ws, "session.status")["result"]["apiKey"] is None
    sim.post("/faults", {"venue": "binance", "refuse_logons": 1, "logon_code": -1021})
    assert ask(ws, "session.logon", **signed())["error"]["code"] == -1021
    assert ask(ws, "session.logon", **signed())["status"] == 200
    assert sim.get("/ledger")["venues"]["binance"]["fill_count"] == 0
