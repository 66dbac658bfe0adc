"""What one venue displays: the top of book per symbol, and what our own orders have taken from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Quote:
    """A side with quantity 0 is not there; its price then means nothing."""

    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal


EMPTY = Quote(ZERO, ZERO, ZERO, ZERO)
Listener = Callable[[str, Quote, int], None]


class Book:
    """Tops of one venue. Listeners are told (symbol, quote, update id) after each change."""

    def __init__(self, symbols: tuple[str, ...], first_update_id: int) -> None:
        self._tops = dict.fromkeys(symbols, EMPTY)
        self._ids = dict.fromkeys(symbols, first_update_id)
        self._next_id = first_update_id
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def top(self, symbol: str) -> Quote:
        return self._tops[symbol]

    def update_id(self, symbol: str) -> int:
        return self._ids[symbol]

    def show(self, symbol: str, quote: Quote) -> None:
        """A market update: replaces the top, with whatever was taken from it."""
        self._tops[symbol] = quote
        self._tell(symbol)

    def repeat(self, symbol: str) -> None:
        """Sends the present top again under a new update id; what was taken stays taken."""
        if self._tops[symbol] is not EMPTY:
            self._tell(symbol)

    def hide(self, symbol: str) -> None:
        """Nothing can be traded from here on, and nothing is sent: the venue is silent on this symbol."""
        self._tops[symbol] = EMPTY

    def take(self, symbol: str, side: str, limit: Decimal, qty: Decimal) -> tuple[Decimal, Decimal]:
        """Takes up to `qty` at prices within `limit`; returns (price, taken). Sent out by `repeat` only."""
        price, taken = self.reach(symbol, side, limit, qty)
        if taken == 0:
            return price, taken
        top = self._tops[symbol]
        if side == "BUY":
            self._tops[symbol] = Quote(top.bid, top.bid_qty, top.ask, top.ask_qty - taken)
        else:
            self._tops[symbol] = Quote(top.bid, top.bid_qty - taken, top.ask, top.ask_qty)
        return price, taken

    def reach(self, symbol: str, side: str, limit: Decimal, qty: Decimal) -> tuple[Decimal, Decimal]:
        """What `take` would get, without taking it."""
        top = self._tops[symbol]
        if side == "BUY":
            return top.ask, (min(qty, top.ask_qty) if top.ask <= limit else ZERO)
        return top.bid, (min(qty, top.bid_qty) if top.bid >= limit else ZERO)

    def _tell(self, symbol: str) -> None:
        self._next_id += 1
        self._ids[symbol] = self._next_id
        top = self._tops[symbol]
        for listener in self._listeners:
            listener(symbol, top, self._next_id)
