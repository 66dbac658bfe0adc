"""MEXC's WebSocket: text control, market data and private streams in protobuf, and the venue's time-outs."""

from __future__ import annotations

import asyncio
import json
import re
import time

from simulator.book import Quote
from simulator.exchange import Exchange, wall_ms
from simulator.orders import plain
from simulator.peer import Peer
from simulator.protobuf import Encoder

SUBSCRIPTIONS_MAX = 30
CHECK_EVERY_S = 0.25
PRIVATE = (
    "spot@private.orders.v3.api.pb",
    "spot@private.deals.v3.api.pb",
    "spot@private.account.v3.api.pb",
)
BOOK_TICKER = re.compile(r"^spot@public\.aggre\.bookTicker\.v3\.api\.pb@(10|100)ms@([A-Z0-9]+)$")
SPEEDS_MS = (10, 100)
GARBAGE = (b"\xff" * 16, b"\xda\x13\xff\xff\xff\xff\x0f", b"\x0a\x33spot@", b"", "not json at all")


class MexcFeed:
    """Topics push at most once per 10 or 100 ms, always the newest quote."""

    def __init__(self, exchange: Exchange, peers: set[Peer]) -> None:
        self._exchange = exchange
        self._peers = peers
        self._encoder = Encoder()
        self._sent_s: dict[tuple[str, int], float] = {}
        self._waiting: set[tuple[str, int]] = set()
        exchange.book.listen(self._on_quote)

    # --- control

    def on_text(self, peer: Peer, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            peer.push(_ack("msg error", code=1))
            return
        method, params = message.get("method"), _texts(message.get("params"))
        if method == "PING":
            peer.push(_ack("PONG"))
        elif method == "SUBSCRIPTION" and params:
            peer.push(_ack(self._subscribe(peer, params)))
        elif method == "UNSUBSCRIPTION" and params:
            peer.subscriptions.difference_update(params)
            peer.push(_ack(",".join(params)))
        else:
            peer.push(_ack("msg error", code=1))

    def _subscribe(self, peer: Peer, params: list[str]) -> str:
        done: list[str] = []
        blocked: list[str] = []
        for topic in params:
            room = topic in peer.subscriptions or len(peer.subscriptions) < SUBSCRIPTIONS_MAX
            if room and self._exists(peer, topic):
                peer.subscriptions.add(topic)
                done.append(topic)
            else:
                blocked.append(topic)
        if not blocked:
            return ",".join(done)
        # A refusal keeps code 0, has a fullwidth colon and trailing blanks: as seen on the wire.
        refused = f"Not Subscribed successfully! [{','.join(blocked)}].  Reason： Blocked! "
        return f"Subscribed successful! [{','.join(done)}]. {refused}" if done else refused

    def _exists(self, peer: Peer, topic: str) -> bool:
        if topic in PRIVATE:
            return peer.role == "user"
        match = BOOK_TICKER.match(topic)
        if match is None or match.group(2) in self._exchange.faults.refused:
            return False
        return match.group(2) in self._exchange.symbols

    async def watch(self, peer: Peer) -> None:
        """Closes a connection that has no subscription, or on which nothing moves."""
        timers = self._exchange.settings.timers
        unsubscribed_s = time.monotonic()
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            now_s = time.monotonic()
            if peer.subscriptions:
                unsubscribed_s = now_s
            if now_s - unsubscribed_s > timers.no_subscription_s or now_s - peer.active_s > timers.idle_s:
                await peer.close()
                return

    # --- market data

    def _on_quote(self, symbol: str, _quote: Quote, _update_id: int) -> None:
        if not self._exchange.faults.muted:
            for speed_ms in SPEEDS_MS:
                self._offer((symbol, speed_ms))

    def _offer(self, key: tuple[str, int]) -> None:
        if key in self._waiting:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._sent_s.get(key, 0.0) + key[1] / 1000.0 - loop.time()
        # A millisecond of tolerance: quotes of a regular market must not fall behind a slot because of
        # jitter.
        if wait_s <= 0.001:
            self._send(key)
        else:
            self._waiting.add(key)
            loop.call_later(wait_s, self._send, key)

    def _send(self, key: tuple[str, int]) -> None:
        self._waiting.discard(key)
        symbol, speed_ms = key
        self._sent_s[key] = asyncio.get_running_loop().time()
        topic = f"spot@public.aggre.bookTicker.v3.api.pb@{speed_ms}ms@{symbol}"
        readers = [peer for peer in self._peers if topic in peer.subscriptions]
        if not readers or self._exchange.faults.muted:
            return
        garbage = None
        if self._exchange.faults.use("garbage"):
            garbage = GARBAGE[self._exchange.faults.garbage % len(GARBAGE)]
        message = self.book_ticker(topic, symbol)
        for peer in readers:
            if garbage is not None:
                peer.push(garbage)
            peer.push(message)

    def book_ticker(self, topic: str, symbol: str) -> bytes:
        """An empty side leaves its two fields out."""
        top = self._exchange.book.top(symbol)
        fields: dict[str, object] = {"version": str(self._exchange.book.update_id(symbol))}
        if top.bid_qty:
            fields |= {"bidPrice": plain(top.bid), "bidQuantity": plain(top.bid_qty)}
        if top.ask_qty:
            fields |= {"askPrice": plain(top.ask), "askQuantity": plain(top.ask_qty)}
        return self._encoder.push(topic, symbol, wall_ms(), "publicAggreBookTicker", fields)

    def private(self, topic: str, symbol: str, body: str, fields: dict[str, object]) -> bytes:
        return self._encoder.push(topic, symbol, wall_ms(), body, fields)


def _texts(params: object) -> list[str]:
    """The list of topics; empty when it is not one."""
    if isinstance(params, list) and all(isinstance(topic, str) for topic in params):
        return params
    return []


def _ack(msg: str, code: int = 0) -> str:
    return json.dumps({"id": 0, "code": code, "msg": msg}, separators=(",", ":"), ensure_ascii=False)
