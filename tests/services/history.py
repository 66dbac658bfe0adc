"""A small history that the tests make up: two venues, one symbol, a gap now and then that is worth trading."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dashboard.backtest.history import HistoryStore, Source

MINUTE_NS = 60 * 10**9
START_NS = 1_600_000_000 * 10**9 // MINUTE_NS * MINUTE_NS


def write_history(root: Path, minutes: int = 3 * 1440, gap_bps: float = 60.0, seed: int = 1) -> HistoryStore:
    """Candles of BTCUSDT on binance and mexc; for 5 of every 120 minutes mexc is dearer by `gap_bps`."""
    chance = np.random.default_rng(seed)
    ts_ns = START_NS + np.arange(minutes) * MINUTE_NS
    price = 20_000 * np.exp(np.cumsum(chance.normal(0, 1e-4, minutes)))
    gap = np.where(np.arange(minutes) % 120 < 5, gap_bps / 1e4, 0.0)
    store = HistoryStore(root)
    for venue, level in (("binance", price), ("mexc", price * (1 + gap))):
        opened, closed = np.round(level, 2), np.round(level * 1.00001, 2)
        columns = {
            "ts_ns": ts_ns,
            "open": opened,
            "high": np.maximum(opened, closed),
            "low": np.minimum(opened, closed),
            "close": closed,
            "volume": np.full(minutes, 3.0),
        }
        source = Source("made up by a test", f"seed {seed}", START_NS)
        store.write_candles(venue, "BTCUSDT", columns, source)
    return store
