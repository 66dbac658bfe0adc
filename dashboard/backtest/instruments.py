"""A symbol's assets, steps and minima: from engine.json, or from its name and its first price.

Steps must not depend on later data, else a row of tomorrow could change a trade of today.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bridge.core import CoreSymbol
from dashboard.backtest.desk import Desk, units
from dashboard.backtest.errors import BacktestError

# Longest first, so that BTCFDUSD is not taken for a symbol in USD.
QUOTE_ASSETS = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "DAI", "BTC", "ETH")
PRICE_FIGURES = 7  # significant figures of a price whose tick is not known
LOT_WORTH_MAX_USD = 0.1  # of a symbol whose lot is not known
MIN_NOTIONAL_DEFAULT = "5"
DIGITS_MAX = 12


@dataclass(frozen=True)
class Instrument:
    """Units: a price p is p x 10^price_digits, tick and lot are in these units."""

    name: str
    base: str
    quote: str
    price_digits: int
    qty_digits: int
    tick: int
    lot: int
    min_qty: int
    min_notional_e8: int
    known: bool  # False: steps were chosen here, engine.json does not have the symbol

    def core(self, assets: Sequence[str]) -> CoreSymbol:
        return CoreSymbol(
            self.name,
            self.price_digits,
            self.qty_digits,
            self.tick,
            self.lot,
            self.min_qty,
            self.min_notional_e8,
            assets.index(self.base),
            assets.index(self.quote),
        )


def assets_of(symbol: str, desk: Desk) -> tuple[str, str]:
    """(base, quote). Raises BacktestError for a name that does not tell."""
    if symbol in desk.symbols:
        return desk.symbols[symbol].base, desk.symbols[symbol].quote
    for quote in QUOTE_ASSETS:
        base = symbol.removesuffix(quote)
        if base and base != symbol:
            return base, quote
    raise BacktestError("symbols", symbol, f"its name must end with its quote asset: {', '.join(QUOTE_ASSETS)}")


def quotes_check(symbols: Sequence[str], desk: Desk) -> None:
    """Money of different kinds is not added up: all symbols of a run have one quote asset."""
    quotes = {symbol: assets_of(symbol, desk)[1] for symbol in symbols}
    if len(set(quotes.values())) > 1:
        listed = ", ".join(f"{symbol} in {quote}" for symbol, quote in quotes.items())
        raise BacktestError("symbols", list(symbols), f"all must be quoted in one asset; here {listed}")


def instrument_of(symbol: str, first_price: float, desk: Desk) -> Instrument:
    base, quote = assets_of(symbol, desk)
    held = desk.symbols.get(symbol)
    if held is None:
        price_digits = min(max(PRICE_FIGURES - 1 - math.floor(math.log10(first_price)), 0), DIGITS_MAX)
        qty_digits = min(max(math.ceil(math.log10(first_price / LOT_WORTH_MAX_USD)), 0), 19 - price_digits)
        least = units(MIN_NOTIONAL_DEFAULT, 10**8)
        return Instrument(symbol, base, quote, price_digits, qty_digits, 1, 1, 1, least, known=False)
    price_digits, qty_digits = _digits(held.tick), _digits(held.lot)
    return Instrument(
        symbol,
        base,
        quote,
        price_digits,
        qty_digits,
        units(held.tick, 10**price_digits),
        units(held.lot, 10**qty_digits),
        units(held.min_qty, 10**qty_digits),
        units(held.min_notional, 10**8),
        known=True,
    )


def _digits(step: str) -> int:
    exponent = Decimal(step).normalize().as_tuple().exponent
    return max(-int(exponent), 0)
