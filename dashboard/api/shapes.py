"""Results, studies and jobs as the API's rows: plain JSON types, thinned curves, sorted trades."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dashboard.api.port import Refused, Row, Slice
from dashboard.backtest.plain import plain
from dashboard.backtest.types import BacktestResult, Equity, Trades
from dashboard.optimizer import METRICS, Metric, parameters

Floats = npt.NDArray[np.float64]


def drawdown_of(trading_usd: Floats) -> Floats:
    """How far trading P&L is below its highest value so far, USD, never negative; it begins at 0."""
    return np.maximum.accumulate(np.maximum(trading_usd, 0.0)) - trading_usd


def equity_rows(equity: Equity, points: int) -> Row:
    """Columns of at most about `points` marks. Each stretch keeps its lowest, highest and last mark, so that neither a
    peak nor a drawdown is thinned away.
    """
    trading, drawdown = equity.trading_usd, drawdown_of(equity.trading_usd)
    kept = _extremes(trading, drawdown, points)
    columns = {
        "time_ns": equity.time_ns,
        "trading_usd": trading,
        "holding_usd": equity.holding_usd,
        "equity_usd": equity.equity_usd,
        "drawdown_usd": drawdown,
    }
    return {name: plain(column[kept]) for name, column in columns.items()}


def _extremes(trading: Floats, drawdown: Floats, points: int) -> npt.NDArray[np.intp]:
    count = len(trading)
    if count <= points:
        return np.arange(count)
    kept = {0, count - 1}
    # Four marks a stretch: lowest, highest, deepest, last.
    for stretch in np.array_split(np.arange(count), max(1, points // 4)):
        first = int(stretch[0])
        kept |= {
            first + int(np.argmin(trading[stretch])),
            first + int(np.argmax(trading[stretch])),
            first + int(np.argmax(drawdown[stretch])),
            int(stretch[-1]),
        }
    return np.array(sorted(kept))


def run_row(result: BacktestResult, points: int) -> Row:
    """One run without its trades."""
    return {**summary_row(result), "equity": equity_rows(result.equity, points)}


def summary_row(result: BacktestResult) -> Row:
    """One run without its arrays."""
    return {
        "run_id": result.run_id,
        "request": plain(result.request),
        "metrics": plain(result.metrics),
        "trades": len(result.trades),
        "refusals": plain(result.refusals),
        "data": plain(result.data),
        "assumptions": list(result.assumptions),
        "notes": list(result.notes),
        "took_ms": plain(result.took_ms),
    }


def listed_run(row: Row) -> Row:
    """A row of the list of runs: what was asked and the figures, flat."""
    kept = {name: value for name, value in row.items() if name not in ("id", "request", "metrics")}
    return {"run_id": row["id"], **kept, "metrics": plain(row["metrics"]), "request": plain(row["request"])}


def trade_slice(trades: Trades, sort: str, descending: bool, limit: int, cursor: str | None) -> Slice:
    """Sorted by a column; what cannot be compared (no fill: NaN) comes last. `number`: the order of decision."""
    if cursor is not None and re.fullmatch(r"[0-9]{1,12}", cursor) is None:
        raise Refused(
            f"cursor is {cursor!r}: it must be one that this list gave.",
            field="query.cursor",
            value=cursor,
            allowed="next_cursor of the slice before",
        )
    order = _order(trades, sort, descending)
    skip = 0 if cursor is None else int(cursor)
    rows = []
    for index in order[skip : skip + limit]:
        row: Row = {"number": int(index)}
        for field in fields(trades):
            row[field.name] = plain(getattr(trades, field.name)[index])
        rows.append(row)
    return rows, str(skip + limit) if len(order) > skip + limit else None


def _order(trades: Trades, sort: str, descending: bool) -> npt.NDArray[np.intp]:
    numbers = np.arange(len(trades))
    if sort == "number":
        return numbers[::-1] if descending else numbers
    column = np.asarray(getattr(trades, sort))
    ranks = np.unique(column, return_inverse=True)[1].reshape(len(trades)).astype(np.int64)
    if descending:
        ranks = -ranks
    if column.dtype.kind == "f":
        ranks[np.isnan(column)] = len(trades) + 1
    return np.lexsort((numbers, ranks))


def listed_study(row: Row) -> Row:
    """A study with what was asked, flat."""
    spec = row["spec"]
    return {
        "study_id": row["id"],
        "created_ns": row["created_ns"],
        "finished_ns": row["finished_ns"],
        "state": row["state"],
        "strategy": row["strategy"],
        "metric": row["metric"],
        "more_is_better": spec.get("more_is_better", True),
        "best_number": row["best_number"],
        "trials_count": row["trials_count"],
        "combinations": spec.get("combinations"),
        "param_grid": spec.get("param_grid", {}),
        "request": spec.get("request"),
        "data": spec.get("data"),
    }


def job_row(job: Any) -> Row:
    """A job without its request; `study_id` while it runs, too."""
    found: Row = {name: value for name, value in job.to_dict().items() if name not in ("id", "spec")}
    return {"job_id": job.id, **plain(found), "study_id": job.spec.get("study_id")}


def metric_rows() -> list[Row]:
    return [_metric_row(metric) for metric in METRICS.values()]


def _metric_row(metric: Metric) -> Row:
    return asdict(metric)


def parameter_rows() -> list[Row]:
    """The strategy's parameters as forms need them."""
    return [
        {
            "name": item.name,
            "type": "integer" if item.whole else "number",
            "unit": item.unit,
            "min": item.minimum,
            "max": item.maximum,
            "default": item.default,
            "live": item.live,
            "help": item.help,
        }
        for item in parameters().values()
    ]
