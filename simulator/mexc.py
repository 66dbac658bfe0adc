"""The simulated MEXC: WebSocket in protobuf, listen keys, and REST orders whose answer says nothing of the
outcome."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from decimal import Decimal

from aiohttp import web

from simulator import mexc_shapes as shapes
from simulator.candles import Candles
from simulator.exchange import Cause, Exchange, wall_ms
from simulator.limits import MessageRate, RateLimited
from simulator.mexc_api import AnswerLost, MexcApi
from simulator.mexc_feed import PRIVATE, MexcFeed
from simulator.mexc_shapes import ApiError
from simulator.orders import Fill, Order
from simulator.peer import Peer
from simulator.server import Event, VenueServer

MESSAGES_PER_S = 100
KEY_LIFE_S = 3600.0
KEYS_MAX = 60
CONNECTIONS_PER_KEY = 5
ORDERS, DEALS, ACCOUNT = PRIVATE


class MexcServer(VenueServer):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        candles = Candles(exchange.settings.name, exchange.symbols.values(), wall_ms)
        exchange.book.listen(candles.on_quote)
        self.feed = MexcFeed(exchange, self.peers)
        self.api = MexcApi(self, candles)
        self._keys: dict[str, float] = {}  # listen key -> end of its life, monotonic seconds
        self._told: dict[str, tuple[Decimal, Decimal]] = {}
        self._remember(list(exchange.balances()))
        exchange.listen(self._on_order)
        self.app.router.add_get("/ws", self._ws)
        for verb, path in self.api.routes():
            self.app.router.add_route(verb, f"/api/v3/{path}", self._rest)
        for verb in ("POST", "PUT", "GET", "DELETE"):
            self.app.router.add_route(verb, "/api/v3/userDataStream", self._rest)

    # --- WebSocket

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        key = request.query.get("listenKey")
        peer = Peer(
            request, "feed" if key is None else "user", self.exchange.settings.timers, answers_pings=False
        )
        if key is not None and not self._key_has_room(key):
            await peer.ws.prepare(request)
            await peer.ws.send_str("Invalid listen key")
            await peer.ws.close()
            return peer.ws
        self.peers.add(peer)
        watch = asyncio.create_task(self.feed.watch(peer))
        try:
            return await peer.run(self.feed.on_text, MessageRate(MESSAGES_PER_S))
        finally:
            watch.cancel()
            self.peers.discard(peer)

    def _key_has_room(self, key: str) -> bool:
        users = sum(1 for peer in self.peers if peer.query.get("listenKey") == key)
        return self._keys.get(key, 0.0) > time.monotonic() and users < CONNECTIONS_PER_KEY

    # --- listen keys

    def listen_key(self, verb: str, params: dict[str, str]) -> object:
        now_s = time.monotonic()
        self._keys = {key: end for key, end in self._keys.items() if end > now_s}
        if verb == "GET":
            return {"listenKey": list(self._keys)}
        if verb == "POST" and self.faults.use("listen_key_news"):
            raise ApiError(400, 730002, "Listen key cannot be created")
        if verb == "POST":
            if len(self._keys) >= KEYS_MAX:
                raise ApiError(400, 730000, "Too many listen keys")
            key = secrets.token_hex(32)
            self._keys[key] = now_s + KEY_LIFE_S
            return {"listenKey": key}
        key = params.get("listenKey", "")
        if key not in self._keys:
            raise ApiError(400, 730100, "Listen key does not exist")
        if verb == "PUT" and self.faults.use("listen_key_prolongs"):
            raise ApiError(400, 730100, "Listen key does not exist")
        if verb == "PUT":
            self._keys[key] = now_s + KEY_LIFE_S
        else:
            del self._keys[key]
            for peer in self.peers:
                if peer.query.get("listenKey") == key:
                    peer.abort()
        return {"listenKey": key}

    # --- user data

    def _on_order(self, cause: Cause, order: Order, fills: list[Fill], assets: list[str]) -> None:
        private = self.feed.private
        events = [Event(private(ORDERS, order.symbol, "privateOrders", shapes.private_order(order)), ORDERS)]
        for fill in fills:
            deal = private(DEALS, order.symbol, "privateDeals", shapes.private_deal(fill))
            events.append(Event(deal, DEALS, is_fill=True))
        kind = (
            "ENTRUST"
            if fills
            else {"placed": "ENTRUST_PLACE", "canceled": "ENTRUST_CANCEL"}.get(cause, "ENTRUST")
        )
        now_ms = wall_ms()
        for asset in assets:
            now, before = self.exchange.balances()[asset], self._told.get(asset, (Decimal(0), Decimal(0)))
            if (now.free, now.locked) != before:
                fields = shapes.private_account(asset, now, before, kind, now_ms)
                events.append(Event(private(ACCOUNT, "", "privateAccount", fields), ACCOUNT))
        self._remember(assets)
        self.send_events(events)

    def _remember(self, assets: list[str]) -> None:
        for asset in assets:
            balance = self.exchange.balances()[asset]
            self._told[asset] = (balance.free, balance.locked)

    def send_event(self, event: Event) -> None:
        for peer in self.peers:
            if event.topic in peer.subscriptions:
                peer.push(event.message)

    # --- REST

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3/")
        if path == "order" and request.method != "GET":
            self.note_order_connection(request)
        body = await request.text()
        query = request.rel_url.raw_query_string
        headers: dict[str, str] = {}
        try:
            key = request.headers.get("X-MEXC-APIKEY", "")
            answer, status = await self.api.call(request.method, path, query, body, key), 200
        except AnswerLost:
            return await self.hold(request)
        except RateLimited as limited:
            status, answer = 429, {"msg": "Too Many Requests", "code": 429}
            headers["Retry-After"] = str(max(1, -(-(limited.until_ms - wall_ms()) // 1000)))
        except ApiError as error:
            status, answer = error.status, {"msg": error.msg, "code": error.code}
        text = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
        return web.Response(text=text, status=status, headers=headers, content_type="application/json")
