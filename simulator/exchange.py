"""One venue's matching and books of account, without any wire format.

An order meets the displayed top only: what is there at a price within its limit is taken, the rest of an IOC
expires, a FOK takes all or nothing, a LIMIT rests and is filled as maker when the market comes to it. Fees
come out of the asset received. Every change is on disk before anyone is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any, Literal

from simulator.account import Account, Balance
from simulator.book import Book, Quote
from simulator.errors import Reason, Refused, StoreError
from simulator.faults import Faults
from simulator.orders import (
    ZERO,
    Fill,
    Order,
    Request,
    fill_from_json,
    order_from_json,
    plain,
    request_from_json,
)
from simulator.settings import SymbolSettings, VenueSettings
from simulator.store import Store

FEE_DIGITS = {"binance": 8, "mexc": 19}
QTY_MAX = Decimal(10) ** 9
PRICE_MAX = Decimal(10) ** 9
BPS = Decimal("0.0001")

# Told after each change of an order: why (placed, filled while resting, canceled), the order, its new fills,
# and the assets whose balance changed.
Cause = Literal["placed", "filled", "canceled"]
OrderListener = Callable[[Cause, Order, list[Fill], list[str]], None]


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Exchange:
    def __init__(
        self,
        settings: VenueSettings,
        symbols: tuple[SymbolSettings, ...],
        store: Store,
        clock: Callable[[], int] = wall_ms,
    ) -> None:
        self.settings = settings
        self.symbols = {s.symbol: s for s in symbols}
        # Update ids must rise across restarts, as a venue's do: they start at the wall clock in microseconds.
        self.book = Book(tuple(self.symbols), time.time_ns() // 1000)
        self.account = Account(settings.balances)
        self.faults = Faults(settings.kind)
        self.orders: dict[int, Order] = {}
        self.by_client_id: dict[str, list[int]] = {}
        self.fills: list[Fill] = []
        self.requests: list[Request] = []
        self.request_counts: dict[str, int] = {}
        self._open: dict[int, Order] = {}
        self._store = store
        self._clock = clock
        self._next_order_id = 1
        self._next_trade_id = 1
        self._listeners: list[OrderListener] = []
        self._load()
        self.book.listen(self._on_market)

    # --- what clients ask

    def listen(self, listener: OrderListener) -> None:
        self._listeners.append(listener)

    def receive(self, client_id: str, symbol: str, side: str, price: str, qty: str) -> Request:
        """Notes an order request the moment it arrives, before anything is checked."""
        request = Request(len(self.requests) + 1, time.time_ns(), client_id, symbol, side, price, qty)
        self._store.append({"t": "request", "request": request.to_json()})
        self._keep_request(request)
        return request

    def reject(self, request: Request, detail: str) -> None:
        """Notes why a request came to nothing."""
        request.outcome, request.detail = "rejected", detail
        self._store.append({"t": "rejected", "index": request.index, "detail": detail})

    def place(self, request: Request, tif: str) -> Order:
        """Checks and executes; raises Refused."""
        try:
            order = self._accept(request, tif)
        except Refused as refusal:
            self.reject(request, str(refusal))
            raise
        request.outcome, request.order_id = "accepted", order.order_id
        fills = self._match(order)
        if order.is_open and order.tif != "GTC":
            order.status = "EXPIRED"
            self._release(order)
        self._commit("placed", order, fills, request.index)
        if fills:
            self.book.repeat(order.symbol)
        return order

    def cancel(self, order: Order) -> None:
        if not order.is_open:
            raise Refused(Reason.NOT_OPEN)
        order.status = "CANCELED"
        order.updated_ms = self._clock()
        self._release(order)
        self._commit("canceled", order, [], None)

    def find(self, symbol: str, order_id: int | None, client_id: str) -> Order:
        """By venue order id, else the newest order with that client id; raises Refused(NO_SUCH_ORDER)."""
        if order_id is None and client_id in self.by_client_id:
            order_id = self.by_client_id[client_id][-1]
        order = self.orders.get(order_id) if order_id is not None else None
        if order is None or order.symbol != symbol or (client_id and order.client_id != client_id):
            raise Refused(Reason.NO_SUCH_ORDER)
        return order

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        return [order for order in self._open.values() if symbol is None or order.symbol == symbol]

    def balances(self) -> dict[str, Balance]:
        return self.account.balances

    def close(self) -> None:
        self._store.close()

    # --- checks

    def _accept(self, request: Request, tif: str) -> Order:
        symbol = self.symbols.get(request.symbol)
        if symbol is None:
            raise Refused(Reason.SYMBOL, request.symbol)
        price, qty = Decimal(request.price), Decimal(request.qty)
        for name, value, step, most, reason in (
            ("price", price, symbol.tick, PRICE_MAX, Reason.PRICE_FILTER),
            ("quantity", qty, symbol.lot, QTY_MAX, Reason.LOT_SIZE),
        ):
            if digits(value) > max(8, digits(step)):
                raise Refused(Reason.PRECISION, name)
            if not step <= value <= most or value % step != 0:
                raise Refused(reason, name)
        if price * qty < symbol.min_notional:
            raise Refused(Reason.NOTIONAL, plain(symbol.min_notional))
        if any(self.orders[i].is_open for i in self.by_client_id.get(request.client_id, ())):
            raise Refused(Reason.DUPLICATE, request.client_id)
        if request.side == "BUY":
            self.account.lock(symbol.quote, price * qty)
        else:
            self.account.lock(symbol.base, qty)
        now = self._clock()
        order = Order(
            self._next_order_id, request.client_id, request.symbol, request.side, tif, price, qty, now, now
        )
        self._next_order_id += 1
        self._keep_order(order)
        return order

    # --- matching

    def _match(self, order: Order) -> list[Fill]:
        qty = order.rest
        fraction = self.faults.next_fraction()
        if fraction is not None:
            lot = self.symbols[order.symbol].lot
            qty = (qty * fraction).quantize(lot, rounding=ROUND_DOWN)
        if order.tif == "FOK" and self.book.reach(order.symbol, order.side, order.price, qty)[1] < order.qty:
            return []
        price, taken = self.book.take(order.symbol, order.side, order.price, qty)
        return [self._fill(order, price, part, maker=False) for part in self._parts(order.symbol, taken)]

    def _parts(self, symbol: str, qty: Decimal) -> list[Decimal]:
        """One trade, or several where the fault asks for it (several makers at one price)."""
        lot = self.symbols[symbol].lot
        pieces = self.faults.next_pieces()
        size = (qty / pieces).quantize(lot, rounding=ROUND_DOWN)
        if qty == 0 or size == 0:
            return [qty] if qty else []
        return [size] * (pieces - 1) + [qty - size * (pieces - 1)]

    def _fill(self, order: Order, price: Decimal, qty: Decimal, maker: bool) -> Fill:
        symbol = self.symbols[order.symbol]
        rate = (self.settings.maker_fee_bps if maker else self.settings.taker_fee_bps) * BPS
        bought = order.side == "BUY"
        fee_asset = symbol.base if bought else symbol.quote
        received = qty if bought else price * qty
        fee = round_fee(received * rate, FEE_DIGITS[self.settings.kind])
        if bought:
            self.account.pay(symbol.quote, price * qty)
            self.account.unlock(
                symbol.quote, (order.price - price) * qty
            )  # locked at the limit, paid at the price
        else:
            self.account.pay(symbol.base, qty)
        self.account.receive(fee_asset, received, fee)
        now = self._clock()
        fill = Fill(
            index=len(self.fills) + 1,
            trade_id=self._next_trade_id,
            order_id=order.order_id,
            client_id=order.client_id,
            symbol=order.symbol,
            side=order.side,
            price=price,
            qty=qty,
            fee=fee,
            fee_asset=fee_asset,
            time_ms=now,
            maker=maker,
        )
        self._next_trade_id += 1
        self.fills.append(fill)
        order.fills.append(fill)
        order.executed += qty
        order.quote += fill.quote
        order.status = "FILLED" if order.rest == 0 else "PARTIALLY_FILLED"
        order.updated_ms = now
        return fill

    def _release(self, order: Order) -> None:
        symbol = self.symbols[order.symbol]
        if order.side == "BUY":
            self.account.unlock(symbol.quote, order.price * order.rest)
        else:
            self.account.unlock(symbol.base, order.rest)

    def _on_market(self, name: str, quote: Quote, _update_id: int) -> None:
        for order in [o for o in self._open.values() if o.symbol == name]:
            crossing = quote.ask <= order.price if order.side == "BUY" else quote.bid >= order.price
            qty = min(order.rest, quote.ask_qty if order.side == "BUY" else quote.bid_qty)
            if crossing and qty > 0:
                self._commit("filled", order, [self._fill(order, order.price, qty, maker=True)], None)

    # --- memory

    def _commit(self, cause: Cause, order: Order, fills: list[Fill], request_index: int | None) -> None:
        symbol = self.symbols[order.symbol]
        assets = [symbol.base, symbol.quote]
        self._store.append(
            {
                "t": "order",
                "request": request_index,
                "order": order.to_json(),
                "fills": [fill.to_json() for fill in fills],
                "balances": {
                    a: [plain(b.free), plain(b.locked)] for a in assets for b in (self.account.of(a),)
                },
            }
        )
        if order.is_open:
            self._open[order.order_id] = order
        else:
            self._open.pop(order.order_id, None)
        for listener in self._listeners:
            listener(cause, order, fills, assets)

    def _keep_request(self, request: Request) -> None:
        self.requests.append(request)
        self.request_counts[request.client_id] = self.request_counts.get(request.client_id, 0) + 1

    def _keep_order(self, order: Order) -> None:
        self.orders[order.order_id] = order
        self.by_client_id.setdefault(order.client_id, []).append(order.order_id)

    def _load(self) -> None:
        started = False
        for record in self._store.load():
            started = True
            try:
                self._apply(record)
            except (KeyError, TypeError, ValueError, AssertionError, ArithmeticError) as error:
                raise StoreError(
                    f"{self._store.path}: a record cannot be read ({error}); start with --fresh."
                ) from error
        if not started:
            opening = {asset: plain(amount) for asset, amount in self.account.opening.items()}
            self._store.append({"t": "opening", "venue": self.settings.name, "balances": opening})
        self._next_order_id = max(self.orders, default=0) + 1
        self._next_trade_id = max((fill.trade_id for fill in self.fills), default=0) + 1
        self._open = {order.order_id: order for order in self.orders.values() if order.is_open}

    def _apply(self, record: dict[str, object]) -> None:
        kind = record["t"]
        if kind == "opening":
            self.account = Account(
                {asset: Decimal(amount) for asset, amount in _dict(record["balances"]).items()}
            )
        elif kind == "request":
            self._keep_request(request_from_json(_dict(record["request"])))
        elif kind == "rejected":
            request = self.requests[_index(record["index"]) - 1]
            request.outcome, request.detail = "rejected", str(record["detail"])
        else:
            self._apply_order(record)

    def _apply_order(self, record: dict[str, object]) -> None:
        order = order_from_json(_dict(record["order"]))
        known = self.orders.get(order.order_id)
        if known is None:
            self._keep_order(order)
        else:
            order.fills = known.fills
            self.orders[order.order_id] = order
        if record["request"] is not None:
            request = self.requests[_index(record["request"]) - 1]
            request.outcome, request.order_id = "accepted", order.order_id
        rows = record["fills"]
        assert isinstance(rows, list)
        for row in rows:
            fill = fill_from_json(row)
            self.fills.append(fill)
            order.fills.append(fill)
            self.account.fees[fill.fee_asset] = self.account.fees.get(fill.fee_asset, ZERO) + fill.fee
        for asset, (free, locked) in _dict(record["balances"]).items():
            self.account.balances[asset] = Balance(Decimal(free), Decimal(locked))


def digits(number: Decimal) -> int:
    """Decimals after the point, trailing zeros not counted."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def round_fee(fee: Decimal, places: int) -> Decimal:
    """Binance cuts fees at 8 decimals (half up); MEXC is exact down to 19."""
    return fee if digits(fee) <= places else fee.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _dict(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def _index(value: object) -> int:
    assert isinstance(value, int)
    return value
