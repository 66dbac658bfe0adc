"""Backtests: history -> events -> the engine's own decision core -> results."""

from __future__ import annotations

from dashboard.backtest.errors import BacktestError, DataMissing
from dashboard.backtest.types import BacktestRequest, BacktestResult, Metrics

__all__ = ["BacktestError", "BacktestRequest", "BacktestResult", "DataMissing", "Metrics"]
