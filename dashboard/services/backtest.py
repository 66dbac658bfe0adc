"""Backtests as pages, API, commands and notebooks call them."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from dashboard.backtest.desk import Desk, desk_read
from dashboard.backtest.errors import BacktestError, DataMissing
from dashboard.backtest.request import request_checked
from dashboard.backtest.run import Progress, run
from dashboard.backtest.tape import CANDLES, History
from dashboard.backtest.types import BacktestRequest, BacktestResult

LISTED_MAX = 8
CAPITAL_USD_DEFAULT = 10_000.0

When = datetime | date | str | int
# (store, venue, symbol, start_ns, end_ns): brings what the store lacks of these candles.
Fetch = Callable[[Any, str, str, int, int], object]


class BacktestService:
    """Runs backtests and keeps their results.

    Args:
        db: where runs are saved: a URL, an SQLAlchemy engine or session, a Database, or None (they are not).
        store: the history; None: the desk's.
        desk: fees, symbols and risk limits; None: engine.json of the desk, read at each run.
        fetch: how candles that the store lacks are brought before a run; None: from the venues.
    """

    def __init__(
        self,
        db: object | None = None,
        *,
        store: History | None = None,
        desk: Desk | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        self._given_db = db
        self._db: Any = None
        self._store = store
        self._desk = desk
        self._fetch = fetch or _fetch_from_venue
        self._last_request: BacktestRequest | None = None

    @property
    def db(self) -> Any:
        """The Database that runs are saved in, its tables up to date; None: they are not saved."""
        if self._db is None and self._given_db is not None:
            self._db = _database_of(self._given_db)
        return self._db

    @property
    def store(self) -> Any:
        if self._store is None:
            self._store = importlib.import_module("dashboard.backtest.history").HistoryStore()
        return self._store

    @property
    def last_request(self) -> BacktestRequest | None:
        """Of the last run that came to an end."""
        return self._last_request

    def request(self, **values: Any) -> BacktestRequest:
        """A checked request from run_backtest's keywords. Raises BacktestError."""
        return request_checked(request_of(**values), self._desk or desk_read())

    async def run_backtest(
        self,
        strategy: str,
        symbols: Sequence[str],
        exchanges: Sequence[str],
        start_date: When,
        end_date: When,
        params: Mapping[str, float] | None = None,
        capital_usd: float | None = None,
        **assumptions: Any,
    ) -> BacktestResult:
        """Runs one backtest in a thread; awaits like anything else, in a script and in a notebook.

        Args:
            start_date, end_date: [start, end) as datetime, date, ISO 8601 text or Unix nanoseconds; UTC where no zone
                is named.
            params: of the strategy's schema, and optionally capital_usd.
            capital_usd: total, split evenly over the exchanges.
            assumptions: further fields of BacktestRequest, such as latency_ms, half_spread_bps or taker_fee_bps.

        Raises BacktestError, which names field, value and what is allowed; DataMissing names the gap.
        """
        request = request_of(
            strategy, symbols, exchanges, start_date, end_date, params, capital_usd=capital_usd, **assumptions
        )
        return await asyncio.to_thread(self.run, request)

    def run(self, request: BacktestRequest, progress: Progress | None = None) -> BacktestResult:
        """Runs a request in this thread. Raises as run_backtest."""
        desk = self._desk or desk_read()
        checked = request_checked(request, desk)
        self._fill(checked)
        try:
            result = run(request, self.store, progress, desk)
        except DataMissing as error:
            raise DataMissing(error.field, error.value, f"{error.allowed}. {self._there()}") from error
        if self.db is not None:
            save_run = importlib.import_module("dashboard.db.runs").save_run
            result = replace(result, run_id=str(save_run(self.db, result)))
        self._last_request = result.request
        return result

    def _fill(self, request: BacktestRequest) -> None:
        """Asks the venues for what was never asked for; what they were silent about is not asked again."""
        if request.kind != CANDLES or not hasattr(self.store, "missing"):
            return
        for venue in request.exchanges:
            for symbol in request.symbols:
                if not self.store.missing(venue, symbol, CANDLES, request.start_ns, request.end_ns):
                    continue
                try:
                    self._fetch(self.store, venue, symbol, request.start_ns, request.end_ns)
                except (ValueError, OSError) as error:
                    raise DataMissing("history", f"{venue} {symbol} {CANDLES}", str(error)) from error

    def _there(self) -> str:
        entries = list(self.store.list()) if hasattr(self.store, "list") else []
        if not entries:
            return "There is no history on this machine yet."
        shown = [
            f"{entry.venue} {entry.symbol} {entry.kind} {_day(entry.first_ns)} to {_day(entry.last_ns)}"
            for entry in entries[:LISTED_MAX]
        ]
        more = f" and {len(entries) - LISTED_MAX} more" if len(entries) > LISTED_MAX else ""
        return f"There is: {'; '.join(shown)}{more}."


def request_of(
    strategy: str,
    symbols: Sequence[str],
    exchanges: Sequence[str],
    start_date: When,
    end_date: When,
    params: Mapping[str, float] | None = None,
    *,
    capital_usd: float | None = None,
    **assumptions: Any,
) -> BacktestRequest:
    """A request from what a person writes; see BacktestService.run_backtest. Raises BacktestError."""
    given = dict(params or {})
    if capital_usd is not None and "capital_usd" in given and given["capital_usd"] != capital_usd:
        raise BacktestError("capital_usd", capital_usd, f"params say {given['capital_usd']!r}: give it once")
    stated = given.pop("capital_usd", None)
    free = set(BacktestRequest.__dataclass_fields__) - {
        "strategy", "symbols", "exchanges", "start_ns", "end_ns", "params", "capital_usd",
    }  # fmt: skip
    for name in assumptions:
        if name not in free:
            raise BacktestError(name, assumptions[name], f"no such argument; allowed: {', '.join(sorted(free))}")
    for field, names in (("symbols", symbols), ("exchanges", exchanges)):
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise BacktestError(field, names, "a list of names is needed")
    capital = capital_usd if capital_usd is not None else stated
    return BacktestRequest(
        strategy=strategy,
        symbols=tuple(symbols),
        exchanges=tuple(exchanges),
        start_ns=_ns("start_date", start_date),
        end_ns=_ns("end_date", end_date),
        params=given,
        capital_usd=CAPITAL_USD_DEFAULT if capital is None else capital,
        **assumptions,
    )


def _ns(field: str, when: object) -> int:
    allowed = "a datetime, a date, ISO 8601 text such as 2023-03-01T00:00Z, or Unix nanoseconds, after 1970"
    moment = when
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as error:
            raise BacktestError(field, when, f"allowed is {allowed}") from error
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
        moment = ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1_000
    if not isinstance(moment, int) or isinstance(moment, bool) or not 0 < moment < 2**63:
        raise BacktestError(field, when, f"allowed is {allowed}")
    return moment


def _day(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d")


def _fetch_from_venue(store: Any, venue: str, symbol: str, start_ns: int, end_ns: int) -> None:
    fetching = importlib.import_module("dashboard.backtest.history.fetch")
    fetching.fetch_candles(store, venue, symbol, start_ns, end_ns)


def _database_of(db: object) -> Any:
    """The database layer is loaded only by who saves."""
    database_class = importlib.import_module("dashboard.db").Database
    if isinstance(db, database_class):
        found = db
    else:
        bound = db.get_bind() if hasattr(db, "get_bind") else db  # a session's engine
        found = database_class(bound)
    found.migrate()
    return found
