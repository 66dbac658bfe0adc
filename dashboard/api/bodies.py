"""Bodies of the research endpoints: backtests, studies and putting parameters to work. Strict, as all bodies are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from dashboard.api.schemas import Body, Hash, Name, Text

NS_MAX = 2**63 - 1
SYMBOLS_MAX = 32
EXCHANGES_MAX = 16
PARAMS_MAX = 64
GRID_VALUES_MAX = 1000
KINDS = ("candles_1m", "quotes")

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,31}$")]


def _time_ns(value: Any) -> int:
    """Unix nanoseconds, or an ISO date or time; without a zone it is UTC."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= NS_MAX:
        return value
    if isinstance(value, str) and len(value) <= 40:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and 1970 <= moment.year <= 2200:
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return round(aware.timestamp() * 1000) * 10**6
    raise PydanticCustomError("time", "must be Unix nanoseconds or an ISO date or time from 1970 to 2200, UTC")


_TIME_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}]}
Time = Annotated[int, BeforeValidator(_time_ns), WithJsonSchema(_TIME_SCHEMA)]
Params = Annotated[dict[Name, FiniteFloat], Field(max_length=PARAMS_MAX)]


def _no_doubles(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("doubles", "must name each once")
    return values


class DataBody(Body):
    """Which history, on which terms."""

    strategy: Name = Field(default="cross_exchange", description="Kind or name of the strategy.")
    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=SYMBOLS_MAX), AfterValidator(_no_doubles)] = Field(
        examples=[["BTCUSDT"]]
    )
    exchanges: Annotated[list[Name], Field(min_length=2, max_length=EXCHANGES_MAX), AfterValidator(_no_doubles)] = (
        Field(examples=[["binance", "mexc"]])
    )
    start_date: Time = Field(description="From, inclusive.", examples=["2026-11-01"])
    end_date: Time = Field(description="To, exclusive.", examples=["2026-11-08T12:00:00Z"])
    capital_usd: Annotated[float, Field(ge=1, le=1e9)] = Field(default=10_000.0, description="Total, USD.")
    kind: Literal["candles_1m", "quotes"] = Field(default="candles_1m", description="Which history.")
    half_spread_bps: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=1.0, description="Assumed for candles: bid and ask lie this far from open and close."
    )
    bar_size_usd: Annotated[float, Field(ge=1, le=1e9)] = Field(
        default=5_000.0, description="Assumed for candles: displayed size of each side, USD."
    )
    latency_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(
        default=50.0, description="From the decision until the venue sees the order."
    )
    taker_fee_bps: Annotated[dict[Name, Annotated[float, Field(ge=-100, le=1000)]], Field(max_length=EXCHANGES_MAX)] = (
        Field(default_factory=dict, description="Per venue; missing: the engine's.")
    )


class BacktestBody(DataBody):
    """One backtest."""

    params: Params = Field(default_factory=dict, description="Of the strategy's schema; missing: its defaults.")


class OptimizeBody(DataBody):
    """One grid search: every combination of the values is run."""

    param_grid: Annotated[
        dict[Name, Annotated[list[FiniteFloat], Field(min_length=1, max_length=GRID_VALUES_MAX)]],
        Field(min_length=1, max_length=PARAMS_MAX),
    ] = Field(examples=[{"min_spread_bps": [10, 20, 30]}])
    params: Params = Field(default_factory=dict, description="Held fixed in all runs.")
    metric: Name = Field(default="sharpe_ratio", description="What the best is judged by.")


class DeployBody(Body):
    """Without `confirm`: the plan, nothing is changed. With it: the plan is applied."""

    trial: Annotated[int, Field(ge=0, le=2**31)] | None = Field(default=None, description="Default: the best.")
    confirm: Text | None = Field(
        default=None, description='"yes" in SIM and PAPER, the instance\'s name in LIVE. Missing: plan only.'
    )
    config_hash: Hash | None = Field(
        default=None, description="Of the plan that was shown; refused when the engine has another by now."
    )


class RollbackBody(Body):
    """Without `confirm`: what would go back. With it: done."""

    confirm: Text | None = Field(default=None, description="As for deploy.")
    config_hash: Hash | None = Field(default=None, description="Of the plan that was shown.")
