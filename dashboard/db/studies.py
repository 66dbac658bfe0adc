"""Studies of the optimizer and their trials."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from dashboard.backtest.plain import plain
from dashboard.db.base import now_ns
from dashboard.db.bulk import upsert
from dashboard.db.database import Database
from dashboard.db.paging import (
    LIMIT_DEFAULT,
    NotFound,
    columns_of,
    cursor_text,
    cursor_values,
    limit_checked,
    newest,
)
from dashboard.db.work_tables import StudyRow, TrialRow

ORDERS = ("number", "-number", "value", "-value")


def create_study(db: Database, spec: dict[str, Any]) -> str:
    """spec: what was asked, whole; its "strategy" and "metric" are shown in lists. Returns the study's id."""
    study = StudyRow(
        id=uuid.uuid4().hex,
        created_ns=now_ns(),
        strategy=_text_or_none(spec.get("strategy")),
        metric=_text_or_none(spec.get("metric")),
        state="running",
        spec=plain(spec),
    )
    with db.writing() as session:
        session.add(study)
    return study.id


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)[:64]


def add_trials(db: Database, study_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """Adds trials: number, params, metrics, value, state. A number that is there already is replaced."""
    columns: dict[str, list[Any]] = {
        "study_id": [study_id] * len(rows),
        "number": [int(row["number"]) for row in rows],
        "state": [str(row["state"]) for row in rows],
        "value": [_finite(row["value"]) for row in rows],
        "params": [json.dumps(plain(row["params"])) for row in rows],
        "metrics": [json.dumps(plain(row["metrics"])) for row in rows],
    }
    with db.writing() as session:
        if session.get(StudyRow, study_id) is None:
            raise NotFound("study", study_id)
        upsert(session.connection(), TrialRow, columns)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def finish_study(db: Database, study_id: str, state: str, best_number: int | None) -> None:
    with db.writing() as session:
        study = session.get(StudyRow, study_id)
        if study is None:
            raise NotFound("study", study_id)
        study.state, study.best_number, study.finished_ns = state, best_number, now_ns()


def load_study(db: Database, study_id: str) -> dict[str, Any]:
    """The study with best (its best trial or None) and trials_count. Raises NotFound."""
    with db.session() as session:
        row = session.execute(sa.select(*columns_of(StudyRow)).where(StudyRow.id == study_id)).mappings().first()
        if row is None:
            raise NotFound("study", study_id)
        count = session.scalar(sa.select(sa.func.count()).where(TrialRow.study_id == study_id))
        trials = sa.select(*columns_of(TrialRow)).where(
            TrialRow.study_id == study_id, TrialRow.number == row["best_number"]
        )
        best = session.execute(trials).mappings().first()
    return {**row, "best": None if best is None else dict(best), "trials_count": count}


def list_trials(
    db: Database,
    study_id: str,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
    order_by: str = "number",
) -> tuple[list[dict[str, Any]], str | None]:
    """(trials, cursor of the next page or None). order_by: number or value, with "-" descending; trials without a
    value come last.
    """
    if order_by not in ORDERS:
        raise ValueError(f"order_by = {order_by!r}: allowed are {', '.join(ORDERS)}")
    skip = 0 if cursor is None else _offset(cursor)
    column = TrialRow.number if order_by.endswith("number") else TrialRow.value
    direction = column.desc() if order_by.startswith("-") else column.asc()
    statement = (
        sa.select(*columns_of(TrialRow))
        .where(TrialRow.study_id == study_id)
        .order_by(column.is_(None), direction, TrialRow.number)
        .offset(skip)
        .limit(limit_checked(limit) + 1)
    )
    with db.session() as session:
        rows = [dict(row) for row in session.execute(statement).mappings()]
    return rows[:limit], cursor_text([skip + limit]) if len(rows) > limit else None


def _offset(cursor: str) -> int:
    (value,) = cursor_values(cursor, 1)
    if type(value) is not int or value < 0:
        raise ValueError(f"cursor = {cursor!r}: must be one that this list gave")
    return value


def list_studies(
    db: Database, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """Newest first, each with trials_count."""
    count = sa.select(sa.func.count()).where(TrialRow.study_id == StudyRow.id).scalar_subquery()
    statement = sa.select(*columns_of(StudyRow), count.label("trials_count"))
    with db.session() as session:
        return newest(session, statement, (StudyRow.created_ns, StudyRow.id), limit, cursor)
