"""Binance's market streams: bookTicker raw and combined, and the control messages on the same connection."""

from __future__ import annotations

import json

from simulator.book import Quote
from simulator.exchange import Exchange
from simulator.peer import Peer

STREAMS_MAX = 1024
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
GARBAGE = (
    '{"u":1,"s":"BTCUSDT","b":"garbage","B":"1","a":"2","A":"1"}',
    "not json at all",
    '{"u":2,"s":"BTCUSDT","b":"1.0","B":"1"',
    "[]",
)


class BinanceFeed:
    """Any well-formed stream name may be subscribed; only `<symbol>@bookTicker` of a listed symbol ever
    sends."""

    def __init__(self, exchange: Exchange, peers: set[Peer]) -> None:
        self._exchange = exchange
        self._peers = peers
        exchange.book.listen(self._on_quote)

    def opened(self, peer: Peer, stream: str, streams: str | None) -> None:
        names = streams.split("/") if streams is not None else [name for name in (stream,) if name]
        peer.subscriptions.update(name for name in names if name)
        peer.combined = streams is not None

    def on_text(self, peer: Peer, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            peer.push('{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}')
            return
        peer.push(json.dumps(self._control(peer, message), separators=(",", ":")))

    def _control(self, peer: Peer, message: object) -> dict[str, object]:
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return {
                "error": {"code": 2, "msg": "Invalid request: missing field `method` at line 1 column 73"},
                "id": None,
            }
        request_id, method = message.get("id"), message["method"]
        if method not in METHODS:
            expected = ", ".join(f"`{name}`" for name in METHODS)
            msg = f"Invalid request: unknown variant `{method}`, expected one of {expected}"
            return {"error": {"code": 2, "msg": msg}, "id": request_id}
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": sorted(peer.subscriptions), "id": request_id}
        params = message.get("params")
        if method in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(peer, method, params, request_id)
        if not isinstance(params, list) or not all(isinstance(name, str) and name for name in params):
            msg = "Invalid request: request params must be an array of stream names"
            return {"error": {"code": 2, "msg": msg}, "id": request_id}
        wanted = (
            peer.subscriptions | set(params) if method == "SUBSCRIBE" else peer.subscriptions - set(params)
        )
        if len(wanted) > STREAMS_MAX:
            return {
                "error": {"code": 2, "msg": f"Invalid request: more than {STREAMS_MAX} streams"},
                "id": request_id,
            }
        peer.subscriptions = wanted
        return {"result": None, "id": request_id}

    def _property(self, peer: Peer, method: str, params: object, request_id: object) -> dict[str, object]:
        if not isinstance(params, list) or not params or params[0] != "combined":
            return {"code": 0, "msg": "Unknown property", "id": request_id}
        if method == "GET_PROPERTY":
            return {"result": peer.combined, "id": request_id}
        if len(params) != 2 or not isinstance(params[1], bool):
            return {"code": 1, "msg": "Invalid value type: expected Boolean", "id": request_id}
        peer.combined = params[1]
        return {"result": None, "id": request_id}

    def _on_quote(self, symbol: str, quote: Quote, update_id: int) -> None:
        faults = self._exchange.faults
        if faults.muted or symbol in faults.refused:
            return
        stream = f"{symbol.lower()}@bookTicker"
        raw = book_ticker(symbol, quote, update_id)
        combined = f'{{"stream":"{stream}","data":{raw}}}'
        garbage = GARBAGE[faults.garbage % len(GARBAGE)] if faults.use("garbage") else None
        for peer in self._peers:
            if peer.role == "feed" and stream in peer.subscriptions:
                if garbage is not None:
                    peer.push(garbage)
                peer.push(combined if peer.combined else raw)


def book_ticker(symbol: str, quote: Quote, update_id: int) -> str:
    """An empty side is sent as zeros."""
    bid = quote.bid if quote.bid_qty else quote.bid_qty
    ask = quote.ask if quote.ask_qty else quote.ask_qty
    return (
        f'{{"u":{update_id},"s":"{symbol}","b":"{bid:.8f}","B":"{quote.bid_qty:.8f}",'
        f'"a":"{ask:.8f}","A":"{quote.ask_qty:.8f}"}}'
    )
