"""Lists in pages: newest first, the place of the last row as an opaque cursor for the next page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

LIMIT_MAX = 10_000
LIMIT_DEFAULT = 100


class NotFound(KeyError):
    """There is no row of that id; str() is a sentence."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(what, name)
        self.text = f"there is no {what} {name!r}"

    def __str__(self) -> str:
        return self.text


def limit_checked(limit: int) -> int:
    if not 1 <= limit <= LIMIT_MAX:
        raise ValueError(f"limit = {limit}: allowed are 1 to {LIMIT_MAX}")
    return limit


def cursor_text(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode()


def cursor_values(text: str, count: int) -> list[Any]:
    """Raises ValueError for a text that cursor_text did not make."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"cursor = {text!r}: must be one that this list gave") from error
    if not isinstance(values, list) or len(values) != count or not all(type(v) in (int, str) for v in values):
        raise ValueError(f"cursor = {text!r}: must be one that this list gave")
    return values


def newest(
    session: Session,
    statement: sa.Select[Any],
    keys: Sequence[InstrumentedAttribute[Any]],
    limit: int,
    cursor: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of rows as dicts, in descending order of keys (which must name a row, and be columns of it)."""
    if cursor is not None:
        values = cursor_values(cursor, len(keys))
        _types_checked(cursor, values, keys)
        statement = statement.where(sa.tuple_(*keys) < sa.tuple_(*values))
    statement = statement.order_by(*(key.desc() for key in keys)).limit(limit_checked(limit) + 1)
    rows = [dict(row) for row in session.execute(statement).mappings()]
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], cursor_text([last[key.key] for key in keys])


def _types_checked(cursor: str, values: Sequence[Any], keys: Sequence[InstrumentedAttribute[Any]]) -> None:
    for value, key in zip(values, keys, strict=True):
        if type(value) is not key.type.python_type:
            raise ValueError(f"cursor = {cursor!r}: must be one that this list gave")


def columns_of(model: Any, *without: str) -> list[Any]:
    return [column for column in model.__table__.c if column.key not in without]
