"""The errors of the history: each says what was found, what is allowed and what to do."""

from __future__ import annotations


class HistoryError(ValueError):
    """History that cannot be read, written, fetched or understood. The message is for a person."""


class HistoryOffline(HistoryError):
    """The venue could not be reached, or did not answer in the end."""


def field_error(field: str, value: object, allowed: str) -> HistoryError:
    return HistoryError(f"{field} = {value!r}: {allowed}")
