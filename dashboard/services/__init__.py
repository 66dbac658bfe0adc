"""What pages, API and live push call: the engine behind one door, with its absence as a typed state."""

from dashboard.services.backtest import BacktestService
from dashboard.services.engine import Bridge, EngineLink, EngineService, Link

__all__ = ["BacktestService", "Bridge", "EngineLink", "EngineService", "Link"]
