"""MEXC's REST methods: signature and clock, orders, queries."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from simulator import mexc_shapes as shapes
from simulator.candles import Candles
from simulator.errors import Refused
from simulator.exchange import Exchange, wall_ms
from simulator.limits import MexcLimits, RateLimited
from simulator.mexc_shapes import ApiError, Json
from simulator.orders import SIDES, Fill, Order, Request, plain
from simulator.settings import SymbolSettings
from simulator.signing import check_time, query_payload, signature_matches

if TYPE_CHECKING:
    from simulator.mexc import MexcServer

Params = dict[str, str]
CLIENT_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")
NUMBER = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
WEEK_MS, DAY_MS, MONTH_MS = 7 * 86_400_000, 86_400_000, 31 * 86_400_000
MINUTE_MS = 60_000
TRADES_MAX, KLINES_MAX, ORDERS_MAX = 100, 500, 1000

# (verb, path) -> (weight, signed)
ENDPOINTS = {
    ("GET", "ping"): (1, False),
    ("GET", "time"): (1, False),
    ("GET", "exchangeInfo"): (10, False),
    ("GET", "defaultSymbols"): (1, False),
    ("GET", "depth"): (1, False),
    ("GET", "ticker/bookTicker"): (1, False),
    ("GET", "klines"): (1, False),
    ("POST", "order"): (1, True),
    ("DELETE", "order"): (1, True),
    ("GET", "order"): (2, True),
    ("GET", "openOrders"): (3, True),
    ("GET", "allOrders"): (10, True),
    ("GET", "myTrades"): (10, True),
    ("GET", "account"): (10, True),
}


class AnswerLost(Exception):
    """A fault: the request was carried out and its answer must never be sent."""


class MexcApi:
    def __init__(self, server: MexcServer, candles: Candles) -> None:
        self._server = server
        self._exchange: Exchange = server.exchange
        self._candles = candles
        self.limits = MexcLimits(server.exchange.settings.limits)
        self._own_ids = itertools.count(time.time_ns())

    def routes(self) -> list[tuple[str, str]]:
        return list(ENDPOINTS)

    async def call(self, verb: str, path: str, query: str, body: str, key: str) -> object:
        """Carries out one request. Raises ApiError, RateLimited or AnswerLost."""
        params = dict(parse_qsl(query, keep_blank_values=True)) | dict(
            parse_qsl(body, keep_blank_values=True)
        )
        if (verb, path) == ("POST", "order"):
            return await self._place(params, query, body, key)
        weight, signed = ENDPOINTS.get((verb, path), (1, True))
        self.limits.spend(wall_ms(), f"{verb} {path}", weight)
        if signed:
            self._check_signed(params, query, body, key)
        if path == "userDataStream":
            return self._server.listen_key(verb, params)
        if (verb, path) == ("DELETE", "order"):
            await self._server.travel()
            answer = self._cancel(params)
            await self._server.delay_ack()
            return answer
        return self._query(path, params)

    def _query(self, path: str, params: Params) -> object:
        handlers: dict[str, Callable[[Params], object]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": wall_ms()},
            "exchangeInfo": self._exchange_info,
            "defaultSymbols": lambda _: {"code": 200, "data": list(self._exchange.symbols), "msg": None},
            "depth": self._depth,
            "ticker/bookTicker": self._ticker,
            "klines": self._klines,
            "order": lambda p: shapes.order_state(self._find(p, cancel=False)),
            "openOrders": self._open_orders,
            "allOrders": self._all_orders,
            "myTrades": self._trades,
            "account": lambda _: shapes.account(self._exchange.balances()),
        }
        return handlers[path](params)

    # --- checks

    def _check_signed(self, params: Params, query: str, body: str, key: str) -> None:
        if not key:
            raise ApiError(401, 400, "api key required")
        if key != self._exchange.settings.key:
            raise ApiError(401, 10072, "Api key info invalid")
        for name in ("timestamp", "signature"):
            if not params.get(name):
                raise _mandatory(name)
        # Lowercase hex only: an uppercase signature is refused here, unlike at Binance.
        if not signature_matches(
            self._exchange.settings.secret, query_payload(query, body), params["signature"]
        ):
            raise ApiError(400, 700002, "Signature for this request is not valid.")
        self._check_time(params)

    def _check_time(self, params: Params) -> None:
        problem = check_time(params["timestamp"], params.get("recvWindow"), wall_ms())
        if problem == "recvWindow":
            raise ApiError(400, 700005, "recvWindow must less than 60000")
        if problem:
            raise ApiError(400, 700003, "Timestamp for this request is outside of the recvWindow.")

    def _symbol(self, params: Params) -> SymbolSettings:
        if not params.get("symbol"):
            raise _mandatory("symbol")
        symbol = self._exchange.symbols.get(params["symbol"])
        if symbol is None:
            raise ApiError(400, 10007, "bad symbol")
        return symbol

    # --- orders

    async def _place(self, params: Params, query: str, body: str, key: str) -> object:
        client_id = params.get("newClientOrderId") or f"x{next(self._own_ids)}"
        texts = [params.get(name, "") for name in ("symbol", "side", "price", "quantity")]
        request = self._exchange.receive(client_id, *texts)
        try:
            self.limits.spend(wall_ms(), "POST order", 1)
            self._check_signed(params, query, body, key)
            return await self._execute(request, params)
        except (ApiError, RateLimited) as error:
            if request.outcome == "received":
                self._exchange.reject(request, str(error))
            raise

    async def _execute(self, request: Request, params: Params) -> object:
        faults = self._exchange.faults
        tif = self._check_order(request, params)
        await self._server.travel()
        self._check_time(params)
        code = faults.next_reject()
        if code is not None:
            raise ApiError(400, code, "Oversold" if code == 30005 else "Rejected on demand by the simulator.")
        unavailable = faults.use("unavailable")
        if not unavailable or faults.unavailable_executed:
            order = self._place_order(request, tif)
        if unavailable:
            raise ApiError(503, 503, "Unknown error, please check your request or try again later.")
        lost = faults.use("lose_acks")
        await self._server.delay_ack()
        if lost:
            raise AnswerLost
        return shapes.order_ack(order)

    def _place_order(self, request: Request, tif: str) -> Order:
        try:
            return self._exchange.place(request, tif)
        except Refused as refused:
            raise shapes.refusal(refused, self._exchange.symbols.get(request.symbol)) from refused

    def _check_order(self, request: Request, params: Params) -> str:
        """Checks the form of an order; returns its time in force. `timeInForce` is ignored, as MEXC does."""
        self._symbol(params)
        for name in ("side", "type"):
            if not params.get(name):
                raise _mandatory(name)
        if request.side not in SIDES:
            raise ApiError(400, 700004, f"Param 'side' is invalid: {request.side}")
        if params["type"] == "MARKET":
            raise ApiError(400, 30019, "api market order is disabled")
        if params["type"] not in shapes.TIFS:
            raise ApiError(400, 30041, "current order type can not place order")
        for name in ("price", "quantity"):
            if not params.get(name):
                raise _mandatory(name)
            if not NUMBER.match(params[name]):
                raise ApiError(400, 700004, f"Param '{name}' is invalid: {params[name]}")
        if not CLIENT_ID.match(request.client_id):
            raise ApiError(400, 700004, f"Param 'newClientOrderId' is invalid: {request.client_id}")
        return shapes.TIFS[params["type"]]

    def _cancel(self, params: Params) -> Json:
        try:
            order = self._find(params, cancel=True)
            self._exchange.cancel(order)
        except Refused as refused:
            raise shapes.refusal(refused, None, cancel=True) from refused
        return shapes.order_state(order) | {"origClientOrderId": order.client_id}

    def _find(self, params: Params, cancel: bool) -> Order:
        symbol = self._symbol(params)
        client_id = params.get("origClientOrderId", "")
        number = shapes.order_number(params["orderId"]) if params.get("orderId") else None
        if params.get("orderId") and number is None:
            number = 0  # an id we never gave
        if number is None and not client_id:
            raise _mandatory("orderId")
        try:
            return self._exchange.find(symbol.symbol, number, client_id)
        except Refused as refused:
            raise shapes.refusal(refused, None, cancel) from refused

    # --- queries

    def _open_orders(self, params: Params) -> list[Json]:
        return [shapes.order_state(o) for o in self._exchange.open_orders(self._symbol(params).symbol)]

    def _all_orders(self, params: Params) -> list[Json]:
        symbol = self._symbol(params).symbol
        end = _integer(params, "endTime", wall_ms())
        start = max(_integer(params, "startTime", end - DAY_MS), wall_ms() - WEEK_MS)
        limit = _limit(params, 500, ORDERS_MAX)
        rows = [o for o in self._exchange.orders.values() if o.symbol == symbol and start <= o.time_ms <= end]
        return [shapes.order_state(order) for order in reversed(rows[-limit:])]

    def _trades(self, params: Params) -> list[Json]:
        """Newest first, at most 100, at most a month back."""
        symbol = self._symbol(params).symbol
        number = shapes.order_number(params["orderId"]) or 0 if params.get("orderId") else None
        end = _integer(params, "endTime", wall_ms())
        start = max(_integer(params, "startTime", 0), wall_ms() - MONTH_MS)

        def wanted(fill: Fill) -> bool:
            return fill.symbol == symbol and number in (None, fill.order_id) and start <= fill.time_ms <= end

        newest = (fill for fill in reversed(self._exchange.fills) if wanted(fill))
        return [
            shapes.trade(fill) for fill in itertools.islice(newest, _limit(params, TRADES_MAX, TRADES_MAX))
        ]

    def _exchange_info(self, params: Params) -> Json:
        symbols = [self._symbol(params)] if params.get("symbol") else list(self._exchange.symbols.values())
        return shapes.exchange_info(self._exchange.settings, symbols, wall_ms())

    def _ticker(self, params: Params) -> object:
        if params.get("symbol"):
            return self._ticker_row(self._symbol(params).symbol)
        return [self._ticker_row(symbol) for symbol in self._exchange.symbols]

    def _ticker_row(self, symbol: str) -> Json:
        top = self._exchange.book.top(symbol)
        return {
            "symbol": symbol,
            "bidPrice": plain(top.bid) if top.bid_qty else None,
            "bidQty": plain(top.bid_qty) if top.bid_qty else None,
            "askPrice": plain(top.ask) if top.ask_qty else None,
            "askQty": plain(top.ask_qty) if top.ask_qty else None,
        }

    def _depth(self, params: Params) -> Json:
        symbol = self._symbol(params).symbol
        _limit(params, 100, 5000)
        top = self._exchange.book.top(symbol)
        return {
            "lastUpdateId": self._exchange.book.update_id(symbol),
            "bids": [[plain(top.bid), plain(top.bid_qty)]] if top.bid_qty else [],
            "asks": [[plain(top.ask), plain(top.ask_qty)]] if top.ask_qty else [],
            "timestamp": wall_ms(),
        }

    def _klines(self, params: Params) -> list[list[object]]:
        symbol = self._symbol(params).symbol
        if params.get("interval") != "1m":
            raise ApiError(400, -1121, "Invalid interval.")
        start = _integer(params, "startTime", 0) if params.get("startTime") else None
        end = _integer(params, "endTime", 0) - 1 if params.get("endTime") else None
        return [
            [
                c.open_ms,
                *(plain(p) for p in (c.open, c.high, c.low, c.close)),
                plain(c.volume),
                c.open_ms + MINUTE_MS,
                plain(c.volume * c.close),
            ]
            for c in self._candles.between(symbol, start, end, _limit(params, KLINES_MAX, KLINES_MAX), silent=False)
        ]


def _mandatory(name: str) -> ApiError:
    return ApiError(400, 700004, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _integer(params: Params, name: str, default: int) -> int:
    text = params.get(name)
    if not text:
        return default
    if not text.isdecimal():
        raise ApiError(400, 700004, f"Param '{name}' is invalid: {text}")
    return int(text)


def _limit(params: Params, default: int, most: int) -> int:
    limit = _integer(params, "limit", default)
    if limit < 1:
        raise ApiError(400, 700004, f"Param 'limit' is invalid: {limit}")
    return min(limit, most)
