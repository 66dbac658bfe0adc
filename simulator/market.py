"""The synthetic market: a seeded process in steps of fixed length, the same path for the same seed.

Mids of all symbols follow one common factor and their own noise and are drawn weakly back to the configured
price; each venue adds a mean-reverting basis; at random times quotes come in bursts; and at random times a
gap worth trading opens on one symbol between two venues. The path depends on the seed and the step only,
never on the clock or on orders: each kind of randomness has a stream of its own.

Gaps come `gap_every_s` apart on average, exponentially distributed. At the start, for WARM_UP_GAPS times
`gap_every_s`, no wait is longer than half of it: whoever starts the desk sees a trade soon, with every seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from random import Random

from simulator.book import Quote
from simulator.settings import MarketSettings, SymbolSettings

BPS = 1e-4
GAP_SPREAD = (0.85, 1.25)  # a gap is this part of gap_bps, drawn evenly
SIZE_SIGMA = 0.5  # displayed sizes: log-normal around size_usd
WARM_UP_GAPS = 3.0  # so long, in average waits for a gap, gaps come early
GAP_TURN = 0.2  # how strongly gaps of one direction make the opposite direction likelier (inventory returns)


@dataclass
class Gap:
    buy: int
    sell: int
    bps: float
    until_step: int
    size_usd: float | None


@dataclass(frozen=True, slots=True)
class Update:
    venue: int
    symbol: int
    quote: Quote


class Market:
    """Steps of 1/steps_per_s seconds; `advance` gives the quotes that change in the next one."""

    def __init__(
        self, seed: int, settings: MarketSettings, symbols: tuple[SymbolSettings, ...], venue_count: int
    ) -> None:
        self.settings = settings
        self.symbols = symbols
        self.venue_count = venue_count
        self.steps_per_s = max(settings.burst_quotes_per_s, settings.quotes_per_s)
        self.step = 0
        self.gap_count = 0
        self._path = Random(f"{seed} path")
        self._sizes = Random(f"{seed} sizes")
        self._gaps = Random(f"{seed} gaps")
        self._bursts = Random(f"{seed} bursts")
        self._log = [0.0] * len(symbols)
        self._basis = [[0.0] * len(symbols) for _ in range(venue_count)]
        self._gap: list[Gap | None] = [None] * len(symbols)
        self._lean = [0] * len(
            symbols
        )  # gaps so far that let buy on the lower-numbered venue, less the others
        self._burst_until = 0
        self._due = [[0.0] * len(symbols) for _ in range(venue_count)]
        self._steps = [(float(s.mid), float(s.tick), float(s.lot)) for s in symbols]
        self._next_gap = self._wait_gap()
        self._next_burst = self._wait(self._bursts, settings.burst_every_s)
        self._spread_phases()

    def tune(self, settings: MarketSettings) -> None:
        """Takes new parameters from the next step on; waiting times already drawn are drawn anew."""
        self.settings = settings
        self._next_gap = self.step + self._wait_gap()
        self._next_burst = self.step + self._wait(self._bursts, settings.burst_every_s)
        self._spread_phases()

    def force_gap(
        self, symbol: int, buy: int, sell: int, bps: float, seconds: float, size_usd: float | None
    ) -> None:
        """Opens a gap in the next step: ask of `buy` under bid of `sell` by `bps`, for `seconds` of market
        time."""
        until = self.step + max(1, round(seconds * self.steps_per_s))
        self._open(symbol, Gap(buy, sell, bps, until, size_usd))

    def gap_active(self, symbol: int) -> bool:
        return self._gap[symbol] is not None

    def advance(self) -> list[Update]:
        self.step += 1
        bursting = self._burst()
        self._move(bursting)
        self._gap_schedule()
        return list(self._quotes(bursting))

    def _wait(self, stream: Random, every_s: float) -> int:
        return max(1, round(stream.expovariate(1.0 / every_s) * self.steps_per_s))

    def _wait_gap(self) -> int:
        every_s = self.settings.gap_every_s
        wait = self._wait(self._gaps, every_s)
        warm_up = self.step < WARM_UP_GAPS * every_s * self.steps_per_s
        return min(wait, max(1, round(every_s / 2.0 * self.steps_per_s))) if warm_up else wait

    def _spread_phases(self) -> None:
        # Venues and symbols take turns, so that not everything is sent in the same instant.
        interval = self.steps_per_s / self.settings.quotes_per_s
        count = self.venue_count * len(self.symbols)
        for v in range(self.venue_count):
            for s in range(len(self.symbols)):
                self._due[v][s] = self.step + interval * (s * self.venue_count + v) / count

    def _burst(self) -> bool:
        if self.step >= self._next_burst:
            self._burst_until = self.step + round(self.settings.burst_length_s * self.steps_per_s)
            self._next_burst = self.step + self._wait(self._bursts, self.settings.burst_every_s)
        return self.step < self._burst_until

    def _move(self, bursting: bool) -> None:
        p = self.settings
        dt = 1.0 / self.steps_per_s
        sigma = (
            p.volatility_bps_per_sqrt_s * BPS * math.sqrt(dt) * (p.burst_volatility_x if bursting else 1.0)
        )
        keep = 0.5 ** (dt / p.mid_half_life_s)
        basis_keep = 0.5 ** (dt / p.basis_half_life_s)
        basis_noise = p.basis_bps * BPS * math.sqrt(1.0 - basis_keep * basis_keep)
        shared, own = sigma * math.sqrt(p.correlation), sigma * math.sqrt(1.0 - p.correlation)
        draw = self._path.gauss
        common = shared * draw(0.0, 1.0)
        for s in range(len(self.symbols)):
            self._log[s] = self._log[s] * keep + common + own * draw(0.0, 1.0)
            for v in range(self.venue_count):
                self._basis[v][s] = self._basis[v][s] * basis_keep + basis_noise * draw(0.0, 1.0)

    def _gap_schedule(self) -> None:
        for s, gap in enumerate(self._gap):
            if gap is not None and self.step >= gap.until_step:
                self._gap[s] = None
                self._due_now(s, (gap.buy, gap.sell))
        if self.step < self._next_gap or self.venue_count < 2:
            return
        self._next_gap = self.step + self._wait_gap()
        symbol = self._gaps.randrange(len(self.symbols))
        low, high = sorted(self._gaps.sample(range(self.venue_count), 2))
        chance_low = min(0.95, max(0.05, 0.5 - GAP_TURN * self._lean[symbol]))
        buy_low = self._gaps.random() < chance_low
        bps = self.settings.gap_bps * self._gaps.uniform(*GAP_SPREAD)
        if self._gap[symbol] is not None:
            return  # one gap at a time on a symbol; the draws above are made all the same
        self._lean[symbol] += 1 if buy_low else -1
        until = self.step + max(1, round(self.settings.gap_length_s * self.steps_per_s))
        self._open(symbol, Gap(low if buy_low else high, high if buy_low else low, bps, until, None))

    def _open(self, symbol: int, gap: Gap) -> None:
        self._gap[symbol] = gap
        self.gap_count += 1
        self._due_now(symbol, (gap.buy, gap.sell))

    def _due_now(self, symbol: int, venues: tuple[int, int]) -> None:
        for v in venues:
            self._due[v][symbol] = min(self._due[v][symbol], self.step)

    def _quotes(self, bursting: bool) -> Iterator[Update]:
        interval = self.steps_per_s / self.settings.quotes_per_s
        for s in range(len(self.symbols)):
            for v in range(self.venue_count):
                if not bursting and self._due[v][s] > self.step:
                    continue
                while self._due[v][s] <= self.step:
                    self._due[v][s] += interval
                yield Update(v, s, self._quote(v, s))

    def _quote(self, venue: int, symbol: int) -> Quote:
        gap = self._gap[symbol]
        bid, ask = self._sides(venue, symbol)
        shift = 0.0
        if gap is not None and venue in (gap.buy, gap.sell):
            gross = self._sides(gap.sell, symbol)[0] / self._sides(gap.buy, symbol)[1] - 1.0
            half = (gap.bps * BPS - gross) / 2.0
            shift = -half if venue == gap.buy else half
        fair, tick, lot = self._steps[symbol]
        usd = gap.size_usd if gap is not None and gap.size_usd is not None else None
        return Quote(
            bid=_on_grid(math.floor(bid * (1.0 + shift) / tick + 1e-9), self.symbols[symbol].tick),
            bid_qty=self._size(symbol, usd, fair, lot),
            ask=_on_grid(math.ceil(ask * (1.0 + shift) / tick - 1e-9), self.symbols[symbol].tick),
            ask_qty=self._size(symbol, usd, fair, lot),
        )

    def _sides(self, venue: int, symbol: int) -> tuple[float, float]:
        mid = self._steps[symbol][0] * math.exp(self._log[symbol] + self._basis[venue][symbol])
        half = self.symbols[symbol].half_spread_bps * BPS
        return mid * (1.0 - half), mid * (1.0 + half)

    def _size(self, symbol: int, usd: float | None, price: float, lot: float) -> Decimal:
        drawn = self.symbols[symbol].size_usd * math.exp(SIZE_SIGMA * self._sizes.gauss(0.0, 1.0))
        lots = max(1, math.floor((usd if usd is not None else drawn) / price / lot))
        return _on_grid(lots, self.symbols[symbol].lot)


def _on_grid(count: int, step: Decimal) -> Decimal:
    return (step * count).quantize(step, rounding=ROUND_DOWN)
