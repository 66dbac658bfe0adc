"""Measures what services/jobs.py estimates with, and prints it as JSON: `python -m tests.services.bench_estimate`."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from dashboard.backtest.run import build_tape, run_grid
from dashboard.services import BacktestService
from dashboard.services.jobs import QUOTES_READ_PER_S, QUOTES_RUN_PER_S
from tests.services.history import MINUTE_NS, START_NS, write_history

MINUTES = 60 * 1440
RUNS = 16


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = BacktestService(None, store=write_history(Path(folder), MINUTES))
        request = service.request(
            strategy="cross_exchange",
            symbols=["BTCUSDT"],
            exchanges=["binance", "mexc"],
            start_date=START_NS,
            end_date=START_NS + MINUTES * MINUTE_NS,
            params={},
        )
        begun = time.perf_counter()
        tape = build_tape(request, service.store)
        read_s = time.perf_counter() - begun
        begun = time.perf_counter()
        run_grid(tape, request, [request.params] * RUNS, threads=1)
        run_s = (time.perf_counter() - begun) / RUNS
    found = {
        "quotes": len(tape),
        "read_per_s": round(len(tape) / read_s),
        "run_per_s": round(len(tape) / run_s),
        "estimated_read_per_s": QUOTES_READ_PER_S,
        "estimated_run_per_s": QUOTES_RUN_PER_S,
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
