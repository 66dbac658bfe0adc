"""Balances of the one account a venue has, in exact decimals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from simulator.errors import Reason, Refused

ZERO = Decimal(0)


@dataclass
class Balance:
    free: Decimal = ZERO
    locked: Decimal = ZERO


class Account:
    """free + locked of an asset changes by fills and fees only; locking moves between the two."""

    def __init__(self, opening: Mapping[str, Decimal]) -> None:
        self.opening = dict(opening)
        self.balances = {asset: Balance(amount) for asset, amount in opening.items()}
        self.fees: dict[str, Decimal] = {}

    def of(self, asset: str) -> Balance:
        return self.balances.setdefault(asset, Balance())

    def lock(self, asset: str, amount: Decimal) -> None:
        balance = self.of(asset)
        if amount > balance.free:
            raise Refused(Reason.BALANCE, asset)
        balance.free -= amount
        balance.locked += amount

    def unlock(self, asset: str, amount: Decimal) -> None:
        balance = self.of(asset)
        assert amount <= balance.locked
        balance.locked -= amount
        balance.free += amount

    def pay(self, asset: str, amount: Decimal) -> None:
        """Takes `amount` out of what is locked."""
        balance = self.of(asset)
        assert amount <= balance.locked
        balance.locked -= amount

    def receive(self, asset: str, amount: Decimal, fee: Decimal) -> None:
        """Adds `amount` less `fee`, both in `asset`."""
        self.of(asset).free += amount - fee
        self.fees[asset] = self.fees.get(asset, ZERO) + fee
