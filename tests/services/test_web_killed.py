"""Protects a job whose web process is killed: jobs are the database's, so the study goes on, ends once, and the page
that comes back shows it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.services.history import MINUTE_NS, START_NS, write_history
from tests.system.desk import Desk

DAYS = 30


@pytest.mark.system
def test_a_job_goes_on_and_ends_once_when_the_web_process_is_killed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    write_history(desk.home / "history", DAYS * 1440)
    desk.start_web()
    body = {
        "strategy": "cross_exchange",
        "symbols": ["BTCUSDT"],
        "exchanges": ["binance", "mexc"],
        "start_date": START_NS,
        "end_date": START_NS + DAYS * 1440 * MINUTE_NS,
        "param_grid": {"min_spread_bps": [value / 10 for value in range(200, 500)]},
        "metric": "trading_pnl_usd",
    }
    status, answer = desk.api("POST", "/api/v2/backtest/optimize", body)
    assert status == 202, answer
    job_id = answer["data"]["job_id"]

    def job() -> dict[str, Any]:
        return dict(desk.api("GET", f"/api/v2/jobs/{job_id}")[1]["data"])

    desk._start("worker", [sys.executable, "-m", "dashboard.services.worker"])
    try:
        desk.wait(lambda: job()["state"] == "running" and job()["progress"] > 0, 30)
        desk.kill("web")
        desk.start_web()
        desk.wait(lambda: job()["state"] not in ("queued", "running"), 60)
        assert (job()["state"], job()["attempt"]) == ("done", 1), job()
        study_id = job()["result"]["study_id"]
        study = desk.api("GET", f"/api/v2/studies/{study_id}")[1]["data"]
        assert (study["state"], study["trials_count"]) == ("done", 300)
        assert len(desk.api("GET", "/api/v2/studies")[1]["data"]) == 1
    finally:
        desk.kill("worker")
