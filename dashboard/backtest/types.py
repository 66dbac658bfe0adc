"""What a backtest is asked and what it answers: the records that services, pages, API and command line share.

Times are Unix epoch nanoseconds, UTC, in fields ending in _ns. Money is float USD (the symbols' quote currency), edges
and fees are bps, `*_fraction` is 0..1. The decision core itself counts in integers; these are for people and tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BacktestRequest:
    """One run, whole: the same request on the same data gives the same result, byte for byte."""

    strategy: str
    symbols: tuple[str, ...]
    exchanges: tuple[str, ...]
    start_ns: int
    end_ns: int
    params: dict[str, float]  # of the strategy's schema (config/strategies.schema.json); defaults fill what is missing
    capital_usd: float = 10_000.0  # total; split evenly over the venues, half quote and half base in each
    kind: str = "candles_1m"  # which history: "candles_1m" or "quotes"
    half_spread_bps: float = 1.0  # stated assumption for bars: bid and ask lie this far from open and close
    bar_size_usd: float = 5_000.0  # stated assumption for bars: displayed size on each side
    latency_ms: float = 50.0  # decision -> the venue sees the order
    taker_fee_bps: dict[str, float] = field(default_factory=dict)  # per venue; missing: engine.json's


@dataclass(frozen=True)
class DataUsed:
    venue: str
    symbol: str
    kind: str
    first_ns: int
    last_ns: int
    rows: int
    missing: int  # bars of the grid that are not there: silence, not zero spread
    stale: int  # bars without volume: they give no quote
    source: str
    sha256: str


@dataclass(frozen=True)
class Trades:
    """One row a pair, in order of decision. All arrays have the same length."""

    time_ns: Ints
    final_ns: Ints
    symbol: list[str]
    buy_venue: list[str]
    sell_venue: list[str]
    qty: Floats  # filled, of the leg that got more; 0: neither leg filled
    buy_price: Floats  # average of its fills; NaN: no fill
    sell_price: Floats
    gross_bps: Floats
    net_bps: Floats
    fees_usd: Floats
    pnl_usd: Floats
    outcome: list[str]  # names of enum abi_outcome
    hedges: Ints

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True)
class Equity:
    """At marks (once a minute of data time, at least the first and the last instant)."""

    time_ns: Ints
    trading_usd: Floats
    holding_usd: Floats
    equity_usd: Floats


@dataclass(frozen=True)
class Metrics:
    """Every figure once, with its unit in the name. None: not defined on this run (and why is in `notes`)."""

    trades: int
    wins: int
    losses: int
    win_rate_fraction: float | None
    trading_pnl_usd: float
    holding_pnl_usd: float
    fees_usd: float
    volume_usd: float
    return_fraction: float  # trading P&L / capital
    sharpe_ratio: float | None  # daily trading P&L / capital, annualised by sqrt(365); needs 2 days
    max_drawdown_usd: float
    max_drawdown_fraction: float  # of capital
    opportunities: int
    one_leg: int
    hedges: int
    halted: str | None  # why trading stopped early; None: it did not
    halted_ns: int | None


@dataclass(frozen=True)
class BacktestResult:
    request: BacktestRequest
    metrics: Metrics
    trades: Trades
    equity: Equity
    refusals: dict[str, int]  # refusal name -> episodes
    data: tuple[DataUsed, ...]
    assumptions: tuple[str, ...]  # sentences: fill price, fees, latency, sizes, split of capital
    notes: tuple[str, ...]
    run_id: str | None = None  # in the database
    took_ms: float = 0.0

    def __str__(self) -> str:
        m = self.metrics
        rate = "–" if m.win_rate_fraction is None else f"{m.win_rate_fraction:.1%}"
        sharpe = "–" if m.sharpe_ratio is None else f"{m.sharpe_ratio:.2f}"
        lines = [
            f"Backtest {self.request.strategy} on {', '.join(self.request.symbols)}",
            f"  Trades         {m.trades}",
            f"  Trading P&L    {m.trading_pnl_usd:+,.2f} USD after {m.fees_usd:,.2f} USD fees",
            f"  Holding P&L    {m.holding_pnl_usd:+,.2f} USD",
            f"  Win rate       {rate}",
            f"  Sharpe ratio   {sharpe}",
            f"  Max drawdown   {m.max_drawdown_usd:,.2f} USD ({m.max_drawdown_fraction:.2%})",
        ]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, NaN as None; arrays as lists."""
        from dashboard.backtest.plain import plain

        result = plain(self)
        assert isinstance(result, dict)
        return result
