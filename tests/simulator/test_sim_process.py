"""Protects the process: memory after kill -9, quick stops, busy ports, bad settings, low load."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from simulator.errors import SettingsError
from simulator.settings import load_settings, parse_settings

ROOT = Path(__file__).resolve().parents[2]
Sim = Any


def buy(sim: Sim, client_id: str) -> dict[str, str]:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.0001"}
    return order | {"price": sim.top("binance")["ask"], "newClientOrderId": client_id}


def oracle(sim: Sim) -> tuple[Any, Any, Any]:
    return sim.get("/ledger"), sim.get("/fills"), sim.get("/orders")


def test_everything_answered_is_remembered_after_kill_nine(make_sim: Callable[..., Sim]) -> None:
    sim = make_sim().start()
    for number in range(5):
        sim.binance_rest("POST", "order", **buy(sim, f"k{number}"))
    mexc = buy(sim, "m1") | {"type": "LIMIT", "price": "60000", "quantity": "0.001"}
    sim.mexc_rest("POST", "order", **mexc)
    sim.mexc_rest("POST", "order", **(mexc | {"symbol": "NOPE"}))
    before = oracle(sim)
    sim.kill()
    sim.start()
    assert oracle(sim) == before
    assert sim.binance_rest("GET", "order", symbol="BTCUSDT", origClientOrderId="k3")[1]["status"] == "FILLED"
    assert [o["clientOrderId"] for o in sim.mexc_rest("GET", "openOrders", symbol="BTCUSDT")[1]] == ["m1"]
    placed = sim.binance_rest("POST", "order", **buy(sim, "k5"))[1]
    old_trades = {fill["trade_id"] for fill in before[1]["fills"]}
    assert placed["orderId"] == 6 and placed["fills"][0]["tradeId"] not in old_trades


def test_kill_nine_amid_orders_loses_none_that_was_answered(make_sim: Callable[..., Sim]) -> None:
    sim = make_sim().start()
    answered: list[str] = []
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "IOC", "price": "60000.00"}
    with pytest.raises(ConnectionClosed), sim.binance("/ws-api/v3") as ws:
        for number in range(300):
            sim.ws_api(ws, "order.place", **order, quantity="0.0001", newClientOrderId=f"s{number}")
            if number == 40:
                os.kill(sim.process.pid, signal.SIGKILL)
            answer = json.loads(ws.recv(5))
            assert answer["status"] == 200
            answered.append(answer["result"]["clientOrderId"])
    sim.kill()
    assert len(answered) >= 39
    sim.start()
    known = {row["client_id"]: row for row in sim.get("/orders?limit=1000")["orders"]}
    assert all(known[client_id]["order"] is not None for client_id in answered)
    ledger, fills = sim.get("/ledger")["venues"]["binance"], sim.get("/fills?venue=binance")["fills"]
    btc = Decimal(ledger["opening"]["BTC"])
    for fill in fills:
        btc += Decimal(fill["qty"]) * (1 if fill["side"] == "BUY" else -1)
        btc -= Decimal(fill["fee"]) if fill["fee_asset"] == "BTC" else 0
    assert btc == Decimal(ledger["balances"]["BTC"]["total"])


def test_fresh_forgets(make_sim: Callable[..., Sim]) -> None:
    sim = make_sim().start()
    sim.binance_rest("POST", "order", **buy(sim, "f1"))
    sim.kill(signal.SIGTERM)
    sim.start("--fresh")
    assert sim.get("/fills")["fills"] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_within_a_second_with_clients_connected(make_sim: Callable[..., Sim], number: int) -> None:
    sim = make_sim().start()
    with sim.binance("/ws/btcusdt@bookTicker"), sim.mexc_user():
        assert sim.kill(number) < 1.0
    assert sim.process.returncode == 0


def run(sim: Sim, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ, ARBDECK_HOME=str(sim.home), ARBDECK_CONFIG=str(sim.home), PYTHONPATH=str(ROOT))
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


def test_a_busy_port_is_named_with_its_owner_in_one_sentence(make_sim: Callable[..., Sim]) -> None:
    sim = make_sim()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", sim.mexc_port))
        holder.listen()
        ended = run(sim)
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert f"Port {sim.mexc_port} is in use by" in line
    assert f"(pid {os.getpid()})" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--replay", "/nowhere.parquet"), "no such file"),
        (("--config", "/nowhere.json"), "configuration file: '/nowhere.json' is not accepted"),
    ],
)
def test_bad_arguments_end_with_one_sentence(
    make_sim: Callable[..., Sim], arguments: tuple[str, ...], message: str
) -> None:
    ended = run(make_sim(), *arguments)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_committed_parameters_are_accepted() -> None:
    settings = load_settings(ROOT / "config" / "simulator.json")
    assert [venue.kind for venue in settings.venues] == ["binance", "mexc"]
    assert settings.market.quotes_per_s == 10.0


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("seed",), -1, "seed"),
        (("seed",), "1", "seed"),
        (("extra",), 1, "extra"),
        (("venues", 0, "port"), 70000, "venues[0].port"),
        (("venues", 1, "port"), 9101, "venues[1].port"),
        (("venues", 0, "kind"), "kraken", "venues[0].kind"),
        (("venues", 0, "taker_fee_bps"), 10, "venues[0].taker_fee_bps"),
        (("venues", 0, "balances", "BTC"), "-1", "venues[0].balances.BTC"),
        (("symbols", 0, "tick"), "0.03", "symbols[0].tick"),
        (("symbols", 0, "lot"), "0.0000001", "symbols[0].lot"),
        (("symbols", 1, "symbol"), "BTCUSDT", "symbols[1].symbol"),
        (("market", "correlation"), 1.5, "market.correlation"),
        (("market", "gap_every_s"), None, "market.gap_every_s"),
        (("market", "gap_evry_s"), 1.0, "market.gap_evry_s"),
        (("replay",), {"map": {"a": 1}}, "replay.map.a"),
    ],
)
def test_a_bad_setting_names_its_field(path: tuple[Any, ...], value: Any, field: str) -> None:
    config = json.loads((ROOT / "config" / "simulator.json").read_text())
    place = config
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(SettingsError) as refused:
        parse_settings(config)
    assert refused.value.field == field
    assert refused.value.allowed


def test_load_stays_low_at_the_default_rate(make_sim: Callable[..., Sim]) -> None:
    sim = make_sim(lambda config: None).start()
    streams = "/".join(f"{s}usdt@bookTicker" for s in ("btc", "eth", "sol"))

    def cpu_s() -> float:
        row = Path(f"/proc/{sim.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(row[11]) + int(row[12])) / os.sysconf("SC_CLK_TCK")

    with sim.binance(f"/stream?streams={streams}") as ws:
        before, started = cpu_s(), time.monotonic()
        while time.monotonic() - started < 4.0:
            ws.recv(2)
        share = (cpu_s() - before) / (time.monotonic() - started)
    assert share < 0.15
