"""What can go wrong, as facts: configuration, control input, and orders that a venue refuses."""

from __future__ import annotations

from enum import Enum


class SimulatorError(Exception):
    """Base of every error of the simulator."""


class SettingsError(SimulatorError):
    """A field that cannot be accepted: says which, what it was and what is allowed."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}: {value!r} is not accepted; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class StoreError(SimulatorError):
    """The venue's state on disk cannot be used."""


class ReplayError(SimulatorError):
    """The replay file cannot be played."""


class Reason(Enum):
    """Why a venue refuses an order; each venue has its own words and codes for these."""

    SYMBOL = "unknown symbol"
    PRICE_FILTER = "price outside its filter"
    LOT_SIZE = "quantity outside its filter"
    PRECISION = "more digits than the venue takes"
    NOTIONAL = "order value below the minimum"
    BALANCE = "insufficient balance"
    DUPLICATE = "client id of an open order"
    NO_SUCH_ORDER = "no such order"
    NOT_OPEN = "order is not open"


class Refused(SimulatorError):
    """The venue refuses; `field` is the parameter at fault where there is one."""

    def __init__(self, reason: Reason, field: str = "") -> None:
        super().__init__(f"{reason.value}{': ' + field if field else ''}")
        self.reason = reason
        self.field = field
