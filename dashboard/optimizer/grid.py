"""The candidates of a grid search: every combination of the listed values, numbered in a fixed order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from dashboard.optimizer.errors import OptimizerError
from dashboard.optimizer.schema import check_value

COMBINATIONS_MAX = 100_000


@dataclass(frozen=True)
class Grid:
    """Checked values per parameter, each ascending and once; the last parameter varies fastest."""

    values: dict[str, tuple[float, ...]]

    def __len__(self) -> int:
        return math.prod(len(listed) for listed in self.values.values())

    def __iter__(self) -> Iterator[dict[str, float]]:
        for combination in product(*self.values.values()):
            yield dict(zip(self.values, combination, strict=True))


def grid_of(param_grid: Mapping[str, Sequence[float]]) -> Grid:
    """Checks the grid against the strategy's schema.

    Args: param_grid, parameter -> values to try, in the parameter's unit; a repeated value counts once.
    Raises OptimizerError for an empty grid, an unknown parameter, a value out of range, or more than
    COMBINATIONS_MAX combinations.
    """
    if not isinstance(param_grid, Mapping) or not param_grid:
        raise OptimizerError("param_grid", param_grid, 'an object of lists, such as {"min_spread_bps": [10, 20, 30]}')
    grid = Grid({name: _values(name, listed) for name, listed in param_grid.items()})
    if len(grid) > COMBINATIONS_MAX:
        sizes = " x ".join(f"{len(listed)} {name}" for name, listed in grid.values.items())
        raise OptimizerError(
            "param_grid", f"{len(grid):,} combinations ({sizes})", f"at most {COMBINATIONS_MAX:,} combinations"
        )
    return grid


def _values(name: str, listed: object) -> tuple[float, ...]:
    field = f"param_grid.{name}"
    if isinstance(listed, np.ndarray):
        listed = listed.tolist()
    if isinstance(listed, (str, bytes)) or not isinstance(listed, Sequence) or not listed:
        raise OptimizerError(field, listed, "a list of at least one value")
    if len(listed) > COMBINATIONS_MAX:
        raise OptimizerError(field, f"{len(listed):,} values", f"at most {COMBINATIONS_MAX:,} combinations")
    plain = [item.item() if isinstance(item, np.generic) else item for item in listed]
    return tuple(sorted({check_value(name, item, field) for item in plain}))
