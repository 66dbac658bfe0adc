"""A strategy's parameters: checked against config/strategies.schema.json, then in the core's integers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bridge.core import param_index
from dashboard.backtest.desk import units
from dashboard.backtest.errors import BacktestError
from dashboard.paths import default_config_dir

# Unit of a core parameter's name -> (end of the setting's name, units of the core in one of the setting).
_UNITS = {"_BPS_E4": ("_bps", 10**4), "_E8": ("_usd", 10**8), "_NS": ("_ms", 10**6)}


@dataclass(frozen=True)
class Parameter:
    """One parameter; minimum, maximum and default are in `unit`."""

    name: str
    unit: str
    whole: bool  # integers only
    minimum: float
    maximum: float
    default: float
    live: bool  # False: takes effect at the engine's next start
    help: str

    @property
    def allowed(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()

    def number(self, value: object) -> float | None:
        """The value as a float; None when it is not what is allowed."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        number = float(value)
        sane = math.isfinite(number) and self.minimum <= number <= self.maximum
        return number if sane and (number.is_integer() or not self.whole) else None


@cache
def _schema() -> dict[str, object]:
    document = json.loads((default_config_dir() / "strategies.schema.json").read_text(encoding="utf-8"))
    found = document["properties"]["strategies"]["items"]["properties"]
    assert isinstance(found, dict)
    return found


@cache
def kinds() -> tuple[str, ...]:
    """Kinds of strategies that the engine has."""
    kind = _schema()["kind"]
    assert isinstance(kind, dict)
    return tuple(kind["enum"])


@cache
def parameters() -> Mapping[str, Parameter]:
    """Name -> parameter, in the schema's order. All strategies are of one kind and share them."""
    params = _schema()["params"]
    assert isinstance(params, dict)
    return {
        name: Parameter(
            name=name,
            unit=str(item.get("x-unit", "")),
            whole=item["type"] == "integer",
            minimum=float(item["minimum"]),
            maximum=float(item["maximum"]),
            default=float(item["default"]),
            live=bool(item.get("x-live", False)),
            help=str(item.get("description", "")),
        )
        for name, item in params["properties"].items()
    }


def strategy_check(name: object) -> None:
    if name not in kinds():
        raise BacktestError("strategy", name, f"allowed: {', '.join(kinds())}")


def params_checked(given: Mapping[str, float]) -> dict[str, float]:
    """All parameters, defaults filled in. Raises BacktestError for an unknown name or a value out of range."""
    known = parameters()
    for name in given:
        if name not in known:
            raise BacktestError(f"params.{name}", given[name], f"no such parameter; allowed: {', '.join(known)}")
    return {name: _value(known[name], given.get(name, known[name].default)) for name in known}


def _value(parameter: Parameter, value: object) -> float:
    number = parameter.number(value)
    if number is None:
        raise BacktestError(f"params.{parameter.name}", value, f"allowed is {parameter.allowed}")
    return number


@cache
def _places() -> tuple[tuple[str, int], ...]:
    """(name of the setting, its scale) in the order of enum core_param."""
    found: dict[int, tuple[str, int]] = {}
    for label, index in param_index().items():
        unit = next(unit for unit in _UNITS if label.endswith(unit))
        ending, scale = _UNITS[unit]
        found[index] = (label.removesuffix(unit).lower() + ending, scale)
    return tuple(found[index] for index in sorted(found))


def core_params(params: Mapping[str, float]) -> tuple[int, ...]:
    """Checked parameters in the core's units, in the order of enum core_param."""
    return tuple(units(params[name], scale) for name, scale in _places())
