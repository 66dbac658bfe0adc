"""Rates over the last seconds, from samples of monotonic counters kept by the reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW_NS = 10_000_000_000
SPACING_NS = 200_000_000


class RateWindow:
    """Not thread-safe. Samples closer than 0.2 s to the one before are not kept."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._samples: deque[tuple[int, tuple[int, ...]]] = deque()

    def clear(self) -> None:
        self._samples.clear()

    def add(self, mono_ns: int, counters: Mapping[str, int]) -> None:
        samples = self._samples
        if samples and mono_ns - samples[-1][0] < SPACING_NS:
            return
        samples.append((mono_ns, tuple(counters[name] for name in self._names)))
        while len(samples) > 2 and mono_ns - samples[1][0] >= WINDOW_NS:
            samples.popleft()

    def rates(self) -> tuple[float, dict[str, float | None]]:
        """(seconds between the samples compared, rate per second by name or None while there are not two)."""
        if len(self._samples) < 2:
            return 0.0, dict.fromkeys(self._names, None)
        (start_ns, start), (end_ns, end) = self._samples[0], self._samples[-1]
        window_s = (end_ns - start_ns) / 1e9
        return window_s, {
            name: (after - before) / window_s for name, before, after in zip(self._names, start, end, strict=True)
        }
