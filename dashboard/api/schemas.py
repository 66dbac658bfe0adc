"""What clients may send and what they get: strict bodies, one envelope for answers and one for errors."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

UPDATE_COUNT_MAX = 64
LIST_LIMIT_MAX = 512
LIST_LIMIT_DEFAULT = 50
INTEGER_MAX = 2**53
TEXT_LENGTH_MAX = 128
LIST_MAX = 64

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Text = Annotated[str, StringConstraints(max_length=TEXT_LENGTH_MAX)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= TEXT_LENGTH_MAX
    return isinstance(value, bool) or (isinstance(value, (int, float)) and abs(value) <= INTEGER_MAX)


def _value_checked(value: Any) -> Any:
    """A value the engine's configuration can hold; what it means, the engine itself checks."""
    if _is_scalar(value) or (isinstance(value, list) and len(value) <= LIST_MAX and all(map(_is_scalar, value))):
        return value
    raise PydanticCustomError(
        "value",
        "must be true or false, a finite number, a text of at most 128 characters, or a list of these",
    )


_VALUE_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": kind} for kind in ("boolean", "number", "string")] + [{"type": "array", "maxItems": 64}]
}
Value = Annotated[Any, AfterValidator(_value_checked), WithJsonSchema(_VALUE_SCHEMA)]
Updates = Annotated[dict[Name, Value], Field(min_length=1, max_length=UPDATE_COUNT_MAX)]


class Body(BaseModel):
    """Base of all bodies: unknown members and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Seen(Body):
    """What the sender saw. A risky command that saw an old state is refused by the engine (STALE_VIEW)."""

    state_version: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        default=None, description="State version the sender saw; default: the newest the dashboard saw."
    )
    config_hash: Hash | None = Field(
        default=None,
        description="Hash of strategies.json the sender saw; default: the newest the dashboard saw.",
    )


class ConfigUpdate(Seen):
    """Parameters of a strategy, applied by the engine between two events."""

    updates: Updates = Field(description="Parameter name to new value.", examples=[{"min_spread_bps": 80}])
    strategy: Name | None = Field(default=None, description="Whose; default: the only strategy that has them.")


class LimitsUpdate(Seen):
    """Risk limits. Tighter ones apply at once; a looser one needs the typed confirmation."""

    updates: Updates = Field(description="Limit name to new value.", examples=[{"max_order_notional_usd": 1000}])
    confirm: Text | None = Field(default=None, description="The instance's name, when a limit is loosened.")


class Confirm(Seen):
    """A typed confirmation."""

    confirm: Text = Field(description="The instance's name.")


class Arm(Seen):
    """Arming; SIM needs no typed confirmation."""

    confirm: Text | None = Field(default=None, description="The instance's name; not needed in SIM.")


class Shutdown(Seen):
    """Stops the engine process."""

    confirm: Text = Field(description="The instance's name.")


class Kill(Seen):
    """Kill: never refused for an old state, nothing to type."""

    reason: Text = Field(default="", description="Why; goes to the journal.")


class Envelope(BaseModel):
    """Every success. Identity is null while the engine has not been seen."""

    mode: str | None = Field(description="SIM, PAPER or LIVE.")
    instance: str | None
    generation: int | None
    data: Any


class Page(Envelope):
    """A slice of a list, newest first."""

    next_cursor: str | None = Field(description="Send it as `cursor` for the next older slice; null at the end.")


class ErrorBody(BaseModel):
    """What went wrong: a stable code, a sentence, and the field with its value and what is allowed."""

    code: str
    message: str
    field: str | None = None
    value: Any = None
    allowed: Any = None


class ErrorEnvelope(BaseModel):
    """Every failure."""

    mode: str | None
    instance: str | None
    generation: int | None
    error: ErrorBody
