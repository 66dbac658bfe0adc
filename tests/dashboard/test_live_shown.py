"""Protects a live page of an engine with many symbols: small, showing what matters, saying that it is a part."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "bridge"))

import engine_double
from engine_double import EngineDouble

from bridge import CEngineBridge
from dashboard.live.hub import SLOW_EVERY, Hub
from dashboard.live.shown import HOLD_S, ROWS_MAX
from dashboard.services import EngineService

COUNT = 1024
NAMES = tuple(f"S{index:04d}USDT" for index in range(COUNT))


class Clock:
    """Seconds that a test sets."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def double(arbdeck_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineDouble]:
    symbols = tuple((name, 2, 3, index + 1) for index, name in enumerate(NAMES))
    monkeypatch.setattr(engine_double, "SYMBOLS", symbols)
    monkeypatch.setattr(engine_double, "ASSETS", ("USDT", *(name.removesuffix("USDT") for name in NAMES)))
    with EngineDouble(arbdeck_home) as engine:
        engine.publish_all()
        yield engine


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(double: EngineDouble, clock: Clock) -> Hub:
    return Hub(EngineService(lambda: CEngineBridge("double", double.home)), clock)


def page_of(hub: Hub) -> Any:
    for _ in range(SLOW_EVERY):
        hub.tick()
    return hub._tree


def quote(double: EngineDouble, venue: int, index: int, bid: int, age_ns: int = 0) -> None:
    page = double.page("book", venue, index // 32)
    slots = [double.slot("book", page, which) for which in (0, 1)]
    book = max(slots, key=lambda slot: int(slot["seq"]))["value"]["quote"].copy()
    now_ns = int(np.int64(engine_double.time.monotonic_ns()))
    book["bid_price"][index % 32], book["bid_qty"][index % 32] = bid, 1000
    book["ask_price"][index % 32], book["ask_qty"][index % 32] = bid + 1, 1000
    book["recv_mono_ns"][index % 32] = now_ns - age_ns
    double.publish("book", page, quote=book)


def test_a_page_of_1024_symbols_is_as_small_as_one_of_32(double: EngineDouble, hub: Hub) -> None:
    page = page_of(hub)
    assert page["shown"]["quotes"]["of"] == COUNT
    assert page["shown"]["balances"]["of"] == COUNT + 1
    assert list(page["quotes"]) == page["shown"]["quotes"]["names"] == list(NAMES[:ROWS_MAX])
    assert len(page["balances"]) == ROWS_MAX
    assert len(hub.tree_message()) < 64_000


def test_widest_gaps_are_shown_in_the_order_of_the_tables_and_a_choice_stands_for_a_while(
    double: EngineDouble, hub: Hub, clock: Clock
) -> None:
    for index in (1000, 500):
        quote(double, 0, index, 10_000)
        quote(double, 1, index, 10_100)
    names = page_of(hub)["shown"]["quotes"]["names"]
    assert names == [*NAMES[: ROWS_MAX - 2], NAMES[500], NAMES[1000]]
    quote(double, 0, 700, 10_000)
    quote(double, 1, 700, 10_200)
    clock.now_s += HOLD_S / 2
    assert page_of(hub)["shown"]["quotes"]["names"] == names
    clock.now_s += HOLD_S
    page = page_of(hub)
    assert page["shown"]["quotes"]["names"] == [*NAMES[: ROWS_MAX - 3], NAMES[500], NAMES[700], NAMES[1000]]
    assert page["quotes"][NAMES[700]]["mexc"][0] == 102.0


def test_a_symbol_with_an_open_exposure_is_shown_whatever_its_gap(double: EngineDouble, hub: Hub) -> None:
    items = double.slot("exposures")["value"]["item"].copy()
    items["state"][0], items["symbol"][0], items["sell_venue"][0] = 2, 1023, 1
    double.publish("exposures", item=items)
    assert page_of(hub)["shown"]["quotes"]["names"][-1] == NAMES[1023]


def test_assets_whose_ledger_and_venue_differ_are_shown_before_those_that_are_only_owned(
    double: EngineDouble, hub: Hub
) -> None:
    for index in range(33):
        page = double.page("balances", 1, index)
        rows = double.slot("balances", page)["value"]["asset"].copy()
        rows["total_e8"] = rows["venue_e8"] = 1
        rows["venue_wall_ns"] = 1
        if index == 31:
            rows["venue_e8"][31] = 2
        double.publish("balances", page, asset=rows)
    assert page_of(hub)["shown"]["balances"]["names"][-1] == NAMES[1022].removesuffix("USDT")
