"""The loop that must always work: history -> backtest -> optimizer -> deploy -> engine -> database, API and page.

Through the API as a page or script would use it; what is traded in the end is held to the venues' own ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.system.desk import ROOT, VENUES, WIDE_RISK, Desk
from tests.system.test_money import BUSY, quiet
from tests.system.test_page import body, browser, signed_in  # noqa: F401

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(400)]


def start_all(desk: Desk) -> None:
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=50, max_position_usd=200.0, min_spread_bps=900.0)
    desk.market(**BUSY)
    desk.start_venues()
    desk.start_engine()
    desk._start("recorder", [sys.executable, "-m", "dashboard.db.recorder"])
    desk._start("worker", [sys.executable, "-m", "dashboard.services.worker"])
    desk.start_web()


def history(desk: Desk) -> dict[str, Any]:
    """Real candles of two venues where the reference material is there, else the invented set that ships."""
    real = ROOT.parent / "shared" / "data" / "svb2023-candles" / "candles_1m.parquet"
    if not real.exists():
        return {
            "symbols": ["BTCUSDT"],
            "exchanges": ["binance", "mexc"],
            "start_date": "2000-01-03",
            "end_date": "2000-01-07",
        }
    command = [sys.executable, "-c", "from dashboard.cli import main; main()"]
    command += ["--home", str(desk.home), "data", "import", str(real)]
    done = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        "symbols": ["BTCUSDT"],
        "exchanges": ["binanceus", "coinbase"],
        "start_date": "2023-03-01",
        "end_date": "2023-03-04",
        # Fees of a market maker: with retail fees nothing is left on these days, and that is another test.
        "taker_fee_bps": {"binanceus": 0.0, "coinbase": 0.0},
    }


def finished(desk: Desk, job_id: str) -> dict[str, Any]:
    def look() -> Any:
        job = desk.api("GET", f"/api/v2/jobs/{job_id}")[1]["data"]
        assert job["state"] not in ("failed", "cancelled"), job
        return job if job["state"] == "done" else None

    found: dict[str, Any] = desk.wait(look, 120)
    return found


def test_the_whole_loop_on_history_ends_in_figures_that_are_the_oracles(desk: Desk, browser: Browser) -> None:  # noqa: F811
    start_all(desk)
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    data = history(desk)

    code, answer = desk.api("POST", "/api/v2/backtest/run", {**data, "params": {"min_spread_bps": 12}})
    assert code in (200, 202), answer
    if code == 202:
        finished(desk, answer["data"]["job_id"])
    runs = desk.api("GET", "/api/v2/backtest/runs")[1]["data"]
    assert len(runs) == 1

    grid = {"min_spread_bps": [12, 16, 20], "max_position_usd": [150, 300]}
    code, answer = desk.api(
        "POST", "/api/v2/backtest/optimize", {**data, "param_grid": grid, "metric": "trading_pnl_usd"}
    )
    assert code == 202, answer
    study_id = finished(desk, answer["data"]["job_id"])["study_id"]
    trials = desk.api("GET", f"/api/v2/studies/{study_id}/trials")[1]["data"]
    assert len(trials) == 6
    assert desk.api("GET", f"/api/v2/studies/{study_id}")[1]["data"]["best"] is not None

    before = bridge.snapshot().status.config_hash
    code, plan = desk.api("POST", f"/api/v2/studies/{study_id}/deploy", {})
    assert code == 200, plan
    assert bridge.snapshot().status.config_hash == before, "a plan changes nothing"
    code, applied = desk.api("POST", f"/api/v2/studies/{study_id}/deploy", {"confirm": "yes", "config_hash": before})
    assert code == 200, applied
    after = bridge.snapshot().status.config_hash
    assert after != before
    params = json.loads((desk.config / "strategies.json").read_text())["strategies"][0]["params"]
    assert params["min_spread_bps"] in grid["min_spread_bps"]
    assert params["max_position_usd"] in grid["max_position_usd"]

    desk.wait(lambda: bridge.get_stats().trades >= 20, 60)
    quiet(desk, bridge)
    check_figures(desk, browser)

    seen = {"confirm": "yes", "config_hash": bridge.snapshot().status.config_hash}
    code, answer = desk.api("POST", "/api/v2/deployments/rollback", seen)
    assert code == 200, answer
    params = json.loads((desk.config / "strategies.json").read_text())["strategies"][0]["params"]
    assert params["min_spread_bps"] == 900.0


def check_figures(desk: Desk, browser: Browser) -> None:  # noqa: F811
    """Database, API and page against the oracle."""
    oracle = desk.oracle_fills()
    count = sum(len(rows) for rows in oracle.values())

    def recorded() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = desk.api("GET", f"/api/v2/history/fills?limit=500{cursor}")[1]
            rows += page["data"]
            if page["next_cursor"] is None:
                return rows
            cursor = f"&cursor={page['next_cursor']}"

    desk.wait(lambda: len(recorded()) >= count, 30)
    fills = recorded()
    assert len(fills) == count
    mine = Counter((row["venue"], row["symbol"], row["side"], exact(row["price"]), exact(row["qty"])) for row in fills)
    theirs = Counter(
        (venue, row["symbol"], row["side"], exact(row["price"]), exact(row["qty"]))
        for venue in VENUES
        for row in oracle[venue]
    )
    assert mine == theirs
    orders = desk.api("GET", "/api/v2/history/orders?limit=1")[1]["data"]
    assert len(orders) == 1
    page, errors = signed_in(desk, browser)
    page.goto(f"http://127.0.0.1:{desk.web_port}/history")
    desk.wait(lambda: f"Fills\n{count}" in body(page), 15)
    assert not errors, errors


def exact(value: float | str) -> Decimal:
    return Decimal(str(value)).normalize()
