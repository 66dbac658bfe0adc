"""The simulated Binance: market streams, WebSocket API with user data, and REST on one port."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl

from aiohttp import web

from simulator import binance_shapes as shapes
from simulator.binance_api import AnswerLost, BinanceApi
from simulator.binance_feed import BinanceFeed
from simulator.binance_shapes import ApiError, Json
from simulator.candles import Candles
from simulator.exchange import Cause, Exchange, wall_ms
from simulator.limits import MessageRate, RateLimited
from simulator.orders import Fill, Order
from simulator.peer import Peer
from simulator.server import Event, VenueServer
from simulator.sessions import INVALID_KEY, LOGON_METHODS, Proof, Session, SessionRevoked
from simulator.signing import query_payload, sorted_payload

REQUESTS_PER_S = (
    5000  # the WebSocket API has no message limit of its own; this one only stops a runaway client
)
FEED_MESSAGES_PER_S = 5
REST = {
    ("GET", "ping"): "ping",
    ("GET", "time"): "time",
    ("GET", "exchangeInfo"): "exchangeInfo",
    ("GET", "ticker/bookTicker"): "ticker.book",
    ("GET", "depth"): "depth",
    ("GET", "klines"): "klines",
    ("GET", "account"): "account.status",
    ("GET", "account/commission"): "account.commission",
    ("GET", "order"): "order.status",
    ("POST", "order"): "order.place",
    ("DELETE", "order"): "order.cancel",
    ("GET", "openOrders"): "openOrders.status",
    ("GET", "myTrades"): "myTrades",
}
ORDER_METHODS = ("order.place", "order.cancel")


class RawNumber(str):
    """A JSON number with a fraction, kept as the text that was signed."""


class BinanceServer(VenueServer):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        candles = Candles(exchange.settings.name, exchange.symbols.values(), wall_ms)
        exchange.book.listen(candles.on_quote)
        self.api = BinanceApi(self, candles)
        self.feed = BinanceFeed(exchange, self.peers)
        self._reports = shapes.Reports(time.time_ns() // 1000)
        self._users: dict[Peer, int] = {}
        self._subscription_counts: dict[Peer, int] = {}
        self._sessions: dict[Peer, Session] = {}
        exchange.listen(self._on_order)
        router = self.app.router
        router.add_get("/ws", self._stream)
        router.add_get("/ws/{stream:.+}", self._stream)
        router.add_get("/stream", self._stream)
        router.add_get("/ws-api/v3", self._ws_api)
        for verb, path in REST:
            router.add_route(verb, f"/api/v3/{path}", self._rest)

    def also(self, peer: Peer) -> tuple[str, ...]:
        return ("user",) if peer in self._users else ()

    def shutdown_message(self, peer: Peer) -> str | None:
        event = {"e": "serverShutdown", "E": wall_ms()}
        if peer.role == "orders":
            return _dump({"event": event})
        return _dump({"stream": "!serverShutdown", "data": event}) if peer.combined else _dump(event)

    # --- market streams

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        peer = Peer(request, "feed", self.exchange.settings.timers, answers_pings=True)
        self.feed.opened(peer, request.match_info.get("stream", ""), request.query.get("streams"))
        self.peers.add(peer)
        try:
            return await peer.run(self.feed.on_text, MessageRate(FEED_MESSAGES_PER_S))
        finally:
            self.peers.discard(peer)

    # --- WebSocket API

    async def _ws_api(self, request: web.Request) -> web.StreamResponse:
        self.api.limits.weight.add(wall_ms(), 2)
        peer = Peer(request, "orders", self.exchange.settings.timers, answers_pings=True)
        self._sessions[peer] = Session(returns_limits=peer.query.get("returnRateLimits") != "false")
        self.peers.add(peer)
        try:
            return await peer.run(self._on_request, MessageRate(REQUESTS_PER_S))
        finally:
            self.peers.discard(peer)
            self._users.pop(peer, None)
            self._subscription_counts.pop(peer, None)
            self._sessions.pop(peer, None)

    def _on_request(self, peer: Peer, text: str) -> None:
        self.spawn(self._answer(peer, text))

    async def _answer(self, peer: Peer, text: str) -> None:
        try:
            message = json.loads(text, parse_float=RawNumber)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            peer.push(
                _dump({"id": None, "status": 400, "error": {"code": -1135, "msg": "Invalid JSON Request"}})
            )
            return
        method, params = message["method"], message.get("params") or {}
        reply: Json = {"id": message.get("id")}
        try:
            if not isinstance(params, dict):
                raise ApiError(400, -1135, "Invalid JSON Request")
            session = self._sessions[peer]
            self.api.keys.expire(session)
            key = str(params.get("apiKey") or "")
            result = await self.api.call(method, params, Proof(sorted_payload(params), key, session))
            if method.startswith("userDataStream."):
                result = self._user_data(peer, method, params)
            if method in LOGON_METHODS:
                result = session.to_json(user_data=peer in self._users)
            if method == "session.logout":
                self._end_user_data(peer)
            reply |= {"status": 200, "result": result}
        except AnswerLost:
            return
        except SessionRevoked:
            reply |= {"id": None, "status": 401, "error": {"code": -2015, "msg": INVALID_KEY}}
        except RateLimited as limited:
            status, error = _limited(limited)
            reply |= {"status": status, "error": error}
        except ApiError as error:
            reply |= {"status": error.status, "error": {"code": error.code, "msg": error.msg}}
        if peer.query.get("returnRateLimits") != "false":
            reply["rateLimits"] = self.api.limits.to_json(wall_ms(), orders=method == "order.place")
        peer.push(_dump(reply))

    # --- user data

    def _user_data(self, peer: Peer, method: str, params: Json) -> Json:
        if method.startswith("userDataStream.subscribe"):
            if peer in self._users:
                raise ApiError(400, -2035, "User data stream subscription already active.")
            subscription = self._subscription_counts.get(peer, 0)
            self._subscription_counts[peer] = subscription + 1
            self._users[peer] = subscription
            return {"subscriptionId": subscription}
        self._end_user_data(peer)
        return {}

    def _end_user_data(self, peer: Peer) -> None:
        ended = self._users.pop(peer, None)
        if ended is not None:
            terminated = {"e": "eventStreamTerminated", "E": wall_ms()}
            peer.push(_dump({"subscriptionId": ended, "event": terminated}))

    def _on_order(self, cause: Cause, order: Order, fills: list[Fill], assets: list[str]) -> None:
        now_ms = wall_ms()
        if cause == "placed":
            reports = self._reports.placed(order, now_ms)
        elif cause == "filled":
            reports = self._reports.trades(order, fills, now_ms)
        else:
            cancel_id = self.api.cancel_ids.pop(order.order_id, "")
            reports = [self._reports.canceled(order, cancel_id, now_ms)]
        events = [Event(_dump(report), "executionReport", report["x"] == "TRADE") for report in reports]
        events.append(Event(_dump(shapes.position(self.exchange.balances(), assets, now_ms)), "position"))
        self.send_events(events)

    def send_event(self, event: Event) -> None:
        for peer, subscription in self._users.items():
            peer.push(f'{{"subscriptionId":{subscription},"event":{event.message!s}}}')

    # --- REST

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        method = REST[request.method, request.path.removeprefix("/api/v3/")]
        if method in ORDER_METHODS:
            self.note_order_connection(request)
        body = await request.text()
        query = request.rel_url.raw_query_string
        params = dict(parse_qsl(query, keep_blank_values=True)) | dict(
            parse_qsl(body, keep_blank_values=True)
        )
        headers: dict[str, str] = {}
        try:
            key = request.headers.get("X-MBX-APIKEY", "")
            answer, status = await self.api.call(method, params, Proof(query_payload(query, body), key)), 200
        except AnswerLost:
            return await self.hold(request)
        except RateLimited as limited:
            status, answer = _limited(limited)
            headers["Retry-After"] = str(max(1, -(-(limited.until_ms - wall_ms()) // 1000)))
        except ApiError as error:
            status, answer = error.status, {"code": error.code, "msg": error.msg}
        limits = self.api.limits
        headers["X-MBX-USED-WEIGHT-1M"] = str(limits.weight.count(wall_ms()))
        if method == "order.place":
            headers["X-MBX-ORDER-COUNT-10S"] = str(limits.orders_10s.count(wall_ms()))
            headers["X-MBX-ORDER-COUNT-1D"] = str(limits.orders_day.count(wall_ms()))
        return web.json_response(answer, status=status, headers=headers, dumps=_dump)


def _limited(limited: RateLimited) -> tuple[int, Json]:
    if limited.orders is not None:
        interval = "10 SECOND" if limited.orders.length_s == 10 else "1 DAY"
        code = -1015
        msg = f"Too many new orders; current limit is {limited.orders.limit} orders per {interval}."
    elif limited.status == 418:
        code = -1003
        msg = (
            f"Way too much request weight used; IP banned until {limited.until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
    else:
        code = -1003
        msg = (
            "Too much request weight used; please use WebSocket Streams for live updates "
            "to avoid polling the API."
        )
    data = {"serverTime": wall_ms(), "retryAfter": limited.until_ms}
    return limited.status, {"code": code, "msg": msg, "data": data}


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
