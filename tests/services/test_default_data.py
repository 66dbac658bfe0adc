"""Protects the choice of history when nobody says which: two venues of the same days, the newest there are, invented
data never unsaid."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dashboard.optimizer import OptimizerError
from dashboard.services.default_data import BAR_NS, DAY_NS, DataChoice, last_days


@dataclass(frozen=True)
class Series:
    venue: str
    symbol: str
    first_day: int
    days: int
    synthetic: bool = False
    kind: str = "candles_1m"

    @property
    def first_ns(self) -> int:
        return self.first_day * DAY_NS

    @property
    def last_ns(self) -> int:
        return self.end_ns - BAR_NS

    @property
    def end_ns(self) -> int:
        return (self.first_day + self.days) * DAY_NS


VENUES = ("binance", "mexc", "kraken")


def choose(*stored: Series, symbols: tuple[str, ...] = ()) -> DataChoice:
    return last_days(stored, symbols=symbols, exchanges=VENUES)


def test_the_last_seven_days_that_both_venues_have() -> None:
    found = choose(Series("binance", "BTCUSDT", 100, 40), Series("mexc", "BTCUSDT", 90, 45))
    assert (found.symbols, found.exchanges) == (("BTCUSDT",), ("binance", "mexc"))
    assert (found.start_ns, found.end_ns) == (128 * DAY_NS, 135 * DAY_NS)
    assert not found.synthetic


def test_a_short_history_is_taken_whole() -> None:
    found = choose(Series("binance", "BTCUSDT", 100, 2), Series("mexc", "BTCUSDT", 100, 2))
    assert (found.start_ns, found.end_ns) == (100 * DAY_NS, 102 * DAY_NS)


def test_a_symbol_of_another_time_is_left_out() -> None:
    found = choose(
        *(Series(venue, "BTCUSDT", 100, 10) for venue in VENUES[:2]),
        *(Series(venue, "ETHUSDT", 10, 10, synthetic=True) for venue in VENUES[:2]),
    )
    assert (found.symbols, found.synthetic) == (("BTCUSDT",), False)


def test_invented_history_is_said_to_be_invented() -> None:
    found = choose(Series("binance", "BTCUSDT", 10, 9, synthetic=True), Series("mexc", "BTCUSDT", 10, 9))
    assert found.synthetic


def test_what_is_listed_first_counts_as_that_is_what_is_read() -> None:
    own = [Series(venue, "BTCUSDT", 100, 10) for venue in VENUES[:2]]
    shipped = [Series(venue, "BTCUSDT", 10, 4, synthetic=True) for venue in VENUES[:2]]
    assert choose(*own, *shipped) == choose(*own)


def test_symbols_without_two_venues_in_common_give_the_first_that_has_two() -> None:
    found = choose(
        Series("binance", "BTCUSDT", 100, 10),
        Series("mexc", "BTCUSDT", 100, 10),
        Series("mexc", "ETHUSDT", 100, 10),
        Series("kraken", "ETHUSDT", 100, 10),
    )
    assert (found.symbols, found.exchanges) == (("BTCUSDT",), ("binance", "mexc"))


@pytest.mark.parametrize(
    "stored",
    [
        (),
        (Series("binance", "BTCUSDT", 1, 9),),
        (Series("binance", "BTCUSDT", 1, 9), Series("bybit", "BTCUSDT", 1, 9)),
        (Series("binance", "BTCUSDT", 1, 9), Series("mexc", "BTCUSDT", 1, 9, kind="quotes")),
    ],
)
def test_one_venue_is_not_enough_and_the_error_names_the_commands(stored: tuple[Series, ...]) -> None:
    with pytest.raises(OptimizerError, match="at least two of binance, mexc, kraken; `arbdeck data list`"):
        choose(*stored)
