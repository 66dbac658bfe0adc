"""Protects the answer to "why not?": every refusal of the header has its sentence, with value and limit in
human units.
"""

from __future__ import annotations

import pytest

from bridge.layout import abi_layout
from bridge.reasons import SENTENCES, Units, duration_text, refusal_sentence

UNITS = Units(qty_scale=100_000.0, base="BTC", quote="USDT")


def test_every_refusal_of_the_header_has_a_sentence_and_no_other_has() -> None:
    assert list(SENTENCES) == list(abi_layout().labels("abi_refusal", "ABI_REFUSAL_").values())


@pytest.mark.parametrize("name", SENTENCES)
def test_no_sentence_fails_on_extreme_figures(name: str) -> None:
    for value in (0, 1, -1, 2**63 - 1, -(2**63)):
        sentence = refusal_sentence(name, value, value, UNITS)
        assert sentence
        assert "{" not in sentence


@pytest.mark.parametrize(
    ("name", "value", "limit", "sentence"),
    [
        ("TRADING_STATE", 2, 0, "engine is HALTED, not ACTIVE"),
        ("STRATEGY_STATE", 3, 0, "strategy is STOPPED, not RUNNING"),
        ("VENUE_STATE", 2, 0, "a venue is STALE, not UP"),
        ("IN_FLIGHT", 1, 1, "1 pairs of the symbol open, limit 1"),
        ("COOLDOWN", 180_000_000, 0, "cooling down, 180 ms left"),
        ("BOOK_SPREAD", 5_100_000, 5_000_000, "spread of a venue is 510.00 bps, limit 500.00 bps"),
        ("QUOTE_AGE", 412_000_000, 250_000_000, "quote 412 ms old, limit 250 ms"),
        ("DEPTH", 5, 10, "displayed size 0.00005 BTC, at least 0.0001 BTC needed"),
        ("BALANCE", 1_050_000_000, 50_000_000_000, "free balance 10.5, 500 needed on a leg"),
        ("ORDER_NOTIONAL", 260_000_000_000, 250_000_000_000, "order of 2,600.00 USDT, limit 2,500.00 USDT"),
        ("DAILY_LOSS", -10_050_000_000, -10_000_000_000, "trading P&L today -100.50 USDT, limit -100.00 USDT"),
        ("UNKNOWN_ORDER", 2, 0, "2 order(s) of a venue are UNKNOWN"),
        ("CODE_63", 1, 2, "CODE_63 (value 1, limit 2)"),
    ],
)  # fmt: skip
def test_sentence_shows_value_and_limit(name: str, value: int, limit: int, sentence: str) -> None:
    assert refusal_sentence(name, value, limit, UNITS) == sentence


def test_durations_choose_a_readable_unit() -> None:
    values = (0, 999, 9_999, 10_000, 9_999_999, 10_000_000, 9_999_999_999, 10_000_000_000, -412_000_000)
    assert [duration_text(value) for value in values] == [
        "0 ns", "999 ns", "9999 ns", "10 us", "10000 us", "10 ms", "10000 ms", "10 s", "-412 ms",
    ]  # fmt: skip
