"""Protects the simulated venues' past: the same at every question, sound bars, with volume and silent minutes."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from simulator.book import Quote
from simulator.candles import LISTED_MS, MINUTE_MS, Candle, Candles
from simulator.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
NOW_MS = LISTED_MS + 5_000_000 * MINUTE_MS // 10 + 30_000
SYMBOLS = load_settings(ROOT / "config" / "simulator.json").symbols


def candles(venue: str = "binance") -> Candles:
    return Candles(venue, SYMBOLS, lambda: NOW_MS)


def past(venue: str = "binance", start: int = 100_000, count: int = 1000, silent: bool = True) -> list[Candle]:
    first = LISTED_MS + start * MINUTE_MS
    return candles(venue).between("BTCUSDT", first, first + (count - 1) * MINUTE_MS, 1000, silent)


def test_the_past_is_the_same_whoever_asks_and_however_much() -> None:
    assert past() == past()
    assert past()[500:510] == past(start=100_500, count=10)
    assert past() != past("mexc")


def test_bars_follow_each_other_on_the_minute_and_are_sound() -> None:
    rows = past()
    assert [row.open_ms for row in rows] == [LISTED_MS + (100_000 + i) * MINUTE_MS for i in range(1000)]
    for before, row in pairwise(rows):
        assert row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high
        if before.volume:
            assert row.open == before.close
    assert all(abs(row.close / SYMBOLS[0].mid - 1) < Decimal("0.1") for row in rows)


def test_a_silent_minute_repeats_the_last_price_or_is_left_out() -> None:
    rows = past()
    silent = [at for at, row in enumerate(rows) if row.volume == 0]
    assert 2 <= len(silent) <= 30
    for at in silent[1:]:
        assert len({rows[at].open, rows[at].high, rows[at].low, rows[at].close, rows[at - 1].close}) == 1
    assert [row for row in rows if row.volume] == past(silent=False)


def test_there_is_nothing_before_the_listing_nor_after_now() -> None:
    assert candles().between("BTCUSDT", 0, LISTED_MS - 1, 1000) == []
    assert candles().between("BTCUSDT", 0, None, 1)[0].open_ms == LISTED_MS
    assert candles().between("BTCUSDT", NOW_MS + MINUTE_MS, None, 10) == []
    assert candles().between("BTCUSDT", None, None, 3)[-1].open_ms == NOW_MS // MINUTE_MS * MINUTE_MS


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_a_limit_takes_the_first_from_a_start_and_the_last_without(limit: int) -> None:
    first = LISTED_MS + 1000 * MINUTE_MS
    assert [row.open_ms for row in candles().between("ETHUSDT", first, None, limit)] == [
        first + i * MINUTE_MS for i in range(limit)
    ]
    assert len(candles().between("ETHUSDT", None, None, limit)) == limit


def test_a_minute_that_was_seen_is_told_as_seen() -> None:
    found = candles()
    for price in (100, 103, 98, 101):
        found.on_quote("BTCUSDT", Quote(Decimal(price), Decimal(1), Decimal(price), Decimal(1)), 1)
    (row,) = found.between("BTCUSDT", None, None, 1)
    assert (row.open, row.high, row.low, row.close) == (100, 103, 98, 101) and row.volume > 0
