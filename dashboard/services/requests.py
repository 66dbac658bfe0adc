"""A backtest's request out of plain JSON, as jobs and studies keep it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dashboard.backtest.types import BacktestRequest

_TUPLES = ("symbols", "exchanges")


def request_from(document: dict[str, Any]) -> BacktestRequest:
    """The inverse of `plain(request)`. Raises ValueError naming a member that is not known or missing."""
    known = {field.name for field in fields(BacktestRequest)}
    if unknown := sorted(document.keys() - known):
        raise ValueError(f"request.{unknown[0]} is not known: allowed are {', '.join(sorted(known))}.")
    values: dict[str, Any] = {name: tuple(value) if name in _TUPLES else value for name, value in document.items()}
    try:
        return BacktestRequest(**values)
    except TypeError as error:
        raise ValueError(f"request is incomplete: {error}.") from error
