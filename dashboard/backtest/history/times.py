"""Times as files have them -> Unix epoch nanoseconds, UTC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from .errors import HistoryError, field_error
from .records import Ints

# Unit -> (nanoseconds, values from here on are in a finer unit). Between 1973 and 5138 the units cannot be confused.
UNITS = {"s": (1_000_000_000, 10**11), "ms": (1_000_000, 10**14), "us": (1_000, 10**17), "ns": (1, 2**63 - 1)}


@dataclass(frozen=True)
class Times:
    """ns: int64[n]; meaning: how they were understood, for people."""

    ns: Ints
    meaning: str


def times_of(column: pa.ChunkedArray, name: str, unit: str = "auto", zone: str = "UTC") -> Times:
    """Numbers since 1970, time stamps or ISO texts.

    Args:
        unit: of numbers: "auto" (each by its size), "s", "ms", "us" or "ns".
        zone: of texts and time stamps that name none: "UTC" or an IANA name such as "Europe/Berlin".

    Raises HistoryError naming the column, the value and what is allowed.
    """
    if unit != "auto" and unit not in UNITS:
        raise field_error("time unit", unit, f"allowed are auto, {', '.join(UNITS)}")
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise HistoryError(f"column {name}: row {row + 1} has no time")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _numbers_or_stamps(column, name)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _from_numbers(column, name, unit)
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("s"))
    if not pa.types.is_timestamp(column.type):
        raise HistoryError(f"column {name} is {column.type}: allowed are numbers, time stamps and ISO 8601 texts")
    stamps = pc.cast(column, pa.timestamp("ns", tz=column.type.tz))
    if column.type.tz is not None:
        return Times(_int64(stamps), f"with their own time zone ({column.type.tz})")
    if zone == "UTC":
        return Times(_int64(stamps), "without a time zone, taken as UTC")
    return Times(_from_local(stamps, name, zone), f"without a time zone, taken as {zone}")


def _int64(column: pa.ChunkedArray) -> Ints:
    return np.asarray(pc.cast(column, pa.int64()).to_numpy(), dtype=np.int64)


def _numbers_or_stamps(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    for numbers in (pa.int64(), pa.float64()):
        try:
            return pc.cast(column, numbers)
        except pa.ArrowInvalid:
            pass
    # "+00", "+0000", "+00:00" and "Z" at the end name a zone; Arrow reads either all or none with one.
    zoned = pc.match_substring_regex(column, r"(Z|[+-]\d\d(:?\d\d)?)$").to_numpy()
    dated_only = pc.match_substring_regex(column, r"^\d{4}-\d\d-\d\d$").to_numpy()
    zoned = zoned & ~dated_only
    if zoned.any() and not zoned.all():
        row = int(np.flatnonzero(zoned != zoned[0])[0])
        raise HistoryError(
            f"column {name}: row {row + 1} ({column[row]}) and row 1 ({column[0]}) differ in having a zone"
        )
    try:
        return pc.cast(column, pa.timestamp("ns", tz="UTC" if zoned.any() else None))
    except pa.ArrowInvalid as error:
        raise HistoryError(
            f"column {name}, first row {str(column[0])!r}: allowed are numbers since 1970 and ISO 8601 texts such as "
            f"2023-03-01 00:00:00 or 2023-03-01T00:00:00Z ({error})"
        ) from error


def _from_numbers(column: pa.ChunkedArray, name: str, unit: str) -> Times:
    values = np.asarray(column.to_numpy())
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise HistoryError(f"column {name}: row {int(np.flatnonzero(~np.isfinite(values))[0]) + 1} has no time")
    if unit != "auto":
        return Times(_scaled(values, UNITS[unit][0]), f"numbers, {unit} since 1970 (as told)")
    found = np.zeros(len(values), dtype=np.int64)
    seen: list[str] = []
    lower = -(2**63)
    for label, (scale, upper) in UNITS.items():
        chosen = (values >= lower) & (values < upper)
        if chosen.any():
            found[chosen] = _scaled(values[chosen], scale)
            seen.append(label)
        lower = upper
    return Times(found, f"numbers, {' and '.join(seen)} since 1970 (by their size)")


def _scaled(values: npt.NDArray[np.generic], scale: int) -> Ints:
    if values.dtype.kind in "iu":
        return np.asarray(values.astype(np.int64) * scale, dtype=np.int64)
    # Whole and fraction apart: a float product would lose nanoseconds.
    whole = np.floor(values.astype(np.float64))
    fraction = np.round((values.astype(np.float64) - whole) * scale).astype(np.int64)
    return whole.astype(np.int64) * scale + fraction


def _from_local(stamps: pa.ChunkedArray, name: str, zone: str) -> Ints:
    """Local clock -> UTC. The hour that a clock shows twice in autumn is told apart by the order of the rows."""
    try:
        early, late = (
            _int64(pc.assume_timezone(stamps, zone, ambiguous=choice, nonexistent="raise"))
            for choice in ("earliest", "latest")
        )
    except pa.ArrowInvalid as error:
        if "annot locate" in str(error) or "database" in str(error).lower():
            raise field_error("time zone", zone, "allowed are UTC and IANA names such as Europe/Berlin") from error
        raise HistoryError(
            f"column {name} in {zone}: a time that this clock never showed ({error}); are they in UTC?"
        ) from error
    unclear = np.flatnonzero(early != late)
    if not len(unclear):
        return early
    local = _int64(stamps)
    chosen = early.copy()
    for run in np.split(unclear, np.flatnonzero(np.diff(unclear) > 1) + 1):
        back = np.flatnonzero(np.diff(local[run]) <= 0)
        if len(back) != 1:
            raise HistoryError(
                f"column {name}: row {int(run[0]) + 1} ({stamps[int(run[0])]}) is in the hour that {zone} has twice, "
                "and the rows do not go through it twice in order: give times in UTC"
            )
        chosen[run[back[0] + 1 :]] = late[run[back[0] + 1 :]]
    return chosen
