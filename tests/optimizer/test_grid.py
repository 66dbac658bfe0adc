"""Protects the grid: what is searched is what was asked, within what the engine would accept, and not without end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.optimizer import COMBINATIONS_MAX, OptimizerError, grid_of, parameters
from dashboard.optimizer.schema import natural


@given(
    st.lists(st.floats(0, 10000), min_size=1, max_size=6),
    st.lists(st.integers(0, 3_600_000), min_size=1, max_size=6),
)
def test_each_combination_comes_once_in_an_order_that_the_callers_lists_do_not_change(
    spreads: list[float], rests: list[int]
) -> None:
    grid = grid_of({"min_spread_bps": spreads, "cooldown_ms": rests})
    found = [(params["min_spread_bps"], params["cooldown_ms"]) for params in grid]
    assert found == [(spread, rest) for spread in sorted({*spreads}) for rest in sorted({*rests})]
    assert len(grid) == len(found)
    again = grid_of({"min_spread_bps": spreads[::-1], "cooldown_ms": rests[::-1]})
    assert list(again) == list(grid)


@pytest.mark.parametrize(
    ("param_grid", "sentence"),
    [
        ({}, "param_grid is {}"),
        ([10, 20], "param_grid is"),
        ({"min_spread": [10]}, "param_grid.min_spread is 'min_spread': allowed is one of min_spread_bps, "),
        ({"min_spread_bps": []}, "param_grid.min_spread_bps is .*at least one value"),
        ({"min_spread_bps": "10,20"}, "param_grid.min_spread_bps is '10,20'"),
        ({"min_spread_bps": 10}, "param_grid.min_spread_bps is 10"),
        ({"min_spread_bps": [10, -1]}, "is -1: allowed is a number from 0 to 10000 bps"),
        ({"min_spread_bps": [float("nan")]}, "is nan"),
        ({"min_spread_bps": [True]}, "is True"),
        ({"min_spread_bps": ["10"]}, "is '10'"),
        ({"cooldown_ms": [0.5]}, r"is 0\.5: allowed is a whole number from 0 to 3\.6e\+06 ms"),
        ({"capital_usd": [1000]}, "param_grid.capital_usd is 'capital_usd': allowed is one of"),
    ],
)
def test_bad_input_is_refused_with_field_value_and_what_is_allowed(param_grid: Any, sentence: str) -> None:
    with pytest.raises(OptimizerError, match=sentence):
        grid_of(param_grid)


def test_a_grid_beyond_the_cap_is_refused_before_anything_is_built() -> None:
    many = list(np.linspace(0, 100, 5000))
    with pytest.raises(OptimizerError, match=rf"25,000,000 combinations .*at most {COMBINATIONS_MAX:,} combinations"):
        grid_of({"min_spread_bps": many, "slippage_bps": many})


def test_arrays_and_ranges_are_lists_too() -> None:
    assert grid_of({"min_spread_bps": np.array([20, 10]), "cooldown_ms": range(2)}).values == {
        "min_spread_bps": (10.0, 20.0),
        "cooldown_ms": (0.0, 1.0),
    }


def test_the_engine_gets_whole_numbers_where_it_wants_them() -> None:
    for name, parameter in parameters().items():
        assert isinstance(natural(name, parameter.default), int if parameter.whole else float)
