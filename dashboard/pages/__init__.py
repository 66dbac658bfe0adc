"""The pages, imported by an explicit list."""

from dashboard.pages import backtest, history, optimizer, overview

# In the order of the rail.
PAGES = (overview, backtest, optimizer, history)

__all__ = ["PAGES", "backtest", "history", "optimizer", "overview"]
