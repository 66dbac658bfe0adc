"""Writes config/history-sample: an INVENTED history, so that the first backtest has something to run on.

    python tools/make_sample_history.py

Seeded, so it always writes the same. Two venues follow one random walk with a small difference of their own; a few
times a day one of them stands apart for some minutes, now and then by more than the fees, not always for
long enough. Its times lie before there was any market, so that it can never be seen beside real prices.
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dashboard.backtest.history import HistoryStore, Source  # noqa: E402
from dashboard.backtest.history.records import MINUTE_NS  # noqa: E402

SEED = 20261122
START = datetime(2000, 1, 3, tzinfo=UTC)
DAYS = 4
MINUTES = DAYS * 1440
MIDS = {"BTCUSDT": 65_000.0, "ETHUSDT": 3_200.0}
VOLUMES = {"BTCUSDT": 4.0, "ETHUSDT": 60.0}  # median of a minute, base units
TICK = 0.01
VENUES = {"binance": 1.0, "mexc": 0.35}  # and their share of the volume
VOLATILITY_BPS = 4.0  # of a minute
DIFFERENCE_BPS = 1.5  # of a venue from the common price, standing
DIFFERENCE_MINUTES = 10.0
GAPS_PER_DAY = 24.0
GAP_BPS_LEAST = 12.0
GAP_BPS_MEAN = 16.0  # beyond the least
GAP_BPS_MOST = 120.0
GAP_MINUTES = (1, 5)
GAP_GONE_FRACTION = 0.3  # of the bars: what stood at the last close has closed, wholly or in part, at the next open
JUMP_BPS = 1.0  # of each open from the close before it
SILENT_FRACTION = 0.004  # minutes without a trade: at binance a bar without volume, at mexc no bar at all

Floats = npt.NDArray[np.float64]


def common_path(rng: np.random.Generator, mid: float) -> Floats:
    """The common price at the bounds of the minutes: float64[MINUTES + 1]. Drawn back to `mid` over a day."""
    log = np.zeros(MINUTES + 1)
    steps = rng.normal(0.0, VOLATILITY_BPS * 1e-4, MINUTES)
    for minute in range(MINUTES):
        log[minute + 1] = log[minute] * (1 - 1 / 1440) + steps[minute]
    return mid * np.exp(log)


def difference(rng: np.random.Generator) -> Floats:
    """What a venue's price differs from the common one at the bounds of the minutes, a fraction."""
    keep = np.exp(-1 / DIFFERENCE_MINUTES)
    noise = rng.normal(0.0, DIFFERENCE_BPS * 1e-4 * np.sqrt(1 - keep**2), MINUTES + 1)
    found = np.zeros(MINUTES + 1)
    for minute in range(MINUTES):
        found[minute + 1] = found[minute] * keep + noise[minute]
    return found


def gaps(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """How far the second venue stands apart at each close, and at the open that follows it: fractions.

    Above and below in turn, so that inventory comes back. Small gaps are common, and some are gone before an order is
    there: a backtest that always wins here would be wrong.
    """
    closes, opens = np.zeros(MINUTES + 1), np.zeros(MINUTES + 1)
    count = int(GAPS_PER_DAY * DAYS)
    starts = np.sort(rng.choice(np.arange(30, MINUTES - 30, 15), count, replace=False))
    for index, start in enumerate(starts):
        size = min(GAP_BPS_LEAST + rng.exponential(GAP_BPS_MEAN), GAP_BPS_MOST) * 1e-4 * (1 if index % 2 else -1)
        for bound in range(start, start + int(rng.integers(*GAP_MINUTES, endpoint=True))):
            closes[bound] = size * rng.uniform(0.7, 1.0)
            gone = rng.random() < GAP_GONE_FRACTION
            opens[bound] = closes[bound] * (rng.uniform(-0.3, 0.6) if gone else 1.0)
    return closes, opens


def candles(
    rng: np.random.Generator, path: Floats, apart: tuple[Floats, Floats], volume_median: float
) -> dict[str, npt.NDArray[np.generic]]:
    closes = (path * (1 + apart[0]))[1:]
    opens = (path * (1 + apart[1] + rng.normal(0.0, JUMP_BPS * 1e-4, MINUTES + 1)))[:-1]
    wicks = np.abs(rng.normal(0.0, VOLATILITY_BPS * 0.4e-4, (2, MINUTES)))
    high = np.maximum(opens, closes) * (1 + wicks[0])
    low = np.minimum(opens, closes) * (1 - wicks[1])
    volume = volume_median * np.exp(rng.normal(0.0, 0.8, MINUTES))
    start_ns = int(START.timestamp()) * 1_000_000_000
    prices = {"open": opens, "high": high, "low": low, "close": closes}
    return {
        "ts_ns": start_ns + np.arange(MINUTES, dtype=np.int64) * MINUTE_NS,
        **{name: np.round(np.round(values / TICK) * TICK, 2) for name, values in prices.items()},
        "volume": np.round(volume, 4),
    }


def silence(rng: np.random.Generator, columns: dict[str, npt.NDArray[np.generic]], omitted: bool) -> None:
    """Some minutes without a trade: the last price again and no volume, or no row."""
    quiet = rng.random(MINUTES) < SILENT_FRACTION
    quiet[0] = False
    if omitted:
        columns.update({name: column[~quiet] for name, column in columns.items()})
        return
    for minute in np.flatnonzero(quiet):
        for name in ("open", "high", "low", "close"):
            columns[name][minute] = columns["close"][minute - 1]
        columns["volume"][minute] = 0.0


def main() -> None:
    folder = ROOT / "config" / "history-sample"
    shutil.rmtree(folder, ignore_errors=True)
    store = HistoryStore(folder)
    source = Source(
        "synthetic (invented)",
        f"tools/make_sample_history.py, seed {SEED}: random numbers, not market data",
        int(START.timestamp()) * 1_000_000_000,
        synthetic=True,
    )
    for number, (symbol, mid) in enumerate(MIDS.items()):
        rng = np.random.default_rng([SEED, number])
        common = common_path(rng, mid)
        apart = gaps(rng)
        for venue, share in VENUES.items():
            path = common * (1 + difference(rng))
            none = np.zeros(MINUTES + 1)
            columns = candles(rng, path, apart if venue == "mexc" else (none, none), VOLUMES[symbol] * share)
            silence(rng, columns, omitted=venue == "mexc")
            report = store.write_candles(venue, symbol, columns, source)
            assert report.refused_count == 0, report.refused
            print(f"{venue} {symbol}: {report.added} candles")
    for lock in folder.rglob(".lock"):
        lock.unlink()


if __name__ == "__main__":
    main()
