"""Protects what venues do to connections on demand: age, announcements, refusals, limits, keys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

Sim = Any
TOPIC = "spot@public.aggre.bookTicker.v3.api.pb@10ms@"


@pytest.fixture(autouse=True)
def cleared(sim: Sim) -> Iterator[None]:
    yield
    for venue in ("binance", "mexc"):
        sim.post("/faults", {"venue": venue, "clear": True})


def drain_until_closed(ws: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with pytest.raises(ConnectionClosed):
        while time.monotonic() < deadline:
            ws.recv(seconds)


def test_connections_end_when_they_are_as_old_as_the_fault_says(sim: Sim) -> None:
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        ws.recv(2)
        sim.post("/faults", {"venue": "binance", "close_after_s": 0.3})
        drain_until_closed(ws, 3.0)


def test_announced_shutdown_is_said_on_each_kind_of_connection_before_it_comes(sim: Sim) -> None:
    with (
        sim.binance("/stream?streams=btcusdt@bookTicker") as combined,
        sim.binance("/ws/btcusdt@bookTicker") as raw,
        sim.binance("/ws-api/v3") as orders,
    ):
        sim.post("/faults", {"venue": "binance", "announce_shutdown": 0.3})

        def announced(ws: Any, event: Callable[[Any], Any]) -> bool:
            return any(event(json.loads(ws.recv(2))) == "serverShutdown" for _ in range(200))

        assert announced(combined, lambda m: m["data"].get("e") if m["stream"] == "!serverShutdown" else None)
        assert announced(raw, lambda m: m.get("e"))
        assert announced(orders, lambda m: m["event"]["e"])
        drain_until_closed(raw, 3.0)


def test_refused_symbols_are_named_and_the_others_subscribed(sim: Sim) -> None:
    sim.post("/faults", {"venue": "mexc", "refuse_subscriptions": "ETHUSDT"})
    with sim.mexc() as ws:
        ws.send(json.dumps({"method": "SUBSCRIPTION", "params": [TOPIC + "BTCUSDT", TOPIC + "ETHUSDT"], "id": 1}))
        answer = json.loads(ws.recv(2))
    assert answer["code"] == 0
    assert f"Subscribed successful! [{TOPIC}BTCUSDT]" in answer["msg"]
    assert f"Not Subscribed successfully! [{TOPIC}ETHUSDT]" in answer["msg"]


def test_limited_requests_and_upgrades_say_how_long_to_wait(sim: Sim) -> None:
    sim.post("/faults", {"venue": "binance", "limited_next": 2, "limited_status": 418, "retry_after_s": 7})
    status, _, headers = sim.binance_rest("GET", "time")
    assert (status, headers["Retry-After"]) == (418, "7")
    with pytest.raises(InvalidStatus) as refused:
        sim.binance("/ws/btcusdt@bookTicker")
    assert refused.value.response.status_code == 418
    assert sim.binance_rest("GET", "time")[0] == 200


def test_listen_key_is_refused_as_often_as_asked(sim: Sim) -> None:
    key = sim.mexc_rest("POST", "userDataStream")[1]["listenKey"]
    sim.post("/faults", {"venue": "mexc", "listen_key_refused": 1, "listen_key_new_refused": 1})
    assert sim.mexc_rest("PUT", "userDataStream", listenKey=key)[0] == 400
    assert sim.mexc_rest("PUT", "userDataStream", listenKey=key)[0] == 200
    assert sim.mexc_rest("POST", "userDataStream")[0] == 400
    assert sim.mexc_rest("POST", "userDataStream")[0] == 200
