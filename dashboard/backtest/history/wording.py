"""How times and gaps are written for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from .ranges import Range

NS_PER_S = 1_000_000_000


def utc_text(at_ns: int) -> str:
    """ISO 8601, UTC, as exact as the time needs: 2023-03-01T00:00Z, 2023-03-01T00:00:01.500000001Z."""
    seconds, fraction = divmod(at_ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC)
    if fraction:
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}".rstrip("0") + "Z"
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment.second else f"{moment:%Y-%m-%dT%H:%MZ}"


def range_text(found: Range) -> str:
    return f"{utc_text(found[0])} to {utc_text(found[1])}"


def missing_text(venue: str, symbol: str, kind: str, missing: Sequence[Range]) -> str:
    """One sentence that names the gap and the command that fills it; "" when nothing is missing."""
    if not missing:
        return ""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    start, end = utc_text(missing[0][0]), utc_text(missing[-1][1])
    how = (
        f"arbdeck data fetch --venue {venue} --symbol {symbol} --from {start} --to {end}"
        if kind == "candles_1m"
        else "arbdeck data record (with record_quotes on in engine.json)"
    )
    return f"No {kind} of {symbol} at {venue} from {range_text(missing[0])}{more}; to get them: {how}"
