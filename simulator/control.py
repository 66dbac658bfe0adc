"""The control and oracle port: what really happened, and what should go wrong next. For tests and the
operator."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal

from aiohttp import web

from simulator.book import Quote
from simulator.driver import Driver, ReplayDriver, SyntheticDriver
from simulator.errors import SettingsError
from simulator.exchange import Exchange
from simulator.fields import Fields
from simulator.orders import ZERO, plain
from simulator.server import HOST, SHUTDOWN_S, VenueServer
from simulator.settings import Settings, parse_market

ROWS_MAX = 10_000
ROWS_DEFAULT = 1000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlServer:
    def __init__(self, settings: Settings, servers: Mapping[str, VenueServer], driver: Driver) -> None:
        self._settings = settings
        self._servers = servers
        self._driver = driver
        self._downs: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        app = web.Application(middlewares=[_errors])
        app.router.add_get("/health", self._health)
        app.router.add_get("/ledger", self._ledger)
        app.router.add_get("/fills", self._fills)
        app.router.add_get("/orders", self._orders)
        app.router.add_get("/market", self._market)
        app.router.add_post("/market", self._tune)
        app.router.add_get("/faults", self._show_faults)
        app.router.add_post("/faults", self._faults)
        app.router.add_post("/gap", self._gap)
        self._app = app

    async def start(self) -> None:
        self._runner = web.AppRunner(
            self._app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._settings.control_port, reuse_address=True).start()

    async def stop(self) -> None:
        for task in self._downs:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- the oracle

    async def _health(self, _request: web.Request) -> web.Response:
        venues = {
            name: {"port": server.exchange.settings.port, "down_s": server.faults.down_s}
            for name, server in self._servers.items()
        }
        return _json({"status": "ok", "pid": os.getpid(), "venues": venues})

    async def _ledger(self, _request: web.Request) -> web.Response:
        venues = {name: ledger(server.exchange) for name, server in self._servers.items()}
        totals: dict[str, Decimal] = {}
        for server in self._servers.values():
            for asset, balance in server.exchange.balances().items():
                totals[asset] = totals.get(asset, ZERO) + balance.free + balance.locked
        return _json({"venues": venues, "totals": {asset: plain(amount) for asset, amount in totals.items()}})

    async def _fills(self, request: web.Request) -> web.Response:
        exchanges = self._chosen(request)
        after, limit = (
            _query_int(request, "after", 0, 0, 2**62),
            _query_int(request, "limit", ROWS_DEFAULT, 1, ROWS_MAX),
        )
        rows = [
            {"venue": exchange.settings.name, **fill.to_json()}
            for exchange in exchanges
            for fill in exchange.fills[after : after + limit]
        ]
        return _json({"fills": rows, "counts": {e.settings.name: len(e.fills) for e in exchanges}})

    async def _orders(self, request: web.Request) -> web.Response:
        exchanges = self._chosen(request)
        wanted = request.query.get("client_id")
        after, limit = (
            _query_int(request, "after", 0, 0, 2**62),
            _query_int(request, "limit", ROWS_DEFAULT, 1, ROWS_MAX),
        )
        rows: list[dict[str, object]] = []
        for exchange in exchanges:
            found = [r for r in exchange.requests[after:] if wanted is None or r.client_id == wanted]
            for request_row in found[:limit]:
                row = {"venue": exchange.settings.name, **request_row.to_json()}
                row["count"] = exchange.request_counts[request_row.client_id]
                order = (
                    exchange.orders.get(request_row.order_id) if request_row.order_id is not None else None
                )
                row["order"] = order.to_json() if order is not None else None
                rows.append(row)
        repeated = {
            e.settings.name: {client_id: n for client_id, n in e.request_counts.items() if n > 1}
            for e in exchanges
        }
        counts = {e.settings.name: len(e.requests) for e in exchanges}
        return _json({"orders": rows, "counts": counts, "repeated": repeated})

    async def _market(self, _request: web.Request) -> web.Response:
        tops = {
            name: {symbol: _top(server.exchange, symbol) for symbol in server.exchange.symbols}
            for name, server in self._servers.items()
        }
        return _json({**self._driver.to_json(), "tops": tops})

    async def _show_faults(self, _request: web.Request) -> web.Response:
        return _json({name: server.faults.to_json() for name, server in self._servers.items()})

    # --- what should happen

    async def _faults(self, request: web.Request) -> web.Response:
        fields = await _body(request)
        server = self._servers[fields.text("venue", choices=tuple(self._servers))]
        was_down = server.faults.down_s > 0.0
        drop = server.faults.apply(fields)
        dropped = server.drop(drop, server.faults.drop_most) if drop else 0
        server.faults.drop_most = None
        if server.faults.down_s > 0.0 and not was_down:
            task = asyncio.create_task(server.go_down())
            self._downs.add(task)
            task.add_done_callback(self._downs.discard)
        if server.faults.announce_s is not None:
            server.spawn(server.announce_shutdown(server.faults.announce_s))
            server.faults.announce_s = None
        return _json({"venue": server.name, "dropped": dropped, "faults": server.faults.to_json()})

    async def _tune(self, request: web.Request) -> web.Response:
        fields = await _body(request)
        if isinstance(self._driver, ReplayDriver):
            self._driver.quotes_per_s = fields.number("quotes_per_s", 0.1, 100.0)
            fields.done()
            return _json(self._driver.to_json())
        assert isinstance(self._driver, SyntheticDriver)
        market = self._driver.market
        settings = parse_market(fields, market.settings)
        for name in ("quotes_per_s", "burst_quotes_per_s"):
            value = getattr(settings, name)
            if value > market.steps_per_s:
                raise SettingsError(
                    name, value, f"at most {market.steps_per_s:g}, the market's steps per second"
                )
        market.tune(settings)
        return _json(self._driver.to_json())

    async def _gap(self, request: web.Request) -> web.Response:
        fields = await _body(request)
        if not isinstance(self._driver, SyntheticDriver):
            raise SettingsError("gap", "replay", "the synthetic market only")
        market, names = self._driver.market, tuple(self._servers)
        symbols = tuple(symbol.symbol for symbol in market.symbols)
        symbol = fields.text("symbol", choices=symbols)
        bps = fields.number("bps", 0.0, 5000.0)
        seconds = fields.number("seconds", 0.01, 86400.0)
        buy, sell = fields.text("buy_venue", choices=names), fields.text("sell_venue", choices=names)
        size_usd = fields.number("size_usd", 1.0, 1e9) if fields.has("size_usd") else None
        fields.done()
        if buy == sell:
            raise SettingsError("sell_venue", sell, f"another venue than buy_venue ({buy})")
        market.force_gap(symbols.index(symbol), names.index(buy), names.index(sell), bps, seconds, size_usd)
        return _json({"symbol": symbol, "bps": bps, "seconds": seconds, "from_step": market.step + 1})

    def _chosen(self, request: web.Request) -> list[Exchange]:
        name = request.query.get("venue")
        if name is None:
            return [server.exchange for server in self._servers.values()]
        if name not in self._servers:
            raise SettingsError("venue", name, "one of " + ", ".join(self._servers))
        return [self._servers[name].exchange]


def ledger(exchange: Exchange) -> dict[str, object]:
    """Exact texts: what the venue opened with, what it holds, what it charged."""
    account = exchange.account
    return {
        "opening": {asset: plain(amount) for asset, amount in account.opening.items()},
        "balances": {
            asset: {"free": plain(b.free), "locked": plain(b.locked), "total": plain(b.free + b.locked)}
            for asset, b in account.balances.items()
        },
        "fees": {asset: plain(amount) for asset, amount in account.fees.items()},
        "fill_count": len(exchange.fills),
        "order_count": len(exchange.orders),
        "request_count": len(exchange.requests),
        "open_order_count": len(exchange.open_orders()),
    }


def _top(exchange: Exchange, symbol: str) -> dict[str, object]:
    top: Quote = exchange.book.top(symbol)
    return {
        "bid": plain(top.bid),
        "bid_qty": plain(top.bid_qty),
        "ask": plain(top.ask),
        "ask_qty": plain(top.ask_qty),
        "update_id": exchange.book.update_id(symbol),
    }


async def _body(request: web.Request) -> Fields:
    text = await request.text()
    try:
        return Fields(json.loads(text), "")
    except ValueError as error:
        raise SettingsError("body", text[:200], "a JSON object") from error


def _query_int(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SettingsError(name, text, f"an integer from {low} to {high}")
    return int(text)


def _json(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except SettingsError as error:
        body = {"error": str(error), "field": error.field, "value": error.value, "allowed": error.allowed}
        return _json(body, status=400)
    except web.HTTPException as error:
        return _json({"error": f"{request.method} {request.path}: {error.reason}"}, status=error.status)
