"""What pages, API, live push and notebooks call: the engine behind one door, with its absence as a typed state;
backtests and the search for parameters.
"""

from dashboard.services.backtest import BacktestService
from dashboard.services.engine import Bridge, EngineLink, EngineService, Link
from dashboard.services.optimizer import StrategyOptimizer

__all__ = ["BacktestService", "Bridge", "EngineLink", "EngineService", "Link", "StrategyOptimizer"]
