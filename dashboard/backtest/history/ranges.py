"""Sets of half-open ranges [start, end) of integers, kept sorted and without overlap or touch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Range = tuple[int, int]


def union(ranges: Iterable[Range]) -> list[Range]:
    """Empty ranges vanish; those that overlap or touch become one."""
    merged: list[Range] = []
    for start, end in sorted(found for found in ranges if found[0] < found[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def subtract(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """What of `ranges` is not in `taken`."""
    left: list[Range] = []
    holes = union(taken)
    for start, end in union(ranges):
        for hole_start, hole_end in holes:
            if hole_end <= start or hole_start >= end:
                continue
            if start < hole_start:
                left.append((start, hole_start))
            start = max(start, hole_end)
        if start < end:
            left.append((start, end))
    return left


def gaps_of(at: npt.NDArray[np.int64], step: int) -> list[Range]:
    """The missing points of a grid between the first and the last of `at`.

    Args:
        at: int64[n], ascending, on a grid of `step`.
    """
    where = np.flatnonzero(np.diff(at) > step)
    return [(int(at[i]) + step, int(at[i + 1])) for i in where]
