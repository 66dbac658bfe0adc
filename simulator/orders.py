"""Orders and fills as a venue keeps them, and their form in its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
SIDES = ("BUY", "SELL")
OPEN = ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True, slots=True)
class Fill:
    index: int  # of all fills of the venue, from 1
    trade_id: int
    order_id: int
    client_id: str
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    time_ms: int
    maker: bool

    @property
    def quote(self) -> Decimal:
        return self.price * self.qty

    def to_json(self) -> dict[str, object]:
        return {
            "index": self.index,
            "trade_id": self.trade_id,
            "order_id": self.order_id,
            "client_id": self.client_id,
            "symbol": self.symbol,
            "side": self.side,
            "price": plain(self.price),
            "qty": plain(self.qty),
            "quote": plain(self.quote),
            "fee": plain(self.fee),
            "fee_asset": self.fee_asset,
            "time_ms": self.time_ms,
            "maker": self.maker,
        }


@dataclass(slots=True)
class Order:
    """`status` is NEW, PARTIALLY_FILLED, FILLED, CANCELED (by request) or EXPIRED (rest of an IOC or FOK)."""

    order_id: int
    client_id: str
    symbol: str
    side: str
    tif: str  # GTC, IOC, FOK
    price: Decimal
    qty: Decimal
    time_ms: int
    updated_ms: int
    status: str = "NEW"
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)

    @property
    def rest(self) -> Decimal:
        return self.qty - self.executed

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def to_json(self) -> dict[str, object]:
        return {
            "order_id": self.order_id,
            "client_id": self.client_id,
            "symbol": self.symbol,
            "side": self.side,
            "tif": self.tif,
            "price": plain(self.price),
            "qty": plain(self.qty),
            "time_ms": self.time_ms,
            "updated_ms": self.updated_ms,
            "status": self.status,
            "executed": plain(self.executed),
            "quote": plain(self.quote),
        }


@dataclass(slots=True)
class Request:
    """One order request as it arrived, whatever became of it."""

    index: int
    time_ns: int  # wall clock at arrival
    client_id: str
    symbol: str
    side: str
    price: str
    qty: str
    outcome: str = "received"  # then: accepted, rejected
    detail: str = ""  # rejected: why
    order_id: int | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "index": self.index,
            "time_ns": self.time_ns,
            "client_id": self.client_id,
            "symbol": self.symbol,
            "side": self.side,
            "price": self.price,
            "qty": self.qty,
            "outcome": self.outcome,
            "detail": self.detail,
            "order_id": self.order_id,
        }


def plain(number: Decimal) -> str:
    """Exact decimal text without exponent and without trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def fill_from_json(row: dict[str, object]) -> Fill:
    return Fill(
        index=_int(row["index"]),
        trade_id=_int(row["trade_id"]),
        order_id=_int(row["order_id"]),
        client_id=str(row["client_id"]),
        symbol=str(row["symbol"]),
        side=str(row["side"]),
        price=Decimal(str(row["price"])),
        qty=Decimal(str(row["qty"])),
        fee=Decimal(str(row["fee"])),
        fee_asset=str(row["fee_asset"]),
        time_ms=_int(row["time_ms"]),
        maker=bool(row["maker"]),
    )


def order_from_json(row: dict[str, object]) -> Order:
    return Order(
        order_id=_int(row["order_id"]),
        client_id=str(row["client_id"]),
        symbol=str(row["symbol"]),
        side=str(row["side"]),
        tif=str(row["tif"]),
        price=Decimal(str(row["price"])),
        qty=Decimal(str(row["qty"])),
        time_ms=_int(row["time_ms"]),
        updated_ms=_int(row["updated_ms"]),
        status=str(row["status"]),
        executed=Decimal(str(row["executed"])),
        quote=Decimal(str(row["quote"])),
    )


def request_from_json(row: dict[str, object]) -> Request:
    return Request(
        index=_int(row["index"]),
        time_ns=_int(row["time_ns"]),
        client_id=str(row["client_id"]),
        symbol=str(row["symbol"]),
        side=str(row["side"]),
        price=str(row["price"]),
        qty=str(row["qty"]),
    )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
