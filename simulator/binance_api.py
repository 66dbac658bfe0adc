"""Binance's methods, the same for WebSocket API and REST: checks, weights, orders, queries."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from simulator import binance_shapes as shapes
from simulator.binance_shapes import ApiError, Json
from simulator.candles import Candles
from simulator.errors import Refused
from simulator.exchange import Exchange, wall_ms
from simulator.limits import BinanceLimits, RateLimited
from simulator.orders import SIDES, Fill, Order, Request
from simulator.server import VenueServer
from simulator.sessions import LOGON_METHODS, Keys, Proof, mandatory
from simulator.signing import check_time

Params = Mapping[str, object]
CLIENT_ID = re.compile(r"^[a-zA-Z0-9-_]{1,36}$")
NUMBER = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
ROWS_MAX = 1000
INTERVAL_MS = 60_000
TIMEOUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."

WEIGHTS = {
    "ping": 1,
    "time": 1,
    "exchangeInfo": 20,
    "ticker.book": 2,
    "depth": 5,
    "klines": 2,
    "order.place": 0,
    "order.cancel": 0,
    "order.status": 4,
    "openOrders.status": 6,
    "account.status": 20,
    "account.commission": 20,
    "myTrades": 20,
    "userDataStream.subscribe": 2,
    "userDataStream.subscribe.signature": 2,
    "userDataStream.unsubscribe": 2,
    **dict.fromkeys(LOGON_METHODS, 2),
}
SIGNED = {
    "order.place",
    "order.cancel",
    "order.status",
    "openOrders.status",
    "account.status",
    "account.commission",
    "myTrades",
    "userDataStream.subscribe.signature",
}
ALL_SYMBOLS_WEIGHT = {"ticker.book": 4, "openOrders.status": 80}
FAILED_ORDER_WEIGHT = 1  # placing and cancelling cost nothing when they succeed


class AnswerLost(Exception):
    """A fault: the request was carried out and its answer must never be sent."""


class BinanceApi:
    def __init__(self, server: VenueServer, candles: Candles) -> None:
        self._server = server
        self._exchange: Exchange = server.exchange
        self._candles = candles
        self.keys = Keys(server.exchange.settings, server.exchange.faults)
        self.limits = BinanceLimits(server.exchange.settings.limits)
        self.cancel_ids: dict[int, str] = {}  # order id -> client id of its cancel request
        self._own_ids = itertools.count(time.time_ns())

    async def call(self, method: str, params: Params, proof: Proof) -> object:
        """Carries out one method; `proof` says who asks. Raises ApiError, RateLimited, AnswerLost."""
        if method == "order.place":
            return await self._place(params, proof)
        if method not in WEIGHTS:
            raise ApiError(400, -1000, f"Unknown method {method!r}.")
        weight = WEIGHTS[method]
        if params.get("symbol") is None:
            weight = ALL_SYMBOLS_WEIGHT.get(method, weight)
        elif method == "myTrades" and params.get("orderId") is not None:
            weight = 5
        self.limits.spend(wall_ms(), weight)
        if method in LOGON_METHODS or method == "userDataStream.subscribe":
            return self._session(method, params, proof)
        self._check_signed(method, params, proof)
        if method == "order.cancel":
            await self._server.travel()
            answer: object = self._cancel(params)
            await self._server.delay_ack()
            return answer
        return self._query(method, params)

    def _session(self, method: str, params: Params, proof: Proof) -> object:
        """What only WebSockets have; the server puts the session's state into the answer."""
        session = proof.session
        if session is None:
            raise ApiError(400, -1000, f"Unknown method {method!r}.")
        if method == "session.logon":
            self.keys.check_logon(params, proof)
            self._check_time(params)
            self.keys.begin(session, proof.key)
        elif method == "session.logout":
            session.key = ""
        elif method == "userDataStream.subscribe" and not session.key:
            raise mandatory("apiKey")
        return {}

    def _query(self, method: str, params: Params) -> object:
        handlers: dict[str, Callable[[Params], object]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": wall_ms()},
            "exchangeInfo": self._exchange_info,
            "ticker.book": self._ticker,
            "depth": self._depth,
            "klines": self._klines,
            "order.status": lambda p: shapes.order_state(self._find(p, cancel=False)),
            "openOrders.status": self._open_orders,
            "account.status": self._account,
            "account.commission": lambda p: shapes.commission(self._exchange.settings, self._symbol(p)),
            "myTrades": self._trades,
            "userDataStream.subscribe.signature": lambda _: {},
            "userDataStream.unsubscribe": lambda _: {},
        }
        return handlers[method](params)

    # --- checks

    def _check_signed(self, method: str, params: Params, proof: Proof) -> None:
        if method not in SIGNED:
            return
        self.keys.check(params, proof)
        self._check_time(params)

    def _check_time(self, params: Params) -> None:
        problem = check_time(params["timestamp"], params.get("recvWindow"), wall_ms())
        if problem == "ahead":
            raise ApiError(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if problem == "late":
            raise ApiError(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        if problem:
            raise ApiError(400, -1100, f"Illegal characters found in parameter '{problem}'.")

    def _symbol(self, params: Params) -> str:
        symbol = params.get("symbol")
        if symbol in (None, ""):
            raise mandatory("symbol")
        if symbol not in self._exchange.symbols:
            raise ApiError(400, -1121, "Invalid symbol.")
        return str(symbol)

    # --- orders

    async def _place(self, params: Params, proof: Proof) -> object:
        client_id = str(params.get("newClientOrderId") or f"x{next(self._own_ids)}")
        texts = [str(params.get(name, "")) for name in ("symbol", "side", "price", "quantity")]
        request = self._exchange.receive(client_id, *texts)
        try:
            return await self._execute(request, params, proof)
        except (ApiError, RateLimited) as error:
            if request.outcome == "received":
                self._exchange.reject(request, str(error))
            if isinstance(error, ApiError):
                self.limits.weight.add(wall_ms(), FAILED_ORDER_WEIGHT)
            raise

    async def _execute(self, request: Request, params: Params, proof: Proof) -> object:
        faults = self._exchange.faults
        self.limits.spend(wall_ms(), 0)
        self._check_signed("order.place", params, proof)
        tif = _check_order(request, params)
        await self._server.travel()
        self._check_time(params)  # the venue looks twice: on receipt and just before the matching engine
        code = faults.next_reject()
        if code is not None:
            raise ApiError(400, code, "Rejected on demand by the simulator.")
        unavailable = faults.use("unavailable")
        if not unavailable or faults.unavailable_executed:
            self.limits.order(wall_ms())
            order = self._place_order(request, tif)
        if unavailable:
            raise ApiError(504, -1007, TIMEOUT)
        lost = faults.use("lose_acks")
        await self._server.delay_ack()
        if lost:
            raise AnswerLost
        return shapes.order_placed(order, str(params.get("newOrderRespType", "FULL")))

    def _place_order(self, request: Request, tif: str) -> Order:
        try:
            order = self._exchange.place(request, tif)
        except Refused as refused:
            raise shapes.refusal(refused) from refused
        if order.fills:
            self.limits.order_filled(wall_ms())
        return order

    def _cancel(self, params: Params) -> Json:
        try:
            order = self._find(params, cancel=True)
            cancel_id = str(params.get("newClientOrderId") or f"x{next(self._own_ids)}")
            if order.is_open:
                self.cancel_ids[order.order_id] = cancel_id  # the report of the cancel takes it from there
            self._exchange.cancel(order)
        except Refused as refused:
            raise shapes.refusal(refused, cancel=True) from refused
        return shapes.order_canceled(order, cancel_id)

    def _find(self, params: Params, cancel: bool) -> Order:
        symbol = self._symbol(params)
        order_id = _integer(params, "orderId")
        client_id = str(params.get("origClientOrderId") or "")
        if order_id is None and not client_id:
            raise ApiError(
                400, -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
            )
        try:
            return self._exchange.find(symbol, order_id, client_id)
        except Refused as refused:
            raise shapes.refusal(refused, cancel) from refused

    # --- queries

    def _open_orders(self, params: Params) -> list[Json]:
        symbol = self._symbol(params) if params.get("symbol") is not None else None
        return [shapes.order_state(order) for order in self._exchange.open_orders(symbol)]

    def _account(self, params: Params) -> Json:
        omit_zero = str(params.get("omitZeroBalances", "false")).lower() == "true"
        return shapes.account(self._exchange.settings, self._exchange.balances(), wall_ms(), omit_zero)

    def _trades(self, params: Params) -> list[Json]:
        symbol = self._symbol(params)
        order_id, from_id = _integer(params, "orderId"), _integer(params, "fromId")
        start, end = _integer(params, "startTime"), _integer(params, "endTime")
        limit = _limit(params, 500)

        def wanted(fill: Fill) -> bool:
            return (
                fill.symbol == symbol
                and (order_id is None or fill.order_id == order_id)
                and (from_id is None or fill.trade_id >= from_id)
                and (start is None or fill.time_ms >= start)
                and (end is None or fill.time_ms <= end)
            )

        rows = [fill for fill in self._exchange.fills if wanted(fill)]
        oldest_first = from_id is not None or start is not None
        return [shapes.trade(fill) for fill in (rows[:limit] if oldest_first else rows[-limit:])]

    def _exchange_info(self, params: Params) -> Json:
        symbols = list(self._exchange.symbols.values())
        if params.get("symbol") is not None:
            symbols = [self._exchange.symbols[self._symbol(params)]]
        return shapes.exchange_info(self._exchange.settings, symbols, wall_ms())

    def _ticker(self, params: Params) -> object:
        if params.get("symbol") is None:
            return [self._ticker_row(symbol) for symbol in self._exchange.symbols]
        return self._ticker_row(self._symbol(params))

    def _ticker_row(self, symbol: str) -> Json:
        top = self._exchange.book.top(symbol)
        return {
            "symbol": symbol,
            "bidPrice": shapes.d8(top.bid if top.bid_qty else Decimal(0)),
            "bidQty": shapes.d8(top.bid_qty),
            "askPrice": shapes.d8(top.ask if top.ask_qty else Decimal(0)),
            "askQty": shapes.d8(top.ask_qty),
        }

    def _depth(self, params: Params) -> Json:
        symbol = self._symbol(params)
        _limit(params, 100, 5000)
        top = self._exchange.book.top(symbol)
        return {
            "lastUpdateId": self._exchange.book.update_id(symbol),
            "bids": [[shapes.d8(top.bid), shapes.d8(top.bid_qty)]] if top.bid_qty else [],
            "asks": [[shapes.d8(top.ask), shapes.d8(top.ask_qty)]] if top.ask_qty else [],
        }

    def _klines(self, params: Params) -> list[list[object]]:
        symbol = self._symbol(params)
        if params.get("interval") is None:
            raise mandatory("interval")
        if params["interval"] != "1m":
            raise ApiError(400, -1120, "Invalid interval.")
        rows = self._candles.between(
            symbol, _integer(params, "startTime"), _integer(params, "endTime"), _limit(params, 500)
        )
        return [
            [
                c.open_ms,
                *(shapes.d8(p) for p in (c.open, c.high, c.low, c.close)),
                *(shapes.d8(c.volume), c.open_ms + INTERVAL_MS - 1),
                *(shapes.d8(c.volume * c.close), 1 if c.volume else 0),
                *(shapes.d8(c.volume / 2), shapes.d8(c.volume * c.close / 2), "0"),
            ]
            for c in rows
        ]


def _check_order(request: Request, params: Params) -> str:
    """Checks the form of an order; returns its time in force."""
    for name in ("symbol", "side", "type"):
        if params.get(name) in (None, ""):
            raise mandatory(name)
    if request.side not in SIDES:
        raise ApiError(400, -1117, "Invalid side.")
    if params["type"] != "LIMIT":
        raise ApiError(400, -1116, "Invalid orderType.")
    for name in ("timeInForce", "price", "quantity"):
        if params.get(name) in (None, ""):
            raise mandatory(name)
    if params["timeInForce"] not in ("GTC", "IOC", "FOK"):
        raise ApiError(400, -1115, "Invalid timeInForce.")
    for name in ("price", "quantity"):
        if not NUMBER.match(str(params[name])):
            raise ApiError(
                400,
                -1100,
                f"Illegal characters found in parameter '{name}'; legal range is '{NUMBER.pattern}'.",
            )
    if not CLIENT_ID.match(request.client_id):
        pattern = CLIENT_ID.pattern
        raise ApiError(
            400,
            -1100,
            f"Illegal characters found in parameter 'newClientOrderId'; legal range is '{pattern}'.",
        )
    if str(params.get("newOrderRespType", "FULL")) not in ("ACK", "RESULT", "FULL"):
        raise ApiError(400, -1139, "Invalid newOrderRespType.")
    return str(params["timeInForce"])


def _integer(params: Params, name: str) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'.") from error
    if not number.is_finite() or number != int(number):
        raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return int(number)


def _limit(params: Params, default: int, most: int = ROWS_MAX) -> int:
    limit = _integer(params, "limit")
    if limit is None:
        return default
    if limit < 1:
        raise ApiError(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return min(limit, most)
