"""A second, slow reading of the rules in Decimal: for one symbol on two venues of bars it trades, fills, hedges and
books by itself. It shares the history with the product and nothing else; every constant is written down here again."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

MINUTE = 60_000_000_000
TICK, LOT = Decimal("0.01"), Decimal("0.00001")
MIN_NOTIONAL = Decimal(5)
BPS = Decimal("0.0001")
BUFFER = Decimal("0.01")
HEDGE_SLIP = (Decimal(10) * BPS, Decimal(30) * BPS, Decimal(50) * BPS)
HEDGES_MAX = 5
RETRY_NS = 200_000_000
AGE_MAX_NS = 250_000_000
REPETITIONS_MAX, REPETITION_NS = 20, 60_000_000_000
REFERENCE_MAX, COLLAR_MAX, EDGE_MAX = 200 * BPS, 50 * BPS, 300 * BPS
ZERO = Decimal(0)


def down(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def up(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step


@dataclass
class Quote:
    time_ns: int
    venue: int
    bid: Decimal
    ask: Decimal
    size: Decimal
    decides: bool


@dataclass
class Order:
    pair: Pair
    venue: int
    buy: bool
    limit: Decimal
    qty: Decimal
    decided_ns: int
    expires_ns: int
    reserved: Decimal


@dataclass
class Pair:
    time_ns: int
    buy_venue: int
    sell_venue: int
    buy_touch: Decimal
    sell_touch: Decimal
    qty: Decimal
    open_orders: int = 2
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    paid: Decimal = ZERO
    received: Decimal = ZERO
    fees: Decimal = ZERO
    hedges: int = 0
    attempts: int = 0
    retry_ns: int = 0
    final_ns: int | None = None
    blocked: bool = False


def quotes_of(rows: list[dict[str, Any]], half_bps: Decimal, size_usd: Decimal) -> list[Quote]:
    """rows: venue, ts_ns, open, close, volume."""
    found = []
    for row in rows:
        for price, at, decides in (
            (row["open"], row["ts_ns"], False),
            (row["close"], row["ts_ns"] + MINUTE - 1, True),
        ):
            if row["volume"] <= 0:
                continue
            exact, volume = Decimal(repr(float(price))), Decimal(repr(float(row["volume"])))
            size = down(min(size_usd / exact, volume), LOT)
            bid, ask = down(exact * (1 - half_bps * BPS), TICK), up(exact * (1 + half_bps * BPS), TICK)
            if size > 0:
                found.append(Quote(at, row["venue"], bid, max(ask, bid + TICK), size, decides))
    return sorted(found, key=lambda quote: (quote.time_ns, quote.venue))


@dataclass
class Twin:
    """params in bps, USD and ns; fees in bps by venue."""

    quotes: list[Quote]
    fees_bps: tuple[Decimal, Decimal]
    min_spread: Decimal
    min_net: Decimal
    slip: Decimal
    position: Decimal
    cooldown_ns: int
    start_ns: int
    end_ns: int
    cash: list[Decimal]
    base: list[Decimal]
    book: dict[int, Quote] = field(default_factory=dict)
    heard: list[int] = field(default_factory=lambda: [0, 0])
    stale: list[bool] = field(default_factory=lambda: [False, False])
    orders: list[Order] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    held: list[dict[str, Decimal]] = field(default_factory=lambda: [{}, {}])
    final: dict[tuple[int, int], int] = field(default_factory=dict)
    mark: Decimal | None = None
    reference: Decimal | None = None
    curve: list[tuple[int, Decimal]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.heard = [self.start_ns, self.start_ns]
        self.began = (sum(self.cash), sum(self.base))
        self.next_mark = self.start_ns - self.start_ns % MINUTE + MINUTE

    # ---- time ----

    def run(self) -> None:
        at = 0
        while at < len(self.quotes):
            now = self.quotes[at].time_ns
            group = [quote for quote in self.quotes[at : at + 2] if quote.time_ns == now]
            self.own_until(now - 1)
            self.meet(group, now)
            self.own_until(now)
            for quote in group:
                self.book[quote.venue], self.heard[quote.venue] = quote, now
                self.stale[quote.venue] = False
            changed = [quote.venue for quote in group if quote.decides]
            if changed and len(self.book) == 2:
                first = changed[0]
                self.decide(first, 1 - first, now)
                self.decide(1 - first, first, now)
            at += len(group)
        self.own_until(self.end_ns)
        self.next_mark = 2**63
        self.own_until(self.end_ns + 60 * MINUTE)
        self.do_mark(max(self.end_ns, self.last_ns))

    last_ns = 0

    def own_until(self, now: int) -> None:
        while True:
            due = [order.expires_ns for order in self.orders]
            due += [pair.retry_ns for pair in self.hedging()]
            due.append(self.next_mark)
            at = min(due)
            if at > now:
                return
            at = max(at, self.last_ns)
            self.last_ns = at
            for order in [order for order in self.orders if order.expires_ns <= at]:
                self.close(order, None, at)
            if self.next_mark <= at:
                for venue in (0, 1):
                    self.stale[venue] = self.stale[venue] or at - self.heard[venue] >= 2 * MINUTE
                self.do_mark(at)
                self.next_mark += MINUTE
            for pair in self.hedging():
                if pair.retry_ns <= at:
                    self.hedge(pair, at)

    def hedging(self) -> list[Pair]:
        return [p for p in self.pairs if p.final_ns is None and p.open_orders == 0]

    # ---- orders ----

    def meet(self, group: list[Quote], now: int) -> None:
        met = []
        for quote in group:
            left = {True: quote.size, False: quote.size}
            for order in list(self.orders):
                if order.venue != quote.venue or order.decided_ns >= now:
                    continue
                price = quote.ask if order.buy else quote.bid
                within = price <= order.limit if order.buy else price >= order.limit
                qty = min(order.qty, left[order.buy]) if within else ZERO
                left[order.buy] -= qty
                met.append((order, (price, qty)))
        for order, fill in sorted(met, key=lambda found: self.orders.index(found[0])):
            self.last_ns = now
            self.close(order, fill, now)

    def close(self, order: Order, fill: tuple[Decimal, Decimal] | None, now: int) -> None:
        self.orders.remove(order)
        pair = order.pair
        self.hold(order, -order.reserved)
        if fill is not None and fill[1] > 0:
            self.book_fill(order, *fill)
        pair.open_orders -= 1
        if pair.open_orders == 0:
            self.settle(pair, now)

    def book_fill(self, order: Order, price: Decimal, qty: Decimal) -> None:
        pair, rate = order.pair, self.fees_bps[order.venue] * BPS
        if order.buy:
            self.cash[order.venue] -= price * qty
            self.base[order.venue] += qty - qty * rate
            pair.bought += qty
            pair.paid += price * qty
        else:
            self.cash[order.venue] += price * qty - price * qty * rate
            self.base[order.venue] -= qty
            pair.sold += qty
            pair.received += price * qty
        pair.fees += price * qty * rate

    def settle(self, pair: Pair, now: int) -> None:
        residual = pair.bought - pair.sold
        least = min(pair.buy_touch, pair.sell_touch) * abs(residual)
        if abs(residual) < LOT or least < MIN_NOTIONAL:
            pair.final_ns = now
            self.final[pair.buy_venue, pair.sell_venue] = now
        elif pair.retry_ns <= now or pair.attempts >= HEDGES_MAX:
            self.hedge(pair, now)

    def hedge(self, pair: Pair, now: int) -> None:
        if pair.attempts >= HEDGES_MAX:
            pair.final_ns, pair.blocked = now, True
            return
        residual = pair.bought - pair.sold
        step = min(pair.attempts, 2)
        buy, slip, complete = residual < 0, HEDGE_SLIP[step], step < 2
        venue = pair.sell_venue if (residual > 0) == complete else pair.buy_venue
        if self.stale[venue]:
            pair.retry_ns = now + RETRY_NS
            return
        touch = pair.sell_touch if venue == pair.sell_venue else pair.buy_touch
        # Limits are rounded to a unit, then to the tick, which is a unit here.
        limit = down(touch * (1 + slip), TICK) if buy else up(touch * (1 - slip), TICK)
        pair.attempts += 1
        pair.retry_ns = now + RETRY_NS
        qty = abs(residual)
        need = self.need(venue, buy, limit, qty)
        if need <= self.free(venue, buy):
            pair.hedges += 1
            pair.open_orders = 1
            self.place(pair, venue, buy, limit, qty, need, now)

    def need(self, venue: int, buy: bool, limit: Decimal, qty: Decimal) -> Decimal:
        e8 = Decimal("1e-8")
        if not buy:
            return qty
        notional = up(limit * qty, e8)
        return up(up(notional * (1 + self.fees_bps[venue] * BPS), e8) * (1 + BUFFER), e8)

    def free(self, venue: int, buy: bool) -> Decimal:
        total = self.cash[venue] if buy else self.base[venue]
        return down(total, Decimal("1e-8")) - self.held[venue].get("cash" if buy else "base", ZERO)

    def hold(self, order: Order, amount: Decimal) -> None:
        name = "cash" if order.buy else "base"
        self.held[order.venue][name] = self.held[order.venue].get(name, ZERO) + amount

    def place(self, pair: Pair, venue: int, buy: bool, limit: Decimal, qty: Decimal, held: Decimal, now: int) -> None:
        order = Order(pair, venue, buy, limit, qty, now, now + MINUTE, held)
        self.orders.append(order)
        self.hold(order, held)

    # ---- decisions ----

    def decide(self, buyer: int, seller: int, now: int) -> None:
        ask, bid = self.book[buyer].ask, self.book[seller].bid
        buy_fee, sell_fee = (self.fees_bps[venue] * BPS for venue in (buyer, seller))
        if bid < ask * (1 + self.min_spread * BPS):
            return
        if bid * (1 - sell_fee) < ask * (1 + buy_fee + 2 * self.slip * BPS + self.min_net * BPS):
            return
        if not self.allowed(buyer, seller, ask, bid, now):
            return
        sell_limit = up(bid * (1 - self.slip * BPS), TICK)
        ceiling = down(sell_limit * (1 - sell_fee) / (1 + buy_fee + self.min_net * BPS), TICK)
        buy_limit = min(down(ask * (1 + self.slip * BPS), TICK), ceiling)
        least = max(up(MIN_NOTIONAL / min(buy_limit, sell_limit), LOT), LOT)
        depth = min(self.book[buyer].size, self.book[seller].size)
        afford = self.affordable(buyer, seller, buy_limit)
        if depth < least or afford < least or buy_limit < ask or sell_limit > bid:
            return
        wanted = down(self.position / max(buy_limit, sell_limit), LOT)
        qty = min(wanted, depth, afford)
        if qty < LOT or min(buy_limit, sell_limit) * qty < MIN_NOTIONAL:
            return
        pair = Pair(now, buyer, seller, ask, bid, qty)
        self.pairs.append(pair)
        self.place(pair, buyer, True, buy_limit, qty, self.need(buyer, True, buy_limit, qty), now)
        self.place(pair, seller, False, sell_limit, qty, qty, now)

    def allowed(self, buyer: int, seller: int, ask: Decimal, bid: Decimal, now: int) -> bool:
        if any(self.stale) or any(pair.final_ns is None or pair.blocked for pair in self.pairs):
            return False
        cooled = self.final.get((buyer, seller))
        if cooled is not None and now < cooled + self.cooldown_ns:
            return False
        oldest = min(self.book[0].time_ns, self.book[1].time_ns)
        if now - oldest > AGE_MAX_NS or self.reference is None or (bid - ask) / ask > EDGE_MAX:
            return False
        off = max(abs(ask - self.reference), abs(bid - self.reference)) / self.reference
        return off <= REFERENCE_MAX

    def affordable(self, buyer: int, seller: int, limit: Decimal) -> Decimal:
        qty = down(self.free(buyer, True) / (1 + self.fees_bps[buyer] * BPS) / (1 + BUFFER) / limit, LOT)
        while qty > 0 and self.need(buyer, True, limit, qty) > self.free(buyer, True):
            qty -= LOT
        return min(qty, down(self.free(seller, False) / (1 + BUFFER), LOT))

    # ---- marks ----

    def do_mark(self, now: int) -> None:
        live = [self.book[venue] for venue in self.book if not self.stale[venue]]
        if live:
            total = sum((quote.bid + quote.ask for quote in live), ZERO)
            mid = down(total / (2 * len(live)), TICK)
            self.mark = mid
            self.reference = mid
        elif now - self.heard_reference >= MINUTE:
            self.reference = None
        if live:
            self.heard_reference = now
        if self.mark is not None and (not self.curve or self.curve[-1][0] != now):
            gained = sum(self.cash) - self.began[0] + (sum(self.base) - self.began[1]) * self.mark
            self.curve.append((now, gained))

    heard_reference = -(2**62)
