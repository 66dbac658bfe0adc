"""What a backtest refuses."""

from __future__ import annotations


class BacktestError(ValueError):
    """A request that cannot be run. Attributes: field, value, allowed; the message names all three."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} = {value!r}: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class DataMissing(BacktestError):
    """There is no history for a venue and symbol in the period; `allowed` names the command that fetches it."""
