"""Values of the strategies' parameters, as a search space and a deployment name them."""

from __future__ import annotations

from dashboard.backtest.params import Parameter, parameters
from dashboard.optimizer.errors import OptimizerError

__all__ = ["Parameter", "check_value", "natural", "parameters"]


def check_value(name: str, value: object, field: str | None = None) -> float:
    """The value as a float within the parameter's range. Raises OptimizerError; `field` is how to name it."""
    field = field or f"params.{name}"
    parameter = parameters().get(name)
    if parameter is None:
        raise OptimizerError(field, name, f"one of {', '.join(parameters())}")
    number = parameter.number(value)
    if number is None:
        raise OptimizerError(field, value, parameter.allowed)
    return number


def natural(name: str, value: float) -> float | int:
    """As the engine wants it written: 250 and not 250.0 where only whole numbers are allowed."""
    parameter = parameters().get(name)
    return int(value) if parameter is not None and parameter.whole else value
