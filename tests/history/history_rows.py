"""Rows to put into stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dashboard.backtest.history import Source

ROOT = Path(__file__).resolve().parents[2]
MINUTE = 60_000_000_000
T0 = 1_677_628_800 * 1_000_000_000  # 2023-03-01T00:00Z
NOW = T0 + 400 * 24 * 60 * MINUTE
REAL = Source("test", "rows of a test", 1)
INVENTED = Source("test", "rows of a test", 1, synthetic=True)


def bars(minutes: Any, price: float = 100.0, volume: float = 1.0) -> dict[str, Any]:
    """Candles at T0 plus each of `minutes`."""
    at = T0 + np.asarray(minutes, dtype=np.int64) * MINUTE
    level = np.full(len(at), price)
    ohlc = {"open": level, "high": level * 1.01, "low": level * 0.99, "close": level}
    return {"ts_ns": at, **ohlc, "volume": np.full(len(at), volume)}
