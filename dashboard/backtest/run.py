"""Runs: one request on history or on a tape, and many parameter sets on one tape."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bridge.core import CoreRun, GridCounter, core_grid, core_run, outcome_labels, refusal_labels
from dashboard.backtest.desk import Desk, desk_read
from dashboard.backtest.errors import BacktestError
from dashboard.backtest.metrics import E8, metrics_of
from dashboard.backtest.params import core_params, params_checked
from dashboard.backtest.request import request_checked
from dashboard.backtest.setting import options_of, setup_of
from dashboard.backtest.tape import History, Tape, build
from dashboard.backtest.types import BacktestRequest, BacktestResult, Equity, Metrics, Trades
from dashboard.backtest.wording import assumptions_of, notes_of

Progress = Callable[[float, str], None]  # fraction done, what is being done
# What may differ between a tape and a run on it.
_FREE_FIELDS = ("params", "capital_usd", "latency_ms", "taker_fee_bps", "strategy")


class GridCancelled(Exception):
    """Attributes: results, metrics by number of the candidate; count, of all candidates."""

    def __init__(self, results: dict[int, Metrics], count: int) -> None:
        super().__init__(f"cancelled after {len(results)} of {count} candidates")
        self.results = results
        self.count = count


class GridControl:
    """Shared with a grid under way: read and call from any thread. One grid at a time."""

    def __init__(self) -> None:
        self._counter: GridCounter | None = None
        self._cancelled = False

    @property
    def done(self) -> int:
        """Candidates begun."""
        return 0 if self._counter is None else self._counter.begun

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        """Those under way are finished, no other one is begun."""
        self._cancelled = True
        if self._counter is not None:
            self._counter.cancel()

    def begin(self, count: int) -> GridCounter:
        counter = GridCounter(count)
        self._counter = counter
        if self._cancelled:
            counter.cancel()
        return counter


def build_tape(request: BacktestRequest, store: History, desk: Desk | None = None) -> Tape:
    """The request's history as one array of quotes. Raises BacktestError, DataMissing."""
    desk = desk or desk_read()
    return build(request_checked(request, desk), store, desk)


def run(
    request: BacktestRequest, store: History, progress: Progress | None = None, desk: Desk | None = None
) -> BacktestResult:
    """Reads the history, runs, reports. Raises BacktestError, DataMissing."""
    begun = time.perf_counter()
    tell = progress or (lambda fraction, message: None)
    tell(0.0, "reading history")
    tape = build_tape(request, store, desk)
    tell(0.5, f"running {len(tape):,} quotes")
    result = run_tape(tape, request)
    tell(1.0, "done")
    return replace(result, took_ms=(time.perf_counter() - begun) * 1e3)


def run_tape(tape: Tape, request: BacktestRequest) -> BacktestResult:
    """Runs a request on a tape of the same data; parameters, capital, latency and fees may differ from the tape's."""
    begun = time.perf_counter()
    checked = _request_of(tape, request)
    found = core_run_of(tape, checked)
    labels = refusal_labels()
    refused = {labels[code]: int(count) for code, count in enumerate(found.result["refused"]) if count}
    return BacktestResult(
        request=checked,
        metrics=metrics_of(found.result, checked.capital_usd),
        trades=_trades(found, tape),
        equity=_equity(found),
        refusals=refused,
        data=tape.data,
        assumptions=assumptions_of(tape, checked),
        notes=notes_of(tape, checked, found),
        took_ms=(time.perf_counter() - begun) * 1e3,
    )


def run_grid(
    tape: Tape,
    request: BacktestRequest,
    candidates: Sequence[Mapping[str, float]],
    threads: int | None = None,
    control: GridControl | None = None,
) -> list[Metrics]:
    """Runs the request with each candidate's parameters in place of its own.

    Args: threads, None: one a core. Returns metrics by candidate. Raises BacktestError before anything runs when a
    candidate is not allowed, and GridCancelled, with what was done, when `control` was cancelled.
    """
    checked = _request_of(tape, request)
    params = [core_params(params_checked({**request.params, **candidate})) for candidate in candidates]
    setup = setup_of(tape, checked)
    counter = (control or GridControl()).begin(len(params))
    results, ran = core_grid(setup, tape.events, options_of(tape, checked, setup), params, threads, counter)
    found = {index: metrics_of(results[index], checked.capital_usd) for index in np.flatnonzero(ran).tolist()}
    if len(found) < len(params):
        raise GridCancelled(found, len(params))
    return [found[index] for index in range(len(params))]


def core_run_of(tape: Tape, request: BacktestRequest) -> CoreRun:
    """The core's own arrays of a checked request."""
    setup = setup_of(tape, request)
    return core_run(setup, tape.events, options_of(tape, request, setup))


def _request_of(tape: Tape, request: BacktestRequest) -> BacktestRequest:
    checked = request_checked(request, tape.desk)
    for name in BacktestRequest.__dataclass_fields__:
        if name not in _FREE_FIELDS and getattr(checked, name) != getattr(tape.request, name):
            raise BacktestError(name, getattr(checked, name), f"this tape was built with {getattr(tape.request, name)}")
    return checked


def _equity(found: CoreRun) -> Equity:
    points = found.points
    return Equity(
        points["time_ns"].copy(),
        points["trading_e8"] / E8,
        points["holding_e8"] / E8,
        points["equity_e8"] / E8,
    )


def _trades(found: CoreRun, tape: Tape) -> Trades:
    rows = found.trades
    symbols, venues, labels = tape.instruments, tape.request.exchanges, outcome_labels()
    unit = np.array([10.0**item.qty_digits for item in symbols])[rows["symbol"]]
    bought, sold = rows["bought_qty"] / unit, rows["sold_qty"] / unit
    with np.errstate(divide="ignore", invalid="ignore"):
        buy_price = np.where(bought > 0, rows["bought_e8"] / E8 / bought, np.nan)
        sell_price = np.where(sold > 0, rows["sold_e8"] / E8 / sold, np.nan)
    return Trades(
        time_ns=rows["time_ns"].copy(),
        final_ns=rows["final_ns"].copy(),
        symbol=[symbols[index].name for index in rows["symbol"]],
        buy_venue=[venues[index] for index in rows["buy_venue"]],
        sell_venue=[venues[index] for index in rows["sell_venue"]],
        qty=np.maximum(bought, sold),
        buy_price=buy_price,
        sell_price=sell_price,
        gross_bps=rows["gross_bps_e4"] / 1e4,
        net_bps=rows["net_bps_e4"] / 1e4,
        fees_usd=rows["fees_e8"] / E8,
        pnl_usd=rows["pnl_e8"] / E8,
        outcome=[labels[int(value)] for value in rows["outcome"]],
        hedges=rows["hedges"].astype(np.int64),
    )
