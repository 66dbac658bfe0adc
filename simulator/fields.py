"""Strict reading of JSON objects: every field is taken by name and type, what is left over is refused."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from simulator.errors import SettingsError

T = TypeVar("T")


class Fields:
    """Reads one JSON object field by field; `done` refuses what nobody asked for."""

    def __init__(self, data: object, path: str) -> None:
        if not isinstance(data, dict):
            raise SettingsError(path or "(top level)", data, "an object")
        self._data: dict[str, object] = dict(data)
        self._known: list[str] = []
        self.path = path

    def name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        return key in self._data

    def _take(self, key: str, default: T | None, allowed: str) -> object:
        self._known.append(key)
        if key in self._data:
            return self._data.pop(key)
        if default is None:
            raise SettingsError(self.name(key), None, f"{allowed} (required)")
        return default

    def text(self, key: str, default: str | None = None, choices: tuple[str, ...] = ()) -> str:
        allowed = "one of " + ", ".join(choices) if choices else "a text"
        value = self._take(key, default, allowed)
        if not isinstance(value, str) or (choices and value not in choices):
            raise SettingsError(self.name(key), value, allowed)
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        allowed = f"an integer from {low} to {high}"
        value = self._take(key, default, allowed)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise SettingsError(self.name(key), value, allowed)
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        allowed = f"a number from {low:g} to {high:g}"
        value = self._take(key, default, allowed)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise SettingsError(self.name(key), value, allowed)
        if not low <= value <= high:
            raise SettingsError(self.name(key), value, allowed)
        return float(value)

    def flag(self, key: str, default: bool | None = None) -> bool:
        value = self._take(key, default, "true or false")
        if not isinstance(value, bool):
            raise SettingsError(self.name(key), value, "true or false")
        return value

    def decimal(self, key: str, low: str, high: str, default: str | None = None) -> Decimal:
        return parse_decimal(self.name(key), self._take(key, default, "a decimal text"), low, high)

    def rows(self, key: str) -> list[object]:
        value = self._take(key, None, "a list")
        if not isinstance(value, list) or not value:
            raise SettingsError(self.name(key), value, "a list with at least one entry")
        return value

    def child(self, key: str, default: dict[str, object] | None = None) -> Fields:
        return Fields(self._take(key, default, "an object"), self.name(key))

    def mapping(self, key: str) -> dict[str, object]:
        value = self._take(key, {}, "an object")
        if not isinstance(value, dict):
            raise SettingsError(self.name(key), value, "an object")
        return dict(value)

    def done(self) -> None:
        for key, value in self._data.items():
            raise SettingsError(self.name(key), value, "only " + ", ".join(sorted(self._known)))


def parse_decimal(name: str, value: object, low: str, high: str) -> Decimal:
    """Reads an exact decimal from a text (a JSON number would already have been through a double)."""
    allowed = f"a decimal text from {low} to {high}"
    if not isinstance(value, str):
        raise SettingsError(name, value, allowed)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise SettingsError(name, value, allowed) from error
    if not number.is_finite() or not Decimal(low) <= number <= Decimal(high):
        raise SettingsError(name, value, allowed)
    return number
