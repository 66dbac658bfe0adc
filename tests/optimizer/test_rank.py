"""Protects the choice of the best: which parameters would be put to work must not depend on luck, on a figure that is
not there, or on a candidate that looks good because it stopped."""

from __future__ import annotations

import random
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.backtest.types import Metrics
from dashboard.optimizer import METRICS, OptimizerError, Trial, has_edge, metric_named, ranked
from dashboard.optimizer.metric import NOT_RANKED
from tests.optimizer.candidates import metrics_with, trial_with

money = st.floats(-1e6, 1e6).map(lambda value: round(value, 2))
runs = st.builds(
    metrics_with,
    trades=st.integers(0, 3),
    sharpe_ratio=st.none() | st.sampled_from([-1.0, 0.0, 1.5]) | st.floats(-10, 10),
    trading_pnl_usd=st.sampled_from([0.0, 1.0]) | money,
    max_drawdown_usd=st.sampled_from([0.0, 5.0]) | money.map(abs),
    halted=st.none() | st.just("daily loss"),
)


def trials_of(found: list[Metrics], metric: str) -> list[Trial]:
    judge = metric_named(metric)
    return [
        Trial(number, {"min_spread_bps": float(number)}, item, judge.value(item)) for number, item in enumerate(found)
    ]


def numbers(trials: list[Trial]) -> list[int]:
    return [trial.number for trial in trials]


@given(st.lists(runs, min_size=1, max_size=12), st.sampled_from(sorted(METRICS)), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_finishing(
    found: list[Metrics], metric: str, chance: random.Random
) -> None:
    trials = trials_of(found, metric)
    shuffled = list(trials)
    chance.shuffle(shuffled)
    assert numbers(ranked(shuffled, metric_named(metric))) == numbers(ranked(trials, metric_named(metric)))


@given(st.lists(runs, min_size=1, max_size=12), st.sampled_from(sorted(METRICS)))
def test_a_candidate_without_the_figure_never_stands_before_one_that_has_it(found: list[Metrics], metric: str) -> None:
    values = [trial.value for trial in ranked(trials_of(found, metric), metric_named(metric))]
    first_missing = next((place for place, value in enumerate(values) if value is None), len(values))
    assert all(value is None for value in values[first_missing:])


@given(st.lists(runs, min_size=2, max_size=12), st.sampled_from(sorted(METRICS)))
def test_among_those_that_traded_to_the_end_the_metric_decides(found: list[Metrics], metric: str) -> None:
    judge = metric_named(metric)
    values = [
        trial.value
        for trial in ranked(trials_of(found, metric), judge)
        if trial.metrics is not None
        and trial.metrics.halted is None
        and trial.metrics.trades
        and trial.value is not None
    ]
    assert values == sorted(values, reverse=judge.more_is_better)


@pytest.mark.parametrize("metric", ["max_drawdown_usd", "max_drawdown_fraction", "sharpe_ratio", "trading_pnl_usd"])
def test_one_that_halted_early_never_wins_over_one_that_traded_to_the_end(metric: str) -> None:
    halted = trial_with(
        0,
        metric,
        trades=1,
        halted="daily loss",
        sharpe_ratio=9.0,
        trading_pnl_usd=50.0,
        max_drawdown_usd=0.1,
        max_drawdown_fraction=0.00001,
    )
    whole = trial_with(
        1,
        metric,
        trades=9,
        sharpe_ratio=1.0,
        trading_pnl_usd=5.0,
        max_drawdown_usd=30.0,
        max_drawdown_fraction=0.003,
    )
    assert ranked([halted, whole], metric_named(metric))[0] is whole


@pytest.mark.parametrize("metric", [name for name, item in METRICS.items() if not item.more_is_better])
def test_doing_nothing_does_not_win_where_less_is_better(metric: str) -> None:
    idle = trial_with(0, metric)
    busy = trial_with(1, metric, **{"trades": 4, "max_drawdown_usd": 3.0, metric: 3})
    assert ranked([idle, busy], metric_named(metric))[0] is busy


def test_ties_go_to_more_trading_pnl_then_less_drawdown_then_the_order_of_the_grid() -> None:
    same = {"trades": 2, "sharpe_ratio": 1.0}
    trials = [
        trial_with(0, "sharpe_ratio", **same, trading_pnl_usd=1.0, max_drawdown_usd=2.0),
        trial_with(1, "sharpe_ratio", **same, trading_pnl_usd=2.0, max_drawdown_usd=2.0),
        trial_with(2, "sharpe_ratio", **same, trading_pnl_usd=2.0, max_drawdown_usd=1.0),
        trial_with(3, "sharpe_ratio", **same, trading_pnl_usd=2.0, max_drawdown_usd=1.0),
    ]
    assert numbers(ranked(trials, metric_named("sharpe_ratio"))) == [2, 3, 1, 0]


def test_there_is_no_edge_when_only_the_inventory_gained() -> None:
    assert not has_edge([trial_with(0, "trades", holding_pnl_usd=1000.0, trading_pnl_usd=-0.01, trades=3)])
    assert not has_edge([trial_with(0, "trades")])
    assert has_edge([trial_with(0, "trades"), trial_with(1, "trades", trading_pnl_usd=0.01)])


def test_each_figure_of_a_backtest_is_a_metric_or_stated_as_none() -> None:
    assert {field.name for field in fields(Metrics)} == {*METRICS, *NOT_RANKED}


def test_an_unknown_metric_is_refused_with_the_list() -> None:
    with pytest.raises(OptimizerError, match=r"metric is 'sharpe': allowed is one of sharpe_ratio, .*hedges"):
        metric_named("sharpe")


def test_a_figure_that_is_not_a_number_counts_as_not_defined() -> None:
    assert metric_named("sharpe_ratio").value(metrics_with(sharpe_ratio=float("nan"))) is None
    assert metric_named("sharpe_ratio").value(metrics_with(sharpe_ratio=float("inf"))) is None
