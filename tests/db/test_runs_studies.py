"""Protects results: what was computed comes back as it was, to the last bit, and trials are not doubled."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from dashboard.backtest.types import BacktestRequest, BacktestResult, DataUsed, Equity, Metrics, Trades
from dashboard.db import Database, runs, studies
from dashboard.db.paging import NotFound


def result(trades: int = 3, sharpe: float | None = 1.25) -> BacktestResult:
    numbers = np.arange(trades, dtype=np.float64) / 7
    times = np.arange(trades, dtype=np.int64) + 2**60
    blank = numbers.copy()
    blank[:1] = math.nan
    return BacktestResult(
        request=BacktestRequest(
            "cross_exchange", ("BTCUSDT",), ("binance", "mexc"), 1, 2**60, {"min_spread_bps": 75.0, "whole": 3.0},
            taker_fee_bps={"mexc": 5.0},
        ),
        metrics=Metrics(
            trades, 2, 1, 2 / 3, 1.1, -0.1, 0.3, 1e6, 1e-4, sharpe, 5.5, 0.01, 9, 0, 0, "drawdown", 2**60
        ),
        trades=Trades(
            times, times + 5, ["BTCUSDT"] * trades, ["binance"] * trades, ["mexc"] * trades, numbers, blank, numbers,
            numbers, numbers, numbers, numbers, ["BOTH"] * trades, np.zeros(trades, np.int64),
        ),
        equity=Equity(times, numbers, numbers, numbers),
        refusals={"COOLDOWN": 4},
        data=(DataUsed("mexc", "BTCUSDT", "candles_1m", 1, 2, 3, 4, 5, "file", "ab"),),
        assumptions=("Half-spread 1 bps.",),
        notes=(),
        took_ms=12.5,
    )  # fmt: skip


def same(left: Any, right: Any) -> bool:
    if is_dataclass(left):
        pairs = ((getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
        return type(left) is type(right) and all(same(a, b) for a, b in pairs)
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    return type(left) is type(right) and left == right


@pytest.mark.parametrize("trades", [0, 3])
def test_a_run_comes_back_as_it_was(db: Database, trades: int) -> None:
    saved = result(trades)
    run_id = runs.save_run(db, saved)
    loaded = runs.load_run(db, run_id)
    assert same(loaded, replace(saved, run_id=run_id))
    assert str(loaded) == str(saved)
    assert loaded.to_dict() == {**saved.to_dict(), "run_id": run_id}


def test_saving_a_run_again_does_not_double_it(db: Database) -> None:
    saved = replace(result(), run_id="r1")
    assert runs.save_run(db, saved) == runs.save_run(db, saved) == "r1"
    assert len(runs.list_runs(db)[0]) == 1


def test_runs_are_listed_newest_first_without_their_arrays(db: Database) -> None:
    study = studies.create_study(db, {})
    made = [runs.save_run(db, result(), study_id=study if number == 1 else None) for number in range(3)]
    page, cursor = runs.list_runs(db, 2)
    assert [row["id"] for row in page] == made[:0:-1]
    rest, end = runs.list_runs(db, 2, cursor)
    assert ([row["id"] for row in rest], end) == (made[:1], None)
    assert page[0]["metrics"]["sharpe_ratio"] == 1.25
    assert page[0]["request"]["symbols"] == ["BTCUSDT"]
    assert "arrays" not in page[0]
    assert [row["id"] for row in runs.list_runs(db, study_id=study)[0]] == [made[1]]


def test_a_deleted_run_is_gone(db: Database) -> None:
    run_id = runs.save_run(db, result())
    runs.delete_run(db, run_id)
    for call in (runs.load_run, runs.delete_run):
        with pytest.raises(NotFound, match=f"there is no backtest run '{run_id}'"):
            call(db, run_id)


def trial(number: int, value: float | None) -> dict[str, Any]:
    return {
        "number": number, "params": {"min_spread_bps": 50.0 + number}, "metrics": {"trades": number, "x": math.nan},
        "value": value, "state": "done",
    }  # fmt: skip


def test_a_study_comes_back_with_its_best_trial(db: Database) -> None:
    spec = {"strategy": "cross_exchange", "metric": "sharpe_ratio", "param_grid": {"min_spread_bps": [50, 75]}}
    study = studies.create_study(db, spec)
    studies.add_trials(db, study, [trial(0, 0.5), trial(1, 1.5)])
    studies.add_trials(db, study, [trial(1, 2.5), trial(2, None), trial(3, math.nan)])  # a requeued job says it again
    studies.finish_study(db, study, "done", 1)
    loaded = studies.load_study(db, study)
    assert (loaded["spec"], loaded["state"], loaded["trials_count"]) == (spec, "done", 4)
    assert loaded["best"] == {
        "study_id": study, "number": 1, "params": {"min_spread_bps": 51.0}, "metrics": {"trades": 1, "x": None},
        "value": 2.5, "state": "done",
    }  # fmt: skip
    (listed,), _ = studies.list_studies(db)
    assert (listed["id"], listed["strategy"], listed["metric"], listed["trials_count"]) == (
        study, "cross_exchange", "sharpe_ratio", 4,
    )  # fmt: skip


def test_trials_are_listed_by_number_or_value_in_pages(db: Database) -> None:
    study = studies.create_study(db, {})
    values = [3.0, None, -1.0, 7.0, None]
    studies.add_trials(db, study, [trial(number, value) for number, value in enumerate(values)])

    def order(order_by: str) -> list[int]:
        seen, cursor = [], None
        while True:
            page, cursor = studies.list_trials(db, study, 2, cursor, order_by)
            seen += [row["number"] for row in page]
            if cursor is None:
                return seen

    assert order("number") == [0, 1, 2, 3, 4]
    assert order("-number") == [4, 3, 2, 1, 0]
    assert order("value") == [2, 0, 3, 1, 4]
    assert order("-value") == [3, 0, 2, 1, 4]
    with pytest.raises(ValueError, match="order_by = 'colour': allowed are number"):
        studies.list_trials(db, study, 2, None, "colour")


def test_trials_need_their_study(db: Database) -> None:
    for call in (
        lambda: studies.add_trials(db, "none", [trial(0, 1.0)]),
        lambda: studies.finish_study(db, "none", "done", None),
        lambda: studies.load_study(db, "none"),
    ):
        with pytest.raises(NotFound, match="there is no study 'none'"):
            call()
