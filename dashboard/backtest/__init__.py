"""Backtests: history -> events -> the engine's own decision core -> results."""
