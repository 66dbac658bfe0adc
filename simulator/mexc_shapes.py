"""MEXC's JSON answers and the fields of its private protobuf messages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from simulator.account import Balance
from simulator.errors import Reason, Refused
from simulator.orders import Fill, Order, plain
from simulator.settings import SymbolSettings, VenueSettings

Json = dict[str, object]
ID_BASE = 505979017439000000000
TYPES = {"GTC": "LIMIT", "IOC": "IMMEDIATE_OR_CANCEL", "FOK": "FILL_OR_KILL"}
TIFS = {word: tif for tif, word in TYPES.items()}
ORDER_TYPES = {"GTC": 1, "IOC": 3, "FOK": 4}
STATUS_NUMBERS = {"NEW": 1, "FILLED": 2, "PARTIALLY_FILLED": 3, "CANCELED": 4, "PARTIALLY_CANCELED": 5}


class ApiError(Exception):
    """An error answer: HTTP status, MEXC code, message."""

    def __init__(self, status: int, code: int, msg: str) -> None:
        super().__init__(msg)
        self.status = status
        self.code = code
        self.msg = msg


def refusal(refused: Refused, symbol: SymbolSettings | None, cancel: bool = False) -> ApiError:
    """The venue's words for a refusal. Undocumented: what it says to a client id in use; -2010 stands in."""
    reason = refused.reason
    if reason is Reason.SYMBOL:
        return ApiError(400, 10007, "bad symbol")
    if reason is Reason.NOTIONAL:
        quote = symbol.quote if symbol is not None else ""
        return ApiError(
            400, 30002, f"The minimum transaction volume cannot be less than：{refused.field}{quote}"
        )
    if reason is Reason.BALANCE:
        return ApiError(400, 30004, "Insufficient position")
    if reason in (Reason.PRICE_FILTER, Reason.LOT_SIZE, Reason.PRECISION):
        scale = "price" if refused.field == "price" else "quantity"
        return ApiError(400, 400, f"{scale} scale is invalid")
    if reason is Reason.DUPLICATE:
        return ApiError(400, -2010, "Duplicate order sent.")
    if cancel or reason is Reason.NOT_OPEN:
        return ApiError(400, -2011, "Unknown order sent.")
    return ApiError(400, -2013, "Order does not exist.")


def order_id(number: int) -> str:
    return f"C02__{ID_BASE + number}"


def order_number(text: str) -> int | None:
    """Inverse of `order_id`; None when it is not one of ours."""
    digits = text.removeprefix("C02__")
    if not text.startswith("C02__") or not digits.isdecimal():
        return None
    return int(digits) - ID_BASE


def trade_id(number: int) -> str:
    return f"{ID_BASE + number}X1"


def status(order: Order) -> str:
    if order.status in ("EXPIRED", "CANCELED"):
        return "PARTIALLY_CANCELED" if order.executed > 0 else "CANCELED"
    return order.status


def order_ack(order: Order) -> Json:
    """Says that the order was taken, and nothing of what became of it."""
    return {
        "symbol": order.symbol,
        "orderId": order_id(order.order_id),
        "orderListId": -1,
        "price": plain(order.price),
        "origQty": plain(order.qty),
        "type": TYPES[order.tif],
        "side": order.side,
        "stpMode": "",
        "transactTime": order.time_ms,
    }


def order_state(order: Order) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order_id(order.order_id),
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": plain(order.price),
        "origQty": plain(order.qty),
        "executedQty": plain(order.executed),
        "cummulativeQuoteQty": plain(order.quote),
        "status": status(order),
        "timeInForce": None,
        "type": TYPES[order.tif],
        "side": order.side,
        "stopPrice": None,
        "time": order.time_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "origQuoteOrderQty": plain(order.price * order.qty),
    }


def trade(fill: Fill) -> Json:
    return {
        "symbol": fill.symbol,
        "id": trade_id(fill.trade_id),
        "orderId": order_id(fill.order_id),
        "orderListId": -1,
        "price": plain(fill.price),
        "qty": plain(fill.qty),
        "quoteQty": plain(fill.quote),
        "commission": plain(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side == "BUY",
        "isMaker": fill.maker,
        "isBestMatch": True,
        "isSelfTrade": False,
        "clientOrderId": fill.client_id,
    }


def account(balances: Mapping[str, Balance]) -> Json:
    return {
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "updateTime": None,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": plain(balance.free), "locked": plain(balance.locked)}
            for asset, balance in sorted(balances.items())
        ],
        "permissions": ["SPOT"],
    }


def exchange_info(settings: VenueSettings, symbols: list[SymbolSettings], now_ms: int) -> Json:
    return {
        "timezone": "CST",
        "serverTime": now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [_symbol(settings, symbol) for symbol in symbols],
    }


def _symbol(settings: VenueSettings, symbol: SymbolSettings) -> Json:
    base_digits, quote_digits = max(0, -symbol.lot.adjusted()), max(0, -symbol.tick.adjusted())
    return {
        "symbol": symbol.symbol,
        "status": "1",
        "baseAsset": symbol.base,
        "baseAssetPrecision": base_digits,
        "quoteAsset": symbol.quote,
        "quotePrecision": quote_digits,
        "quoteAssetPrecision": quote_digits,
        "baseCommissionPrecision": base_digits,
        "quoteCommissionPrecision": quote_digits,
        "orderTypes": ["LIMIT", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": f"{symbol.min_notional:.18f}",
        "baseSizePrecision": plain(symbol.lot),
        "permissions": ["SPOT"],
        "filters": [],
        "maxQuoteAmount": "4000000.000000000000000000",
        "makerCommission": plain(settings.maker_fee_bps / 10000),
        "takerCommission": plain(settings.taker_fee_bps / 10000),
        "quoteAmountPrecisionMarket": f"{symbol.min_notional:.18f}",
        "maxQuoteAmountMarket": "400000.000000000000000000",
        "tradeSideType": 1,
        "contractAddress": "",
    }


def private_order(order: Order) -> dict[str, object]:
    last = order.fills[-1] if order.fills else None
    average = (
        (order.quote / order.executed).quantize(Decimal("1e-12"), ROUND_HALF_UP) if order.executed else None
    )
    return {
        "id": order_id(order.order_id),
        "clientId": order.client_id,
        "price": plain(order.price),
        "quantity": plain(order.qty),
        "amount": plain(order.price * order.qty),
        "avgPrice": plain(average) if average is not None else "0",
        "orderType": ORDER_TYPES[order.tif],
        "tradeType": 1 if order.side == "BUY" else 2,
        "isMaker": last.maker if last is not None else False,
        "remainAmount": plain(order.price * order.qty - order.quote),
        "remainQuantity": plain(order.rest),
        "lastDealQuantity": plain(last.qty) if last is not None else "0",
        "cumulativeQuantity": plain(order.executed),
        "cumulativeAmount": plain(order.quote),
        "status": STATUS_NUMBERS[status(order)],
        "createTime": order.time_ms,
    }


def private_deal(fill: Fill) -> dict[str, object]:
    return {
        "price": plain(fill.price),
        "quantity": plain(fill.qty),
        "amount": plain(fill.quote),
        "tradeType": 1 if fill.side == "BUY" else 2,
        "isMaker": fill.maker,
        "isSelfTrade": False,
        "tradeId": trade_id(fill.trade_id),
        "clientOrderId": fill.client_id,
        "orderId": order_id(fill.order_id),
        "feeAmount": plain(fill.fee),
        "feeCurrency": fill.fee_asset,
        "time": fill.time_ms,
    }


def private_account(
    asset: str, now: Balance, before: tuple[Decimal, Decimal], kind: str, time_ms: int
) -> dict[str, object]:
    return {
        "vcoinName": asset,
        "coinId": asset.lower(),
        "balanceAmount": plain(now.free),
        "balanceAmountChange": plain(now.free - before[0]),
        "frozenAmount": plain(now.locked),
        "frozenAmountChange": plain(now.locked - before[1]),
        "type": kind,
        "time": time_ms,
    }
