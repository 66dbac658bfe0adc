"""Which history a search uses when nobody says: the strategy's venues and symbols, the last days that are on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dashboard.backtest.desk import desk_read
from dashboard.backtest.settings import config_dir
from dashboard.backtest.types import BacktestRequest
from dashboard.db import Database
from dashboard.optimizer import OptimizerError

STRATEGIES_FILE = "strategies.json"
DATA_FIELDS = ("symbols", "exchanges", "start_date", "end_date")
# Of the last run: what it was told of the market and the money.
ASSUMPTIONS = ("capital_usd", "kind", "half_spread_bps", "bar_size_usd", "latency_ms", "taker_fee_bps")
DAY_NS = 86_400 * 10**9
BAR_NS = 60 * 10**9  # a bar's time is its open: the history reaches to the end of the last one
DAYS_DEFAULT = 7
KIND_DEFAULT = "candles_1m"


class Backtests(Protocol):
    """What of BacktestService is used here and by the optimizer."""

    @property
    def db(self) -> Database | None: ...
    @property
    def store(self) -> Any: ...
    @property
    def last_request(self) -> BacktestRequest | None: ...
    def request(self, **values: Any) -> BacktestRequest:
        """Keywords as run_backtest's; checked."""


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
        end_ns = item.last_ns + (BAR_NS if kind == KIND_DEFAULT else 1)
        ends[symbol] = min(ends.get(symbol, end_ns), end_ns)
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


def scope_of(strategy: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(symbols, exchanges) of a strategy as configured. Raises OptimizerError when there is none of that name."""
    desk, path = desk_read(), config_dir() / STRATEGIES_FILE
    listed = {item["name"]: item for item in json.loads(path.read_text())["strategies"]}
    if strategy not in listed:
        raise OptimizerError("strategy", strategy, f"one of {', '.join(listed)} ({path})")
    return tuple(listed[strategy].get("symbols") or desk.symbols), tuple(desk.taker_fee_bps)


def choose_data(backtests: Backtests, strategy: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Keywords of a request, completed, and a phrase that says how.

    Args: given, what the caller said: symbols, exchanges, start_date, end_date, and fields of BacktestRequest.
    What is missing comes from the last run of this strategy, else from its configuration and what is on disk.
    """
    if all(name in given for name in DATA_FIELDS):
        return dict(given), "as given"
    said = any(name in given for name in DATA_FIELDS)
    last = backtests.last_request
    if last is not None and last.strategy == strategy:
        values = {
            "symbols": last.symbols,
            "exchanges": last.exchanges,
            "start_date": last.start_ns,
            "end_date": last.end_ns,
            **{name: getattr(last, name) for name in ASSUMPTIONS},
        }
        if set(given.get("exchanges", ())) - set(last.exchanges):
            del values["taker_fee_bps"]  # it names the last run's exchanges
        return {**values, **given}, "where not given as in the last run" if said else "as in the last run"
    symbols, exchanges = scope_of(strategy)
    choice = last_days(
        backtests.store.list(),
        symbols=tuple(given.get("symbols", symbols)),
        exchanges=tuple(given.get("exchanges", exchanges)),
    )
    values = {
        "symbols": choice.symbols,
        "exchanges": choice.exchanges,
        "start_date": choice.start_ns,
        "end_date": choice.end_ns,
    }
    phrase = f"the last {DAYS_DEFAULT} days on disk{', invented data' if choice.synthetic else ''}"
    return {**values, **given}, f"where not given {phrase}" if said else phrase
