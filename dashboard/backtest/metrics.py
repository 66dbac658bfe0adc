"""The figures of a run, from the core's exact totals.

sharpe_ratio = mean(d) / std(d) x sqrt(365), d = trading P&L of each UTC day / capital, std with n - 1; None below two
days or when no day differs from another. win_rate = wins / (wins + losses); None without either. max_drawdown = the
deepest fall of trading P&L below its peak so far (or below zero), at marks.
"""

from __future__ import annotations

import math

import numpy as np

from dashboard.backtest.types import Metrics

E8 = 1e8
DAYS_PER_YEAR = 365.0


def metrics_of(result: np.void, capital_usd: float) -> Metrics:
    """result: backtest_result of the core."""
    wins, losses = int(result["wins"]), int(result["losses"])
    trading, drawdown = int(result["trading_e8"]) / E8, int(result["drawdown_e8"]) / E8
    halted = int(result["halted_ns"])
    return Metrics(
        trades=int(result["trades"]),
        wins=wins,
        losses=losses,
        win_rate_fraction=wins / (wins + losses) if wins + losses else None,
        trading_pnl_usd=trading,
        holding_pnl_usd=int(result["holding_e8"]) / E8,
        fees_usd=int(result["fees_e8"]) / E8,
        volume_usd=int(result["volume_e8"]) / E8,
        return_fraction=trading / capital_usd,
        sharpe_ratio=sharpe_ratio(int(result["days"]), float(result["day_mean_e8"]), float(result["day_m2_e8"])),
        max_drawdown_usd=drawdown,
        max_drawdown_fraction=drawdown / capital_usd,
        opportunities=int(result["opportunities"]),
        one_leg=int(result["one_leg"]),
        hedges=int(result["hedges"]),
        halted=result["halt_code"].decode() if halted else None,
        halted_ns=halted or None,
    )


def sharpe_ratio(days: int, mean: float, squares: float) -> float | None:
    """mean: of the days' results; squares: sum of their squared distances from it; both in the same unit."""
    if days < 2 or squares <= 0:
        return None
    return mean / math.sqrt(squares / (days - 1)) * math.sqrt(DAYS_PER_YEAR)
