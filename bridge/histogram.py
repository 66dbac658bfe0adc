"""Percentiles from the engine's log-linear latency buckets (formula: engine/base/histogram.h).

Values below 64 ns have a bucket each; above that every power of two has 64. What is reported for a bucket is
the middle of the whole-nanosecond values it can hold, so the error is at most 1/128 of the value. The last
bucket also holds everything above 2**37 ns (137 s). A percentile is by nearest rank: the least value with at
least that share of samples at or below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import ceil

import numpy as np
import numpy.typing as npt

SUB_BITS = 6
_SUB_COUNT = 1 << SUB_BITS

Counts = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


def bucket_edges_ns(count: int) -> Floats:
    """Edges of `count` buckets: float64[count + 1]; bucket i holds edge[i] <= ns < edge[i + 1]."""
    index = np.arange(count + 1)
    octave = np.maximum((index >> SUB_BITS) - 1, 0)
    sub = np.where(index < _SUB_COUNT, index, _SUB_COUNT + (index & (_SUB_COUNT - 1)))
    edges: Floats = sub.astype(np.float64) * np.exp2(octave)
    return edges


@cache
def bucket_values_ns(count: int) -> Floats:
    """The value reported for each bucket: float64[count], read-only."""
    edges = bucket_edges_ns(count)
    values = (edges[:-1] + edges[1:] - 1.0) / 2.0
    values.flags.writeable = False
    return values


def percentiles_ns(counts: Counts, shares: Sequence[float]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Percentiles and maximum of several histograms at once.

    Args:
        counts: uint64[stages, buckets].
        shares: fractions in (0, 1].

    Returns (samples: int64[stages], values: float64[stages, len(shares) + 1] in ns, the last column the
    maximum); NaN where a stage has no sample.
    """
    values = bucket_values_ns(counts.shape[1])
    cumulative = np.cumsum(counts.view(np.int64), axis=1)
    totals = cumulative[:, -1]
    result = np.full((len(counts), len(shares) + 1), np.nan)
    for stage in np.flatnonzero(totals).tolist():
        total = int(totals[stage])
        # The factor absorbs the rounding of share * total (0.9 * 10 must stay rank 9).
        ranks = [max(1, ceil(share * total * (1 - 1e-12))) for share in shares]
        places = np.searchsorted(cumulative[stage], [*ranks, total])
        result[stage] = values[places]
    return totals, result
