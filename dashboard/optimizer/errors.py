"""What the optimizer refuses."""

from __future__ import annotations


class OptimizerError(ValueError):
    """Input that cannot be searched. Attributes: field, value, allowed; the message names all three."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} is {value!r}: allowed is {allowed}.")
        self.field = field
        self.value = value
        self.allowed = allowed
