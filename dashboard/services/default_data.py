"""Which history a search uses when nobody says: the strategy's venues and symbols, the last days that are on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dashboard.optimizer import OptimizerError

DAY_NS = 86_400 * 10**9
DAYS_DEFAULT = 7
KIND_DEFAULT = "candles_1m"


class Stored(Protocol):
    """One series on disk."""

    @property
    def venue(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def first_ns(self) -> int: ...
    @property
    def last_ns(self) -> int: ...
    @property
    def synthetic(self) -> bool: ...


@dataclass(frozen=True)
class DataChoice:
    """synthetic: some of it is invented."""

    symbols: tuple[str, ...]
    exchanges: tuple[str, ...]
    start_ns: int
    end_ns: int
    synthetic: bool


def last_days(
    stored: Iterable[Stored],
    *,
    symbols: Sequence[str],
    exchanges: Sequence[str],
    days: int = DAYS_DEFAULT,
    kind: str = KIND_DEFAULT,
) -> DataChoice:
    """The last `days` that two venues or more have of the same symbol.

    Args: symbols, exchanges: what may be used; empty symbols: all that are on disk.
    Only symbols whose newest common moment is within `days` of the newest of all are taken, so that they share a
    period. Raises OptimizerError when no symbol is on disk for two of the venues.
    """
    series: dict[tuple[str, str], Stored] = {}
    for item in stored:
        if item.kind == kind and item.venue in exchanges and (not symbols or item.symbol in symbols):
            series.setdefault((item.symbol, item.venue), item)  # what is read first comes first in the list
    ends: dict[str, int] = {}
    venues: dict[str, set[str]] = {}
    for (symbol, venue), item in series.items():
        venues.setdefault(symbol, set()).add(venue)
        ends[symbol] = min(ends.get(symbol, item.last_ns), item.last_ns)
    paired = sorted(symbol for symbol, found in venues.items() if len(found) >= 2)
    if not paired:
        raise OptimizerError(
            "symbols",
            ", ".join(symbols) or "all",
            f"a symbol whose {kind} are on disk for at least two of {', '.join(exchanges)}; "
            "`arbdeck data list` shows what is there, `arbdeck data fetch` gets more",
        )
    end_ns = max(ends[symbol] for symbol in paired)
    start_ns = end_ns - days * DAY_NS
    chosen = tuple(symbol for symbol in paired if ends[symbol] > start_ns)
    end_ns = min(ends[symbol] for symbol in chosen)
    used = tuple(venue for venue in exchanges if all(venue in venues[symbol] for symbol in chosen))
    if len(used) < 2:  # the symbols have no two venues in common: the first that has two is enough
        chosen = chosen[:1]
        used = tuple(venue for venue in exchanges if venue in venues[chosen[0]])
        end_ns = ends[chosen[0]]
    taken = [series[symbol, venue] for symbol in chosen for venue in used]
    start_ns = max(end_ns - days * DAY_NS, min(item.first_ns for item in taken))
    return DataChoice(chosen, used, start_ns, end_ns, any(item.synthetic for item in taken))
