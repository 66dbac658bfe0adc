"""Protects the synthetic market: the same path from the same seed, quotes often enough, gaps as promised."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import pytest

from simulator.market import Market, Update
from simulator.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def config() -> Settings:
    return load_settings(ROOT / "config" / "simulator.json")


def market(config: Settings, seed: int = 1, **changes: float) -> Market:
    return Market(seed, dataclasses.replace(config.market, **changes), config.symbols, len(config.venues))


class Tops:
    """Latest quotes, as a client on both venues would hold them."""

    def __init__(self, count: int) -> None:
        self.quotes: list[list[Update | None]] = [[None] * count for _ in range(2)]

    def apply(self, updates: list[Update]) -> None:
        for update in updates:
            self.quotes[update.venue][update.symbol] = update

    def gross_bps(self, symbol: int, buy: int) -> float:
        a, b = self.quotes[buy][symbol], self.quotes[1 - buy][symbol]
        if a is None or b is None:
            return 0.0
        return float(b.quote.bid / a.quote.ask - 1) * 1e4


def test_same_seed_gives_the_same_path_and_another_seed_another(config: Settings) -> None:
    first, second, other = market(config, 7), market(config, 7), market(config, 8)
    path = [first.advance() for _ in range(5000)]
    assert path == [second.advance() for _ in range(5000)]
    assert path != [other.advance() for _ in range(5000)]


def test_ten_minutes_show_a_gap_about_every_twenty_seconds_and_hardly_any_outside(config: Settings) -> None:
    model, tops = market(config, config.seed), Tops(len(config.symbols))
    episodes, outside_steps, directions = 0, 0, set()
    open_before = [[False] * 2 for _ in config.symbols]
    for _ in range(600 * int(model.steps_per_s)):
        tops.apply(model.advance())
        for symbol in range(len(config.symbols)):
            for buy in (0, 1):
                gross = tops.gross_bps(symbol, buy)
                wide = gross > 20.0
                if wide and not open_before[symbol][buy]:
                    episodes += 1
                    directions.add((symbol, buy))
                open_before[symbol][buy] = wide
                outside_steps += gross > 18.0 and not model.gap_active(symbol)
    assert 18 <= episodes <= 48  # 30 on average
    assert outside_steps <= 5
    assert len(directions) >= 4  # several symbols, both directions


@pytest.mark.parametrize("seed", range(12))
def test_a_gap_opens_within_half_the_average_wait_of_the_start_with_every_seed(config: Settings, seed: int) -> None:
    model = market(config, seed)
    for _ in range(int(config.market.gap_every_s / 2 * model.steps_per_s) + 1):
        model.advance()
    assert model.gap_count >= 1


def test_every_symbol_of_every_venue_is_quoted_at_least_every_hundred_milliseconds(config: Settings) -> None:
    model = market(config)
    last = {(v, s): 0 for v in range(2) for s in range(len(config.symbols))}
    longest = 0
    for _ in range(6000):
        for update in model.advance():
            key = (update.venue, update.symbol)
            longest = max(longest, model.step - last[key])
            last[key] = model.step
    assert longest <= 10  # steps of 10 ms
    assert min(last.values()) >= model.step - 10


def test_quotes_are_on_the_grid_and_never_crossed(config: Settings) -> None:
    model = market(config, 3, gap_every_s=2.0)
    for _ in range(3000):
        for update in model.advance():
            symbol, q = config.symbols[update.symbol], update.quote
            assert q.bid < q.ask
            assert q.bid % symbol.tick == 0 and q.ask % symbol.tick == 0
            assert q.bid_qty >= symbol.lot and q.bid_qty % symbol.lot == 0
            assert q.ask_qty >= symbol.lot and q.ask_qty % symbol.lot == 0


def test_mids_move_together_and_the_basis_returns(config: Settings) -> None:
    model = market(config, 5, gap_every_s=1e6)
    moves: list[list[float]] = []
    basis: list[float] = []
    before = list(model._log)
    for second in range(2000):
        for _ in range(int(model.steps_per_s)):
            model.advance()
        moves.append([now - then for now, then in zip(model._log, before, strict=True)])
        before = list(model._log)
        if second % 30 == 0:
            basis.append(model._basis[0][0] * 1e4)
    x, y = [m[0] for m in moves], [m[1] for m in moves]
    correlation = (
        sum(a * b for a, b in zip(x, y, strict=True)) / (sum(a * a for a in x) * sum(b * b for b in y)) ** 0.5
    )
    assert 0.6 < correlation < 0.8  # 0.7 is configured
    assert 0.8 < (sum(b * b for b in basis) / len(basis)) ** 0.5 < 2.5  # 1.5 bps is configured
    assert abs(sum(basis) / len(basis)) < 1.0


def test_a_forced_gap_shows_the_asked_width_size_and_length(config: Settings) -> None:
    model, tops = market(config, 2, gap_every_s=1e6), Tops(len(config.symbols))
    for _ in range(100):
        tops.apply(model.advance())
    model.force_gap(symbol=1, buy=1, sell=0, bps=60.0, seconds=0.5, size_usd=640.0)
    tops.apply(model.advance())
    assert tops.gross_bps(1, buy=1) == pytest.approx(60.0, abs=0.2)
    shown = tops.quotes[1][1]
    assert shown is not None and shown.quote.ask_qty == pytest.approx(Decimal("0.2"), abs=Decimal("0.0002"))
    for _ in range(50):
        tops.apply(model.advance())
    assert tops.gross_bps(1, buy=1) < 15.0


def test_tuning_changes_the_rate_of_gaps_at_once(config: Settings) -> None:
    model = market(config, 4, gap_every_s=1e6)
    for _ in range(500):
        model.advance()
    assert model.gap_count == 0
    model.tune(dataclasses.replace(config.market, gap_every_s=0.05, gap_length_s=0.05))
    for _ in range(1000):
        model.advance()
    assert model.gap_count > 60
