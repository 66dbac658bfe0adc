"""Protects quotes and balances that lie in many pages: every symbol is found in its place, a page whose writer died
leaves the others and its own last whole copy readable, and nothing is read that the symbols do not need.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import engine_double
import pytest
from engine_double import EngineDouble

from bridge import CEngineBridge
from bridge.market import QuoteRows, book_paging
from bridge.types import Quote

COUNT = 70  # three pages, the last one not full
NAMES = tuple(f"S{index:02d}USDT" for index in range(COUNT))
S = 1_000_000_000


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineDouble]:
    symbols = tuple((name, 2, 3, index + 1) for index, name in enumerate(NAMES))
    monkeypatch.setattr(engine_double, "SYMBOLS", symbols)
    monkeypatch.setattr(engine_double, "ASSETS", ("USDT", *(name.removesuffix("USDT") for name in NAMES)))
    with tempfile.TemporaryDirectory(prefix="arbdeck-") as home, EngineDouble(Path(home)) as engine:
        engine.publish_all()
        yield engine


def show(double: EngineDouble, venue: int, page: int, first_price: int) -> None:
    """Publishes a page: its symbol i bids first_price + i cents and asks one cent more."""
    index = double.page("book", venue, page)
    book = double.slot("book", index)["value"]["quote"].copy()
    for place in range(len(book)):
        book["bid_price"][place], book["bid_qty"][place] = first_price + place, 1000
        book["ask_price"][place], book["ask_qty"][place] = first_price + place + 1, 1000
        book["recv_mono_ns"][place] = time.monotonic_ns()
    double.publish("book", index, quote=book)


def show_all(double: EngineDouble) -> None:
    size = book_paging().size
    for venue in range(2):
        for page in range(3):
            show(double, venue, page, 10_000 + page * size)


def bids(quotes: list[Quote]) -> list[float | None]:
    return [quote.bid for quote in quotes]


def test_every_symbol_of_every_page_is_found_in_its_place(double: EngineDouble, bridge: CEngineBridge) -> None:
    show_all(double)
    quotes = bridge.snapshot().quotes
    assert [(quote.venue, quote.symbol) for quote in quotes] == [
        (venue, name) for venue in ("binance", "mexc") for name in NAMES
    ]
    assert bids(list(quotes)) == [(10_000 + index) / 100 for index in range(COUNT)] * 2
    assert (quotes[-1].symbol, quotes[COUNT].venue, quotes[3:5][1].symbol) == (NAMES[-1], "mexc", "S04USDT")
    assert len(bridge.snapshot().balances) == 2 * (COUNT + 1)


def test_balances_of_the_last_page_belong_to_their_assets(double: EngineDouble, bridge: CEngineBridge) -> None:
    index = double.page("balances", 1, 2)
    rows = double.slot("balances", index)["value"]["asset"].copy()
    rows["total_e8"][COUNT - 64] = 150_000_000  # asset 70, behind USDT and 69 others
    double.publish("balances", index, asset=rows)
    owned = [(row.venue, row.asset, row.total) for row in bridge.snapshot().balances if row.total]
    assert owned == [("mexc", "S69", 1.5)]


def test_a_page_whose_writer_died_gives_its_last_whole_copy_and_the_others_their_newest(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    show_all(double)
    show(double, 0, 1, 20_000)
    index = double.page("book", 0, 1)
    newest = max((double.slot("book", index, which) for which in (0, 1)), key=lambda slot: int(slot["seq"]))
    newest["seq"] = int(newest["seq"]) - 1  # inside the second publication
    newest["value"]["quote"]["bid_price"] = 666
    show(double, 0, 2, 30_000)
    found = bids(bridge.snapshot().quotes[:COUNT])
    assert found[:64] == [(10_000 + place) / 100 for place in range(64)]
    assert found[64:] == [(30_000 + place) / 100 for place in range(COUNT - 64)]


def test_a_page_that_was_never_written_has_no_quotes(double: EngineDouble, bridge: CEngineBridge) -> None:
    for which in (0, 1):
        double.slot("book", double.page("book", 1, 2), which)["seq"] = 0
    quotes = bridge.snapshot().quotes
    assert [quote.symbol for quote in quotes if quote.venue == "mexc"] == list(NAMES[:64])
    assert len(quotes) == COUNT + 64


def test_pages_beyond_the_symbols_are_not_read(double: EngineDouble, bridge: CEngineBridge) -> None:
    for venue in range(2):
        for page in range(3, book_paging().count):
            for which in (0, 1):
                double.slot("book", double.page("book", venue, page), which)["seq"] = 1
    assert len(bridge.snapshot().quotes) == 2 * COUNT


def test_widest_gaps_come_first_and_old_or_crossed_quotes_do_not_count(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    show_all(double)
    for page, place, fields in (
        (0, 5, {"bid_price": 10_105, "ask_price": 10_106}),  # about 100 bps
        (2, 1, {"bid_price": 10_165, "ask_price": 10_166}),  # about 100 bps, a little less
        (1, 9, {"bid_price": 90_000, "ask_price": 90_001, "recv_mono_ns": time.monotonic_ns() - 60 * S}),
        (1, 10, {"bid_price": 90_000, "ask_price": 80_000, "flags": 1}),
        (1, 11, {"bid_price": 90_000, "ask_price": 0, "bid_qty": 1}),
    ):
        index = double.page("book", 0, page)
        slots = [double.slot("book", index, which) for which in (0, 1)]
        book = max(slots, key=lambda slot: int(slot["seq"]))["value"]["quote"].copy()
        for field, value in fields.items():
            book[field][place] = value
        double.publish("book", index, quote=book)
    quotes = bridge.snapshot().quotes
    assert isinstance(quotes, QuoteRows)
    assert quotes.widest(3, age_max_s=10.0) == ["S43USDT", "S05USDT", "S65USDT"]
    assert [quote.bid for quote in quotes.of("S05USDT")] == [101.05, 100.05]
    assert quotes.of("NONE") == []
