"""The strategies' parameters as config/strategies.schema.json says, which the engine prints from its own table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from dashboard.optimizer.errors import OptimizerError
from dashboard.paths import default_config_dir

SCHEMA_FILE = "strategies.schema.json"


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
        return f"{kind} from {self.minimum:g} to {self.maximum:g} {self.unit}"


@cache
def parameters() -> Mapping[str, Parameter]:
    """Name -> parameter, in the schema's order. All strategies are of one kind and share them."""
    document = json.loads((default_config_dir() / SCHEMA_FILE).read_text())
    found = document["properties"]["strategies"]["items"]["properties"]["params"]["properties"]
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
        for name, item in found.items()
    }


def check_value(name: str, value: object, field: str | None = None) -> float:
    """The value as a float within the parameter's range. Raises OptimizerError; `field` is how to name it."""
    field = field or f"params.{name}"
    parameter = parameters().get(name)
    if parameter is None:
        raise OptimizerError(field, name, f"one of {', '.join(parameters())}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise OptimizerError(field, value, parameter.allowed)
    number = float(value)
    if not math.isfinite(number) or not parameter.minimum <= number <= parameter.maximum:
        raise OptimizerError(field, value, parameter.allowed)
    if parameter.whole and not number.is_integer():
        raise OptimizerError(field, value, parameter.allowed)
    return number


def natural(name: str, value: float) -> float | int:
    """As the engine wants it written: 250 and not 250.0 where only whole numbers are allowed."""
    parameter = parameters().get(name)
    return int(value) if parameter is not None and parameter.whole else value
