"""What the live page remembers beyond one engine generation: the P&L curve, counters per window, the last
rows.

All of it is copied from the engine and bounded; none of it is made up in between.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.types import PnlSample

FINE_COUNT_MAX = 3600  # one a second: an hour
COARSE_STEP_NS = 30 * 10**9
COARSE_COUNT_MAX = 2880  # a day
WINDOW_STEP_S = 5.0
WINDOW_COUNT_MAX = 720  # an hour


class CurveMemory:
    """P&L samples of the last hour by the second, and of the last day by half minutes.

    Points are [Unix ms, trading USD, holding USD], oldest first.
    """

    def __init__(self) -> None:
        self.fine: deque[list[float]] = deque(maxlen=FINE_COUNT_MAX)
        self.coarse: deque[list[float]] = deque(maxlen=COARSE_COUNT_MAX)
        self.last_ns = 0
        self._coarse_ns = 0

    def extend(self, samples: Iterable[PnlSample]) -> list[list[float]]:
        """Add samples newer than the last one; returns the points added."""
        added = []
        for sample in samples:
            if sample.time_ns <= self.last_ns:
                continue
            point = [sample.time_ns // 10**6, round(sample.trading_usd, 4), round(sample.holding_usd, 4)]
            self.last_ns = sample.time_ns
            self.fine.append(point)
            if sample.time_ns - self._coarse_ns >= COARSE_STEP_NS:
                self._coarse_ns = sample.time_ns
                self.coarse.append(point)
            added.append(point)
        return added


@dataclass(frozen=True)
class _Reading:
    at_s: float
    counters: Mapping[str, int]
    refused: Mapping[str, int]


class CounterWindow:
    """Growth of the engine's counters over the last minutes; starts again with each generation."""

    def __init__(self) -> None:
        self._readings: deque[_Reading] = deque(maxlen=WINDOW_COUNT_MAX + 1)
        self._generation: int | None = None

    def note(self, generation: int, at_s: float, counters: Mapping[str, int], refused: Mapping[str, int]) -> None:
        """Keep these totals. A new generation counts from zero, so its window starts at zero."""
        if generation != self._generation:
            first = self._generation is None
            self._generation = generation
            self._readings.clear()
            if not first:
                self._readings.append(_Reading(at_s, {}, {}))
        if not self._readings or at_s - self._readings[-1].at_s >= WINDOW_STEP_S:
            self._readings.append(_Reading(at_s, dict(counters), dict(refused)))

    def growth(
        self, window_s: float, at_s: float, counters: Mapping[str, int], refused: Mapping[str, int]
    ) -> tuple[float, dict[str, int], dict[str, int]]:
        """Seconds covered (at most `window_s`), growth of each counter, growth of each refusal."""
        base = next((r for r in self._readings if at_s - r.at_s <= window_s), None)
        if base is None:
            return 0.0, dict.fromkeys(counters, 0), {}
        grown = {name: value - base.counters.get(name, 0) for name, value in counters.items()}
        refusals = {name: value - base.refused.get(name, 0) for name, value in refused.items()}
        return at_s - base.at_s, grown, {name: count for name, count in refusals.items() if count > 0}


class RowMemory:
    """The newest rows of one kind, keyed "generation-id", so that a restart of the engine loses none from the
    page.
    """

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._rows: OrderedDict[str, Any] = OrderedDict()

    def merge(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Add or replace rows, given oldest first."""
        for key, row in rows:
            self._rows[key] = row
        while len(self._rows) > self._count_max:
            self._rows.popitem(last=False)

    def as_dict(self) -> dict[str, Any]:
        return dict(self._rows)
