"""One venue's past candles through ccxt: pages of a known size, in order, with patience for its rate limit."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from typing import Any

from .errors import HistoryError, HistoryOffline, field_error

MINUTE_MS = 60_000
# Rows that a venue gives at once, whatever the limit says; others are asked for PAGE_ROWS.
PAGE_ROWS = 300
PAGE_ROWS_OF = {
    "binance": 1000,
    "binanceus": 1000,
    "mexc": 500,
    "bybit": 1000,
    "kucoin": 1500,
    "gate": 1000,
    "okx": 100,
}
# Minutes back to which a venue answers at all; asked for older ones it gives the newest instead, or nothing.
DEPTH_MINUTES_OF = {"kraken": 720, "gate": 10_000}
TRIES = 4
WAIT_S = 1.0  # after the first failure, doubling
WAIT_S_MAX = 120.0  # a venue that asks for more is asked again another day
TIMEOUT_MS = 20_000

Row = tuple[int, float, float, float, float, float]  # open ms, open, high, low, close, volume


class VenueCandles:
    """The candles of one symbol.

    Args:
        venue: the name that ccxt has for it.
        symbol: the venue's own name for the market, such as BTCUSDT.
        url: another address of the venue; None: its own.
        wait: sleeps so many seconds.

    Raises HistoryError for an unknown venue or symbol, HistoryOffline when the venue does not answer.
    """

    def __init__(
        self, venue: str, symbol: str, url: str | None = None, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._venue = venue
        self._wait = wait
        self._exchange = _exchange(venue, url)
        self._call(self._load_spot_markets)
        found = [market for market in self._exchange.markets_by_id.get(symbol, []) if market.get("spot")]
        if not found:
            near = difflib.get_close_matches(symbol, list(self._exchange.markets_by_id), 5)
            hint = f"it has {', '.join(near)}" if near else "use the venue's own name, such as BTCUSDT"
            raise field_error("symbol", symbol, f"{venue} has no such spot market; {hint}")
        self._symbol = found[0]["symbol"]

    @property
    def page_minutes(self) -> int:
        return PAGE_ROWS_OF.get(self._venue, PAGE_ROWS)

    def page(self, start_ms: int, end_ms: int) -> list[Row]:
        """The candles with start_ms <= open < end_ms, at most page_minutes of them; the unfinished one may be there."""
        assert end_ms - start_ms <= self.page_minutes * MINUTE_MS
        rows = self._call(
            lambda: self._exchange.fetch_ohlcv(
                self._symbol, "1m", since=start_ms, limit=self.page_minutes, params={"until": end_ms - 1}
            )
        )
        whole = [row for row in rows if None not in row[:6] and start_ms <= row[0] < end_ms]
        return [(int(row[0]), *(float(value) for value in row[1:6])) for row in whole]  # type: ignore[misc]

    def _load_spot_markets(self) -> None:
        exchange = self._exchange
        exchange.has["fetchCurrencies"] = False  # wants keys at some venues, and is not needed
        if hasattr(exchange, "fetch_spot_markets"):
            exchange.set_markets(exchange.fetch_spot_markets({}))
            return
        types = exchange.options.get("fetchMarkets")
        if isinstance(types, dict) and isinstance(types.get("types"), list):
            types["types"] = ["spot"]
        exchange.load_markets()

    def _call(self, ask: Callable[[], Any]) -> Any:
        import ccxt  # type: ignore[import-untyped]

        wait_s = WAIT_S
        for attempt in range(1, TRIES + 1):
            try:
                return ask()
            except ccxt.NetworkError as error:  # rate limits, time-outs, no connection, 5xx
                asked_s = self._retry_after_s()
                if attempt == TRIES or asked_s > WAIT_S_MAX:
                    raise HistoryOffline(self._offline_text(error, asked_s)) from error
                self._wait(max(wait_s, asked_s))
                wait_s *= 2
            except ccxt.BaseError as error:
                raise HistoryError(f"{self._venue} refused the question: {_first_line(error)}") from error
        raise AssertionError("the last attempt returns or raises")

    def _retry_after_s(self) -> float:
        headers = {str(name).lower(): value for name, value in (self._exchange.last_response_headers or {}).items()}
        self._exchange.last_response_headers = None  # a later failure without an answer has none
        text = str(headers.get("retry-after", ""))
        return float(text) if text.isdecimal() else 0.0

    def _offline_text(self, error: Exception, asked_s: float) -> str:
        if asked_s > WAIT_S_MAX:
            return f"{self._venue} asks to wait for {asked_s:g} s"
        return f"{self._venue} does not answer ({type(error).__name__}: {_first_line(error)})"


def _exchange(venue: str, url: str | None) -> Any:
    import ccxt

    if venue not in ccxt.exchanges:
        near = difflib.get_close_matches(venue, ccxt.exchanges, 5)
        raise field_error("venue", venue, f"allowed are ccxt's names; near are {', '.join(near) or 'none'}")
    exchange = getattr(ccxt, venue)({"enableRateLimit": True, "timeout": TIMEOUT_MS})
    if not exchange.has.get("fetchOHLCV"):
        raise field_error("venue", venue, "gives no candles")
    if url is not None:
        _redirect(exchange, url.rstrip("/"))
    return exchange


def _redirect(exchange: Any, url: str) -> None:
    api = exchange.urls["api"]
    if exchange.id == "binance":
        api["public"] = f"{url}/api/v3"
    elif exchange.id == "mexc":
        api["spot"]["public"] = url
    else:
        raise field_error("url", url, "another address is possible for binance and mexc")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]
