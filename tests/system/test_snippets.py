"""The calls of the manual, as a user writes them, against the real engine: as a script and in a Jupyter kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.system.desk import ROOT, Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SNIPPET = """
from bridge import CEngineBridge
from dashboard.services import BacktestService, StrategyOptimizer

db = None
backtest = BacktestService(db)
results = await backtest.run_backtest(strategy="cross_exchange", symbols=["BTCUSDT"], exchanges=["binance", "mexc"],
    start_date="2000-01-03", end_date="2000-01-07", params={"min_spread_bps": 75.0, "capital_usd": 10000.0})
print(results)
optimizer = StrategyOptimizer(backtest)
best_params, results = optimizer.grid_search(strategy="cross_exchange",
    param_grid={"min_spread_bps": [50, 75, 100, 125], "max_position_usd": [300, 500, 700]}, metric="sharpe_ratio")
bridge = CEngineBridge(); bridge.connect()
stats = bridge.get_stats()
print("ENGINE", stats["opportunities_detected"], stats["total_profit_usd"], stats["p99_latency_us"])
bridge.start_strategy("cross_exchange"); bridge.update_config({"min_spread_bps": 80})
"""
WANTED = ("Backtest cross_exchange", "Combinations tested  12", "ENGINE ")


@pytest.fixture
def surroundings(desk: Desk) -> dict[str, str]:
    desk.start_venues()
    desk.start_engine()
    desk.wait_state(desk.connect(), "ACTIVE", 30)
    return {
        "ARBDECK_HOME": str(desk.home),
        "ARBDECK_CONFIG": str(desk.config),
        "ARBDECK_INSTANCE": desk.instance,
        "PYTHONPATH": str(ROOT),
    }


def deployed(desk: Desk) -> Any:
    return json.loads((desk.config / "strategies.json").read_text())["strategies"][0]["params"]["min_spread_bps"]


def test_all_three_snippets_run_as_a_script(desk: Desk, surroundings: dict[str, str]) -> None:
    lines = "\n".join("    " + line for line in SNIPPET.splitlines())
    script = f"import asyncio\n\nasync def main():\n{lines}\n\nasyncio.run(main())\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **surroundings},
        cwd=desk.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for wanted in WANTED:
        assert wanted in done.stdout
    assert deployed(desk) == 80


def test_all_three_snippets_run_in_a_jupyter_kernel(
    desk: Desk, surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nbformat", "nbclient", "ipykernel"):
        pytest.importorskip(name, reason=f"needs {name}, which is in the dev group")
    import nbformat
    from nbclient import NotebookClient

    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(desk.home / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(desk.home / "ipython"))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SNIPPET)])
    NotebookClient(book, timeout=120, kernel_name="python3").execute(cwd=str(desk.home))
    text = "".join(output.get("text", "") for output in book.cells[0].outputs)
    for wanted in WANTED:
        assert wanted in text
    assert deployed(desk) == 80
