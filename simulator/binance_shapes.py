"""Binance's JSON: answers, user data events and errors, built from what the exchange knows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from simulator.account import Balance
from simulator.errors import Reason, Refused
from simulator.orders import ZERO, Fill, Order
from simulator.settings import SymbolSettings, VenueSettings

Json = dict[str, object]
UID = 354937868
EXPIRY = {"IOC": "UNFILLED_IOC_QUANTITY_EXPIRED", "FOK": "UNFILLED_FOK_ORDER_EXPIRED"}


class ApiError(Exception):
    """An error answer: HTTP-like status, Binance code, message."""

    def __init__(self, status: int, code: int, msg: str, retry_ms: int | None = None) -> None:
        super().__init__(msg)
        self.status = status
        self.code = code
        self.msg = msg
        self.retry_ms = retry_ms  # wall clock


def refusal(refused: Refused, cancel: bool = False) -> ApiError:
    """The venue's words for a refusal."""
    reason = refused.reason
    if reason in (Reason.PRICE_FILTER, Reason.LOT_SIZE, Reason.NOTIONAL):
        return ApiError(400, -1013, f"Filter failure: {reason.name}")
    if reason is Reason.PRECISION:
        return ApiError(400, -1111, f"Parameter '{refused.field}' has too much precision.")
    if reason is Reason.SYMBOL:
        return ApiError(400, -1121, "Invalid symbol.")
    if reason is Reason.BALANCE:
        return ApiError(400, -2010, "Account has insufficient balance for requested action.")
    if reason is Reason.DUPLICATE:
        return ApiError(400, -2010, "Duplicate order sent.")
    if cancel or reason is Reason.NOT_OPEN:
        return ApiError(400, -2011, "Unknown order sent.")
    return ApiError(400, -2013, "Order does not exist.")


def d8(number: Decimal) -> str:
    return f"{number:.8f}"


def order_placed(order: Order, response_type: str) -> Json:
    answer: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.updated_ms,
    }
    if response_type == "ACK":
        return answer
    answer |= _amounts(order)
    answer["workingTime"] = order.time_ms
    if response_type == "FULL":
        answer["fills"] = [
            {
                "price": d8(fill.price),
                "qty": d8(fill.qty),
                "commission": d8(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ]
    answer["selfTradePreventionMode"] = "NONE"
    if order.status == "EXPIRED":
        answer["expiryReason"] = EXPIRY[order.tif]
    return answer


def order_state(order: Order) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_amounts(order),
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.time_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.time_ms,
        "selfTradePreventionMode": "NONE",
    }


def order_canceled(order: Order, cancel_id: str) -> Json:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_amounts(order),
        "selfTradePreventionMode": "NONE",
    }


def _amounts(order: Order) -> Json:
    return {
        "price": d8(order.price),
        "origQty": d8(order.qty),
        "executedQty": d8(order.executed),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": d8(order.quote),
        "status": order.status,
        "timeInForce": order.tif,
        "type": "LIMIT",
        "side": order.side,
    }


def trade(fill: Fill) -> Json:
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": d8(fill.price),
        "qty": d8(fill.qty),
        "quoteQty": d8(fill.quote),
        "commission": d8(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side == "BUY",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def account(settings: VenueSettings, balances: Mapping[str, Balance], now_ms: int, omit_zero: bool) -> Json:
    maker, taker = settings.maker_fee_bps, settings.taker_fee_bps
    return {
        "makerCommission": int(maker),
        "takerCommission": int(taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "commissionRates": {
            "maker": d8(maker / 10000),
            "taker": d8(taker / 10000),
            "buyer": "0.00000000",
            "seller": "0.00000000",
        },
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": d8(balance.free), "locked": d8(balance.locked)}
            for asset, balance in sorted(balances.items())
            if not (omit_zero and balance.free == 0 and balance.locked == 0)
        ],
        "permissions": ["SPOT"],
        "uid": UID,
    }


def commission(settings: VenueSettings, symbol: str) -> Json:
    none = {name: "0.00000000" for name in ("maker", "taker", "buyer", "seller")}
    return {
        "symbol": symbol,
        "standardCommission": none
        | {"maker": d8(settings.maker_fee_bps / 10000), "taker": d8(settings.taker_fee_bps / 10000)},
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.00000000",
        },
    }


def exchange_info(settings: VenueSettings, symbols: list[SymbolSettings], now_ms: int) -> Json:
    limits = settings.limits
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute),
            _limit("ORDERS", "SECOND", 10, limits.orders_per_10s),
            _limit("ORDERS", "DAY", 1, limits.orders_per_day),
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(symbol) for symbol in symbols],
    }


def _limit(kind: str, interval: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _symbol(symbol: SymbolSettings) -> Json:
    return {
        "symbol": symbol.symbol,
        "status": "TRADING",
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": d8(symbol.tick),
                "maxPrice": "1000000000.00000000",
                "tickSize": d8(symbol.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": d8(symbol.lot),
                "maxQty": "1000000000.00000000",
                "stepSize": d8(symbol.lot),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": d8(symbol.min_notional),
                "applyMinToMarket": True,
                "maxNotional": "1000000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


class Reports:
    """User data events; execution ids rise over the life of the process."""

    def __init__(self, first_execution_id: int) -> None:
        self._execution_id = first_execution_id

    def placed(self, order: Order, now_ms: int) -> list[Json]:
        events = [self._report(order, now_ms, "NEW", "NEW", None, ZERO, ZERO)]
        events += self.trades(order, order.fills, now_ms)
        if order.status == "EXPIRED":
            events.append(
                self._report(order, now_ms, "EXPIRED", "EXPIRED", None, order.executed, order.quote)
            )
            events[-1]["eR"] = EXPIRY[order.tif]
        return events

    def trades(self, order: Order, fills: list[Fill], now_ms: int) -> list[Json]:
        qty = order.executed - sum((fill.qty for fill in fills), ZERO)
        quote = order.quote - sum((fill.quote for fill in fills), ZERO)
        events = []
        for fill in fills:
            qty, quote = qty + fill.qty, quote + fill.quote
            status = "FILLED" if qty == order.qty else "PARTIALLY_FILLED"
            events.append(self._report(order, now_ms, "TRADE", status, fill, qty, quote))
        return events

    def canceled(self, order: Order, cancel_id: str, now_ms: int) -> Json:
        event = self._report(order, now_ms, "CANCELED", "CANCELED", None, order.executed, order.quote)
        event["c"], event["C"] = cancel_id, order.client_id
        return event

    def _report(
        self,
        order: Order,
        now_ms: int,
        execution: str,
        status: str,
        fill: Fill | None,
        qty: Decimal,
        quote: Decimal,
    ) -> Json:
        self._execution_id += 1
        return {
            "e": "executionReport",
            "E": now_ms,
            "s": order.symbol,
            "c": order.client_id,
            "S": order.side,
            "o": "LIMIT",
            "f": order.tif,
            "q": d8(order.qty),
            "p": d8(order.price),
            "P": "0.00000000",
            "F": "0.00000000",
            "g": -1,
            "C": "",
            "x": execution,
            "X": status,
            "r": "NONE",
            "i": order.order_id,
            "l": d8(fill.qty) if fill else "0.00000000",
            "z": d8(qty),
            "L": d8(fill.price) if fill else "0.00000000",
            "n": d8(fill.fee) if fill else "0",
            "N": fill.fee_asset if fill else None,
            "T": fill.time_ms if fill else order.updated_ms,
            "t": fill.trade_id if fill else -1,
            "I": self._execution_id,
            "w": status in ("NEW", "PARTIALLY_FILLED") and order.is_open,
            "m": fill.maker if fill else False,
            "M": False,
            "O": order.time_ms,
            "Z": d8(quote),
            "Y": d8(fill.quote) if fill else "0.00000000",
            "Q": "0.00000000",
            "W": order.time_ms,
            "V": "NONE",
        }


def position(balances: Mapping[str, Balance], assets: list[str], now_ms: int) -> Json:
    return {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": now_ms,
        "B": [{"a": a, "f": d8(balances[a].free), "l": d8(balances[a].locked)} for a in assets],
    }
