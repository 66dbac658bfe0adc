"""Protects `arbdeck backtest` and `arbdeck optimize` as a person types them: figures or one sentence, the stated exit
codes, never a traceback; and the way from a grid into the running engine and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.history import write_history
from tests.system.desk import Desk

ROOT = Path(__file__).resolve().parents[2]
GRID = ("--grid", "min_spread_bps=25,30", "--grid", "max_position_usd=300,400")


def arbdeck(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "ARBDECK_CONFIG")}
    return subprocess.run(
        [sys.executable, "-c", "from dashboard.cli import main; main()", "--home", str(home), *arguments],
        env={**environment, "PYTHONPATH": str(ROOT), "ARBDECK_HOME": str(home / "elsewhere"), **env},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def home(arbdeck_home: Path) -> Path:
    write_history(arbdeck_home / "history")
    return arbdeck_home


def test_a_backtest_without_dates_takes_what_is_on_disk_and_says_so(home: Path) -> None:
    done = arbdeck(home, "backtest", "--param", "min_spread_bps=25")
    assert done.returncode == 0, done.stderr
    assert "Trading P&L" in done.stdout
    assert "BTCUSDT on binance, mexc: the last 7 days on disk" in done.stderr


def test_json_is_the_result_whole_and_nothing_else(home: Path) -> None:
    text = ("--symbols", "BTCUSDT", "--exchanges", "binance,mexc", "--from", "2020-09-14", "--to", "2020-09-15")
    done = arbdeck(home, "backtest", *text, "--param", "min_spread_bps=25", "--capital-usd", "5000", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["request"]["capital_usd"] == 5000
    assert result["request"]["params"]["min_spread_bps"] == 25
    assert result["metrics"]["trades"] == len(result["trades"]["pnl_usd"]) > 0
    assert result["run_id"]


def test_a_search_gives_the_same_best_in_words_and_as_json(home: Path) -> None:
    words = arbdeck(home, "optimize", *GRID, "--metric", "trading_pnl_usd")
    assert words.returncode == 0, words.stderr
    assert "Combinations tested  4" in words.stdout
    result = json.loads(arbdeck(home, "optimize", *GRID, "--metric", "trading_pnl_usd", "--json").stdout)
    best = ", ".join(f"{name}={value:g}" for name, value in result["best_params"].items())
    assert f"Best parameters      {best}" in words.stdout
    assert len(result["trials"]) == 4
    assert result["trials"][0]["number"] == result["best_number"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("backtest", "--param", "min_spread_bps"), "--param is 'min_spread_bps': allowed is KEY=VALUE"),
        (("backtest", "--param", "min_spread_bps=wide"), "min_spread_bps is 'wide': allowed is a number"),
        (("backtest", "--param", "min_spread_bps=-3"), "min_spread_bps"),
        (("backtest", "--param", "spread=3"), "spread"),
        (("backtest", "--param", "slippage_bps=1", "--param", "slippage_bps=2"), "given twice"),
        (("backtest", "--strategy", "triangle"), "triangle"),
        (("backtest", "--from", "tomorrow"), "tomorrow"),
        (("backtest", "--symbols", ","), "--symbols is ','"),
        (("backtest", "--capital-usd", "0"), "capital_usd"),
        (("backtest", "--taker-fee-bps", "binance=much"), "--taker-fee-bps binance is 'much': allowed is a number"),
        (("backtest", "--exchanges", "binance,kraken"), "kraken"),
        (("optimize",), "--grid is missing"),
        (("optimize", "--grid", "min_spread_bps=10,x"), "min_spread_bps is 'x'"),
        (("optimize", "--grid", "min_spread_bps=10", "--grid", "min_spread_bps=20"), "given twice"),
        (("optimize", *GRID, "--metric", "luck"), "metric is 'luck': allowed is one of"),
        (("optimize", *GRID, "--symbols", "NOPEUSDT"), "NOPEUSDT"),
    ],
)
def test_bad_input_is_one_sentence_on_stderr_and_exit_code_2(
    home: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = arbdeck(home, *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_that_cannot_be_used_is_one_sentence_and_exit_code_1(home: Path) -> None:
    done = arbdeck(home, "backtest", DATABASE_URL="sqlite:////proc/nowhere/deck.db")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/proc/nowhere" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_an_engine_putting_to_work_exits_with_3(home: Path) -> None:
    done = arbdeck(home, "optimize", *GRID, "--put-to-work", "--yes")
    assert done.returncode == 3, done.stderr
    assert arbdeck(home, "optimize", "rollback", "--yes").returncode == 3


def test_no_edge_is_not_put_to_work(arbdeck_home: Path) -> None:
    write_history(arbdeck_home / "history", gap_bps=2.0)
    done = arbdeck(arbdeck_home, "optimize", *GRID, "--put-to-work", "--yes")
    assert done.returncode == 1
    assert "no edge" in done.stderr


@pytest.mark.system
def test_from_a_grid_into_the_running_engine_and_back(running_desk: Desk) -> None:
    home, bridge = running_desk.home, running_desk.bridge()
    write_history(home / "history")
    env = {"ARBDECK_INSTANCE": running_desk.instance}

    def params() -> dict[str, Any]:
        return dict(bridge.strategies().strategies[0].params)

    before = params()
    asked = arbdeck(home, "optimize", *GRID, "--put-to-work", **env)
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert params() == before

    done = arbdeck(home, "optimize", *GRID, "--put-to-work", "--yes", "--json", **env)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert params() == {**before, **result["best_params"]}
    assert result["deployed"]["config_hash"] == bridge.strategies().config_hash
    assert "min_spread_bps" in done.stderr
    assert "the engine keeps min_net_edge_bps at 1 bps; it was tested with 5" in done.stderr

    back = arbdeck(home, "optimize", "rollback", "--yes", **env)
    assert back.returncode == 0, back.stderr
    assert params() == before
    nothing = arbdeck(home, "optimize", "rollback", "--yes", **env)
    assert nothing.returncode == 1
    assert "Nothing was deployed" in nothing.stderr
