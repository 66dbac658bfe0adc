"""The history that backtests run on: candles and quotes in Parquet, where they came from, and what is missing."""

from __future__ import annotations

from .errors import HistoryError
from .records import Candles, Entry, Quotes, Source, WriteReport
from .store import HistoryStore
from .wording import missing_text

__all__ = ["Candles", "Entry", "HistoryError", "HistoryStore", "Quotes", "Source", "WriteReport", "missing_text"]
