"""Backtest runs: the whole result, as it was."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from dashboard.backtest.types import BacktestResult
from dashboard.db.base import now_ns
from dashboard.db.codec import Arrays, array_paths, decode, encode, pack, unpack
from dashboard.db.database import Database
from dashboard.db.paging import LIMIT_DEFAULT, NotFound, columns_of, newest
from dashboard.db.work_tables import BacktestRunRow


def save_run(db: Database, result: BacktestResult, *, study_id: str | None = None) -> str:
    """Stores the result and returns its id; a result that has a run_id is stored under that one, again if need be."""
    run_id = result.run_id or uuid.uuid4().hex
    arrays: Arrays = {}
    document = encode(replace(result, run_id=run_id), arrays)
    request, metrics = result.request, result.metrics
    row = BacktestRunRow(
        id=run_id,
        study_id=study_id,
        created_ns=now_ns(),
        strategy=request.strategy,
        symbols=list(request.symbols),
        exchanges=list(request.exchanges),
        start_ns=request.start_ns,
        end_ns=request.end_ns,
        trades=metrics.trades,
        trading_pnl_usd=float(metrics.trading_pnl_usd),
        sharpe_ratio=None if metrics.sharpe_ratio is None else float(metrics.sharpe_ratio),
        max_drawdown_usd=float(metrics.max_drawdown_usd),
        document=document,
        arrays=pack(arrays),
    )
    with db.writing() as session:
        session.merge(row)
    return run_id


def load_run(db: Database, run_id: str) -> BacktestResult:
    """Raises NotFound."""
    with db.session() as session:
        row = session.get(BacktestRunRow, run_id)
    if row is None:
        raise NotFound("backtest run", run_id)
    result = decode(BacktestResult, row.document, unpack(row.arrays, array_paths(row.document)))
    assert isinstance(result, BacktestResult)
    return result


def list_runs(
    db: Database, limit: int = LIMIT_DEFAULT, cursor: str | None = None, *, study_id: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """Newest first, without trades and equity; with "request" and "metrics" as they were."""
    statement = sa.select(*columns_of(BacktestRunRow, "arrays"))
    if study_id is not None:
        statement = statement.where(BacktestRunRow.study_id == study_id)
    with db.session() as session:
        rows, following = newest(session, statement, (BacktestRunRow.created_ns, BacktestRunRow.id), limit, cursor)
    for row in rows:
        document = row.pop("document")
        row |= {"request": document["request"], "metrics": document["metrics"]}
    return rows, following


def delete_run(db: Database, run_id: str) -> None:
    """Raises NotFound."""
    with db.writing() as session:
        gone = session.scalar(sa.delete(BacktestRunRow).where(BacktestRunRow.id == run_id).returning(BacktestRunRow.id))
    if gone is None:
        raise NotFound("backtest run", run_id)
