"""Protects the optimizer as a user calls it, over the real core and a real database: what it searches on and says so,
that every trial is kept, that an interrupted study goes on, and that it never calls noise an edge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dashboard.backtest.run import build_tape, run_grid
from dashboard.db import Database, studies
from dashboard.optimizer import OptimizerError
from dashboard.services import BacktestService, StrategyOptimizer
from dashboard.services.study import run_study
from dashboard.services.study_store import StudyStore
from tests.services.history import MINUTE_NS, START_NS, write_history

ROOT = Path(__file__).resolve().parents[2]
GRID = {"min_spread_bps": [20.0, 50.0, 75.0, 200.0], "max_position_usd": [300.0, 500.0]}

# Design 4.8, but for the dates, which are those of the history that the test makes.
SNIPPET = f"""
from dashboard.services import BacktestService, StrategyOptimizer

backtest = BacktestService(None)
results = await backtest.run_backtest(strategy="cross_exchange", symbols=["BTCUSDT"], exchanges=["binance", "mexc"],
    start_date={START_NS}, end_date={START_NS + 2 * 1440 * MINUTE_NS},
    params={{"min_spread_bps": 25.0, "capital_usd": 10000.0}})
print(results)
optimizer = StrategyOptimizer(backtest)
best_params, results = optimizer.grid_search(strategy="cross_exchange",
    param_grid={{"min_spread_bps": [25, 50, 75, 100], "max_position_usd": [300, 500, 700]}}, metric="sharpe_ratio")
print(results)
print("BEST", best_params)
"""


@pytest.fixture
def home(arbdeck_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("ARBDECK_CONFIG", raising=False)
    write_history(arbdeck_home / "history")
    return arbdeck_home


@pytest.fixture
def service(home: Path) -> BacktestService:
    return BacktestService(f"sqlite:///{home / 'deck.db'}")


def rows_of(db: Database, study_id: str | None) -> list[dict[str, Any]]:
    assert study_id is not None
    return studies.list_trials(db, study_id, 1000)[0]


def test_every_trial_is_in_the_database_as_the_core_computed_it(service: BacktestService) -> None:
    best, result = StrategyOptimizer(service, show=None).grid_search("cross_exchange", GRID)
    tape = build_tape(result.request, service.store)
    expected = run_grid(tape, result.request, [{**result.request.params, **t.params} for t in result.trials], threads=1)
    assert [trial.metrics for trial in result.trials] == expected
    rows = rows_of(service.db, result.study_id)
    assert [(row["number"], row["params"], row["value"]) for row in rows] == [
        (trial.number, trial.params, trial.value) for trial in result.trials
    ]
    study = studies.load_study(service.db, result.study_id or "")
    assert (study["state"], study["best_number"], study["trials_count"]) == ("done", result.best.number, 8)
    assert best == result.best.params == study["best"]["params"]
    assert result.edge
    assert result.best.metrics is not None
    assert result.best.metrics.trading_pnl_usd > 0


def test_it_says_what_it_searches_on_and_prints_the_familiar_lines(service: BacktestService) -> None:
    lines: list[str] = []
    _, result = StrategyOptimizer(service, show=lines.append).grid_search("cross_exchange", GRID)
    text = "\n".join(lines)
    assert "the last 7 days on disk" in result.data_sentence
    assert "BTCUSDT on binance, mexc, 2020-09-13 12:26 to 2020-09-16 12:26 UTC" in text
    for wanted in ("8/8 combinations tested", "Combinations tested  8", "Best parameters", "Best sharpe_ratio"):
        assert wanted in text
    assert "Best sharpe_ratio" in str(result)


async def test_it_works_inside_a_running_loop_on_the_last_runs_data(service: BacktestService) -> None:
    end_ns = START_NS + 2 * 1440 * MINUTE_NS
    run = await service.run_backtest(
        strategy="cross_exchange",
        symbols=["BTCUSDT"],
        exchanges=["binance", "mexc"],
        start_date=START_NS,
        end_date=end_ns,
        params={"min_spread_bps": 25.0, "capital_usd": 7000.0},
    )
    _, result = StrategyOptimizer(service, show=None).grid_search("cross_exchange", GRID)
    assert "as in the last run" in result.data_sentence
    assert (result.request.start_ns, result.request.end_ns) == (START_NS, end_ns)
    assert result.request.capital_usd == run.request.capital_usd == 7000.0


def test_data_that_are_given_are_used(service: BacktestService) -> None:
    _, result = StrategyOptimizer(service, show=None).grid_search(
        strategy="cross_exchange",
        param_grid={"min_spread_bps": [25]},
        metric="trading_pnl_usd",
        symbols=["BTCUSDT"],
        exchanges=["mexc", "binance"],
        start_date="2020-09-14",
        end_date="2020-09-15T06:00",
        capital_usd=500,
        params={"min_net_edge_bps": 2},
        taker_fee_bps={"mexc": 7.0},
    )
    assert result.request.exchanges == ("mexc", "binance")
    assert result.request.end_ns - result.request.start_ns == 30 * 60 * MINUTE_NS
    assert (result.request.capital_usd, result.request.params["min_net_edge_bps"]) == (500, 2)
    assert result.request.taker_fee_bps == {"mexc": 7.0, "binance": 10.0}
    assert "as given" in result.data_sentence


def test_the_snippet_runs_as_a_script(home: Path) -> None:
    indented = "\n".join("    " + line for line in SNIPPET.splitlines())
    script = f"import asyncio\n\nasync def main():\n{indented}\n\nasyncio.run(main())\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for wanted in ("Backtest cross_exchange", "Combinations tested  12", "BEST {'min_spread_bps': "):
        assert wanted in done.stdout


def test_the_snippet_runs_in_a_jupyter_kernel(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nbformat", "nbclient", "ipykernel"):
        pytest.importorskip(name, reason=f"needs {name}, which is in the dev group")
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SNIPPET)])
    NotebookClient(book, timeout=120, kernel_name="python3").execute(cwd=str(home))
    text = "".join(output.get("text", "") for output in book.cells[0].outputs)
    assert "Combinations tested  12" in text
    assert "BEST {'min_spread_bps': " in text


def test_an_interrupted_study_goes_on_where_it_was(service: BacktestService) -> None:
    optimizer = StrategyOptimizer(service, show=None)
    plan = optimizer.plan("cross_exchange", GRID)
    whole = optimizer.run(plan)
    study_id = studies.create_study(service.db, plan.spec())
    StudyStore(service.db, study_id).add([whole.trials[0], whole.trials[5]])
    tape, ran = build_tape(plan.request, service.store), []

    def run_candidates(candidates: list[dict[str, float]]) -> list[Any]:
        ran.extend(candidates)
        return run_grid(tape, plan.request, candidates)

    store = StudyStore(service.db, study_id)
    result = run_study(plan, run_candidates, earlier=store.trials(), store=store, study_id=study_id)
    assert len(ran) == 6
    assert (result.trials, result.ranking) == (whole.trials, whole.ranking)
    assert len(rows_of(service.db, study_id)) == 8


class Interrupted(BaseException):
    """As Ctrl-C is."""


def test_a_search_that_is_interrupted_keeps_its_trials_and_ends_as_cancelled(service: BacktestService) -> None:
    optimizer = StrategyOptimizer(service, show=None)

    def interrupt(_: object) -> None:
        raise Interrupted

    plan = optimizer.plan("cross_exchange", {"min_spread_bps": [float(value) for value in range(1, 60)]})
    with pytest.raises(Interrupted):
        optimizer.run(plan, progress=interrupt)
    (study,) = studies.list_studies(service.db)[0]
    assert study["state"] == "cancelled"
    assert study["best_number"] is not None
    assert 0 < study["trials_count"] < 59


def test_on_calm_data_it_says_no_edge(arbdeck_home: Path) -> None:
    write_history(arbdeck_home / "history", gap_bps=3.0)
    lines: list[str] = []
    _, result = StrategyOptimizer(BacktestService(None), show=lines.append).grid_search("cross_exchange", GRID)
    assert not result.edge
    assert "no edge" in str(result)
    assert "no edge" in "\n".join(lines)
    assert result.best.metrics is not None
    assert result.best.metrics.trades == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"metric": "profit"}, "metric is 'profit': allowed is one of sharpe_ratio"),
        ({"param_grid": {"min_spread": [1]}}, "param_grid.min_spread"),
        ({"params": {"min_spread_bps": 20.0}}, "either in params or in param_grid"),
        ({"params": {"slippage_bps": -1.0}}, r"slippage_bps.*-1\.0"),
        ({"strategy": "triangle"}, "triangle"),
        ({"exchanges": ["kraken", "coinbase"]}, "at least two of kraken, coinbase"),
        ({"symbols": ["DOGEUSDT"]}, "DOGEUSDT"),
        ({"start_date": "2020-09-15", "end_date": "2020-09-14"}, "start_date"),
        ({"start_date": "yesterday"}, "yesterday"),
        ({"capital_usd": -5.0}, "capital_usd"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_no_study(
    service: BacktestService, arguments: dict[str, Any], sentence: str
) -> None:
    given = {"strategy": "cross_exchange", "param_grid": GRID, **arguments}
    with pytest.raises(ValueError, match=sentence):
        StrategyOptimizer(service, show=None).grid_search(**given)
    assert studies.list_studies(service.db) == ([], None)


def test_without_any_history_the_error_names_the_command(arbdeck_home: Path) -> None:
    from dashboard.backtest.history import HistoryStore

    empty = BacktestService(None, store=HistoryStore(arbdeck_home / "nothing"))
    with pytest.raises(OptimizerError, match="arbdeck data fetch"):
        StrategyOptimizer(empty, show=None).grid_search("cross_exchange", GRID)
