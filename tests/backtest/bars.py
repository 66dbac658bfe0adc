"""Small histories for the backtest's tests: bars and quotes held in memory, and requests on them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.backtest.desk import Desk, desk_read
from dashboard.backtest.types import BacktestRequest
from dashboard.paths import default_config_dir

MINUTE = 60_000_000_000
DAY = 1440 * MINUTE
START = int(np.datetime64("2023-03-01T00:00", "ns").astype(np.int64))
FEES = {"binance": 10.0, "mexc": 5.0}


@dataclass
class Rows:
    """Columns of one venue and symbol."""

    ts_ns: Any
    columns: dict[str, Any]
    source: str = "test"
    sha256: str = "00"
    synthetic: bool = False

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["columns"][name]
        except KeyError as error:
            raise AttributeError(name) from error

    def between(self, start_ns: int, end_ns: int) -> Rows:
        kept = (self.ts_ns >= start_ns) & (self.ts_ns < end_ns)
        columns = {name: column[kept] for name, column in self.columns.items()}
        return Rows(self.ts_ns[kept], columns, self.source, self.sha256, self.synthetic)


@dataclass
class Store:
    """What of HistoryStore a tape is built from."""

    rows: dict[tuple[str, str, str], Rows] = field(default_factory=dict)

    def candles(self, venue: str, symbol: str, start_ns: int, end_ns: int) -> Rows:
        return self._read(venue, symbol, "candles_1m", start_ns, end_ns)

    def quotes(self, venue: str, symbol: str, start_ns: int, end_ns: int) -> Rows:
        return self._read(venue, symbol, "quotes", start_ns, end_ns)

    def _read(self, venue: str, symbol: str, kind: str, start_ns: int, end_ns: int) -> Rows:
        empty = Rows(np.empty(0, np.int64), {name: np.empty(0) for name in ("open", "close", "volume", "bid", "ask")})
        return self.rows.get((venue, symbol, kind), empty).between(start_ns, end_ns)

    def bars(
        self,
        venue: str,
        prices: Iterable[tuple[float, float]],
        symbol: str = "BTCUSDT",
        volume: Sequence[float] | float = 100.0,
        minutes: Sequence[int] | None = None,
        start_ns: int = START,
    ) -> None:
        """(open, close) of each minute; minutes: which ones, None: all from 0."""
        values = np.array(list(prices), dtype=np.float64).reshape(-1, 2)
        at = np.arange(len(values)) if minutes is None else np.array(minutes)
        columns = {
            "open": values[:, 0],
            "close": values[:, 1],
            "volume": np.broadcast_to(np.asarray(volume, dtype=np.float64), len(values)).copy(),
        }
        self.rows[venue, symbol, "candles_1m"] = Rows(start_ns + at.astype(np.int64) * MINUTE, columns)


def desk() -> Desk:
    """The shipped configuration, whatever the machine's own is."""
    return desk_read(default_config_dir())


def request(minutes: int, **changes: Any) -> BacktestRequest:
    values: dict[str, Any] = {
        "strategy": "cross_exchange",
        "symbols": ("BTCUSDT",),
        "exchanges": ("binance", "mexc"),
        "start_ns": START,
        "end_ns": START + minutes * MINUTE,
        "params": {"min_spread_bps": 20.0, "min_net_edge_bps": 1.0, "max_position_usd": 500.0},
        "half_spread_bps": 1.0,
        "taker_fee_bps": FEES,
    }
    return BacktestRequest(**{**values, **changes})


def shared_data(name: str) -> Path:
    """A folder of the reference data; skips the test where it is missing."""
    root = Path(os.environ.get("ARBDECK_SHARED") or Path(__file__).resolve().parents[3] / "shared")
    path = root / "data" / name
    if not path.is_dir():
        pytest.skip(f"needs {name} of the reference data, in {root}")
    return path


def real_store(name: str, symbols: Sequence[str]) -> Store:
    """candles_1m.parquet of a folder of the reference data."""
    import pyarrow.parquet as pq

    path = shared_data(name) / "candles_1m.parquet"
    store = Store()
    for symbol in symbols:
        table = pq.read_table(path, filters=[("symbol", "==", symbol)]).to_pandas()
        for venue, rows in table.groupby("venue", observed=True):
            at = rows["ts"].dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
            columns = {key: rows[key].to_numpy(np.float64) for key in ("open", "close", "volume")}
            store.rows[str(venue), symbol, "candles_1m"] = Rows(at, columns)
    return store


def walk(seed: int, minutes: int, jump_bps: float = 40.0) -> Store:
    """Two venues around one random walk whose bars now and then stand apart: most of it trades."""
    chance = np.random.default_rng(seed)
    store = Store()
    mid = 20_000.0 * np.exp(np.cumsum(chance.normal(0, 4e-4, 2 * minutes)))
    for venue in FEES:
        apart = np.where(chance.random(2 * minutes) < 0.3, chance.normal(0, jump_bps * 1e-4, 2 * minutes), 0)
        smooth = np.repeat(apart[::2], 2)  # a bar's open often stands where the close before it stood
        prices = np.round(mid * (1 + np.roll(smooth, 1)), 2).reshape(minutes, 2)
        volume = np.where(chance.random(minutes) < 0.1, 0.0, chance.exponential(0.05, minutes))
        kept = np.flatnonzero(chance.random(minutes) > 0.05)
        store.bars(venue, prices[kept], volume=volume[kept], minutes=kept.tolist())
    return store
