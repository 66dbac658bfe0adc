"""The research endpoints over the services, the database and the history on disk. See port.Research.

The database is brought up to date on first use: while it is away the web process runs, and says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bridge.errors import BridgeError
from dashboard.api.bodies import BacktestBody, DataBody, OptimizeBody
from dashboard.api.port import Missing, Outcome, Refused, Row, Slice, Window
from dashboard.api.shapes import (
    job_row,
    listed_run,
    listed_study,
    metric_rows,
    parameter_rows,
    run_row,
    trade_slice,
)
from dashboard.api.trouble import translated
from dashboard.backtest.history import HistoryStore
from dashboard.backtest.plain import plain
from dashboard.backtest.types import BacktestRequest, BacktestResult
from dashboard.db import Database, history, runs, studies
from dashboard.db.settings import status_path
from dashboard.optimizer import Trial, grid_of, metric_named, ranked
from dashboard.services import EngineService
from dashboard.services import deploy as deployment
from dashboard.services.backtest import BacktestService
from dashboard.services.jobs import JobService, estimate
from dashboard.services.optimizer import StrategyOptimizer, with_candidate
from dashboard.services.recorder_status import recorder_status
from dashboard.services.requests import request_of
from dashboard.services.study_store import trial_of

RUNS_AT_ONCE_MAX = 2
RUNS_KEPT = 8  # results are large; the last ones are asked for again and again: figures, then page after page of trades
BEST_OF = 100
EVERY_POINT = 10**9
REQUEST_FIELDS = ("symbols", "exchanges", "start_date", "end_date", "capital_usd")
TERM_FIELDS = ("kind", "half_spread_bps", "bar_size_usd", "latency_ms", "taker_fee_bps")
