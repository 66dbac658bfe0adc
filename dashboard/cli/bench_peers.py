"""What a trader's usual client makes of the same flow: Python programs that answer the benchmark's ticks.

    python -m dashboard.cli.bench_peers LIBRARY PORT     (one peer, run by `arbdeck bench engine`)

A peer does less than the engine: one book, one comparison of floats, one order text, no signature, no account, no
journal. It shows what the wire alone costs in that world.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

from dashboard.cli.bench_desk import BenchError, LoadPeer, Processors, Programs, Scene

Figures = dict[str, dict[str, Any]]
LIBRARIES = ("websockets", "aiohttp")
WAIT_MS = 10_000
GAP_PRICE = 100.3  # ticks that trade bid more, books in between less


def peers(programs: Programs, cpus: Processors, ticks: int) -> Figures:
    """Arrival of one order, for each library that is installed."""
    found: Figures = {}
    for library in LIBRARIES:
        if importlib.util.find_spec(library) is not None:
            found[f"peer_{library}_us"] = _peer(programs, cpus, library, ticks)
    return found


def _peer(programs: Programs, cpus: Processors, library: str, ticks: int) -> dict[str, Any]:
    load = LoadPeer(programs, Scene(kinds="b", symbols=1), cpus, None)
    command = [sys.executable, "-m", "dashboard.cli.bench_peers", library, str(load.ports[0]), str(cpus.engine)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        if not load.ask(f"wait {WAIT_MS}")["subscribed"]:
            raise BenchError(f"the peer with {library} does not connect")
        figure: dict[str, Any] = load.ask(f"trade {ticks} {ticks // 10} 1250 0 0 1")["first_leg_us"]
        return figure
    finally:
        process.kill()
        process.wait()
        load.end()


def order_text(number: int, bid: str) -> str:
    params = {
        **{"newClientOrderId": f"peer{number}", "price": bid[:-6], "quantity": "5.000", "side": "SELL"},
        **{"symbol": "C0000USDT", "timeInForce": "IOC", "type": "LIMIT"},
    }
    return json.dumps({"id": str(number), "method": "order.place", "params": params}, separators=(",", ":"))


class Trader:
    def __init__(self) -> None:
        self.sent = 0

    def order(self, text: str) -> str | None:
        """The order that a message asks for; None: none."""
        data = json.loads(text)["data"]
        if float(data["b"]) < GAP_PRICE:
            return None
        self.sent += 1
        return order_text(self.sent, data["b"])


def _urls(port: int) -> tuple[str, str]:
    host = f"ws://127.0.0.1:{port}"
    return f"{host}/stream?streams=c0000usdt@bookTicker", f"{host}/ws-api/v3"


async def run_websockets(port: int) -> None:
    from websockets.asyncio.client import connect

    feed_url, orders_url = _urls(port)
    trader = Trader()
    async with (
        connect(feed_url, compression=None, ping_interval=None) as feed,
        connect(orders_url, compression=None, ping_interval=None) as orders,
    ):
        async for text in feed:
            order = trader.order(str(text))
            if order is not None:
                await orders.send(order)


async def run_aiohttp(port: int) -> None:
    import aiohttp

    feed_url, orders_url = _urls(port)
    trader = Trader()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(feed_url, compress=0) as feed,
        session.ws_connect(orders_url, compress=0) as orders,
    ):
        async for message in feed:
            order = trader.order(message.data)
            if order is not None:
                await orders.send_str(order)


def main() -> None:
    library, port, cpu = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})
    with suppress(KeyboardInterrupt):
        asyncio.run(run_websockets(port) if library == "websockets" else run_aiohttp(port))


if __name__ == "__main__":
    main()
