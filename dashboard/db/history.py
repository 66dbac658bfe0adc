"""What happened, from the database: P&L, fills, orders, opportunities, configuration versions, totals.

Rows are plain dicts of the table's columns (journal_tables), newest first. Filters are a dict of exact values
("venue": "mexc") and of since_ns (from it on) and until_ns (before it); None as a value means: any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from dashboard.db.database import Database
from dashboard.db.journal_tables import (
    AlarmRow,
    CommandRow,
    ConfigVersionRow,
    FillRow,
    GenerationRow,
    OpportunityRow,
    OrderRow,
    PnlSampleRow,
    RecorderCursorRow,
    RefusalRow,
)
from dashboard.db.paging import LIMIT_DEFAULT, columns_of, newest

POINTS_MAX = 10_000
E8 = 1e8
FOREVER_NS = 2**63 - 1
Filters = Mapping[str, Any]
Rows = list[dict[str, Any]]
Page = tuple[Rows, str | None]

_FILL_FILTERS = ("instance", "mode", "generation", "symbol", "venue", "side", "pair_id", "booked")
_ORDER_FILTERS = ("instance", "mode", "symbol", "venue", "side", "kind", "state", "closed", "pair_id")
_OPPORTUNITY_FILTERS = (
    "instance", "mode", "generation", "symbol", "strategy", "buy_venue", "sell_venue", "outcome", "refusal", "pair_id",
)  # fmt: skip
_EVENT_FILTERS = ("instance", "mode", "generation")


def _where(
    statement: sa.Select[Any],
    model: Any,
    time: InstrumentedAttribute[int],
    filters: Filters | None,
    allowed: Sequence[str],
) -> sa.Select[Any]:
    """Raises ValueError for a filter that the list does not have."""
    for name, value in (filters or {}).items():
        if name not in (*allowed, "since_ns", "until_ns"):
            raise ValueError(f"filter {name!r}: allowed are {', '.join(allowed)}, since_ns, until_ns")
        if value is None:
            continue
        if name == "since_ns":
            statement = statement.where(time >= value)
        elif name == "until_ns":
            statement = statement.where(time < value)
        else:
            statement = statement.where(getattr(model, name) == value)
    return statement


def _events(
    db: Database, model: Any, filters: Filters | None, limit: int, cursor: str | None, allowed: Sequence[str]
) -> Page:
    statement = _where(sa.select(*columns_of(model)), model, model.wall_ns, filters, allowed)
    keys = (model.wall_ns, model.instance, model.generation, model.seq)
    with db.session() as session:
        return newest(session, statement, keys, limit, cursor)


def fills(db: Database, filters: Filters | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None) -> Page:
    """Trades with their ledger entries. Filters: instance, mode, generation, symbol, venue, side, pair_id, booked.

    Only what was booked, unless `booked` is asked for: False shows what was seen again or is not ours, and changed
    nothing.
    """
    return _events(db, FillRow, {"booked": True, **(filters or {})}, limit, cursor, _FILL_FILTERS)


def orders(db: Database, filters: Filters | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None) -> Page:
    """By the time of their decision. Filters: instance, mode, symbol, venue, side, kind, state, closed, pair_id."""
    statement = _where(sa.select(*columns_of(OrderRow)), OrderRow, OrderRow.created_ns, filters, _ORDER_FILTERS)
    keys = (OrderRow.created_ns, OrderRow.instance, OrderRow.pair_id, OrderRow.leg)
    with db.session() as session:
        return newest(session, statement, keys, limit, cursor)


def opportunities(
    db: Database, filters: Filters | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page:
    """By their first quote. Filters: instance, mode, generation, symbol, strategy, buy_venue, sell_venue, outcome,
    refusal, pair_id.
    """
    time = OpportunityRow.first_ns
    columns = columns_of(OpportunityRow)
    statement = _where(sa.select(*columns), OpportunityRow, time, filters, _OPPORTUNITY_FILTERS)
    keys = (time, OpportunityRow.instance, OpportunityRow.generation, OpportunityRow.opportunity_id)
    with db.session() as session:
        return newest(session, statement, keys, limit, cursor)


def refusals(
    db: Database, filters: Filters | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page:
    """Every reason of every episode, with value and limit. Filters as of opportunities, and opportunity_id."""
    allowed = (*(name for name in _OPPORTUNITY_FILTERS if name not in ("outcome", "pair_id")), "opportunity_id")
    return _events(db, RefusalRow, filters, limit, cursor, allowed)


def config_versions(
    db: Database, filters: Filters | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page:
    return _events(db, ConfigVersionRow, filters, limit, cursor, _EVENT_FILTERS)


def commands(
    db: Database, filters: Filters | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page:
    """The audit. Filters: instance, mode, generation, command, status, actor."""
    return _events(db, CommandRow, filters, limit, cursor, (*_EVENT_FILTERS, "command", "status", "actor"))


def alarms(db: Database, filters: Filters | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None) -> Page:
    """Filters: instance, mode, generation, severity, code."""
    return _events(db, AlarmRow, filters, limit, cursor, (*_EVENT_FILTERS, "severity", "code"))


def generations(db: Database, instance: str | None = None) -> Rows:
    """The runs of the engine, newest first."""
    statement = sa.select(*columns_of(GenerationRow, "tables")).order_by(
        GenerationRow.started_ns.desc(), GenerationRow.instance, GenerationRow.generation.desc()
    )
    if instance is not None:
        statement = statement.where(GenerationRow.instance == instance)
    with db.session() as session:
        return [dict(row) for row in session.execute(statement).mappings()]


def pnl(
    db: Database,
    since_ns: int | None = None,
    until_ns: int | None = None,
    points: int = 500,
    *,
    instance: str | None = None,
    mode: str | None = None,
) -> Rows:
    """At most `points` samples of each instance and mode, oldest first: the last one of each of `points` equal spans
    of time. Figures in USD: trading_usd, holding_usd, equity_usd, fees_usd, unhedged_usd; exact in *_e8.
    """
    if not 1 <= points <= POINTS_MAX:
        raise ValueError(f"points = {points}: allowed are 1 to {POINTS_MAX}")
    sample = PnlSampleRow
    bounds: list[Any] = [sa.func.min(sample.wall_ns), sa.func.max(sample.wall_ns)]
    chosen = _where(
        sa.select(*bounds),
        sample,
        sample.wall_ns,
        {"instance": instance, "mode": mode, "since_ns": since_ns, "until_ns": until_ns},
        _EVENT_FILTERS,
    )
    with db.session() as session:
        first, last = session.execute(chosen).one()
        if first is None:
            return []
        # A given bound is the edge of the first span, so that a chart that is asked again keeps its points.
        start = first if since_ns is None else since_ns
        width = max(1, -(-(max(last + 1, until_ns or 0) - start) // points))
        rows = _last_of_spans(session, chosen, start, width)
    return [_pnl_row(row) for row in rows]


def _last_of_spans(session: Session, chosen: sa.Select[Any], start: int, width: int) -> Rows:
    sample = PnlSampleRow
    last = (
        chosen.with_only_columns(sample.instance, sample.mode, sa.func.max(sample.wall_ns).label("wall_ns"))
        .group_by(sample.instance, sample.mode, (sample.wall_ns - start) // width)
        .subquery()
    )
    statement = (
        sa.select(*columns_of(sample))
        .join(
            last,
            sa.and_(sample.instance == last.c.instance, sample.mode == last.c.mode, sample.wall_ns == last.c.wall_ns),
        )
        .order_by(sample.wall_ns, sample.generation, sample.seq)
    )
    # Marks can stand under the same time (no fresh price in between): the last one counts.
    found = {(row["instance"], row["mode"], row["wall_ns"]): dict(row) for row in session.execute(statement).mappings()}
    return list(found.values())


def _pnl_row(row: dict[str, Any]) -> dict[str, Any]:
    usd = {
        "trading_usd": row["trading_pnl_e8"] / E8,
        "holding_usd": row["holding_pnl_e8"] / E8,
        "equity_usd": row["equity_e8"] / E8,
        "fees_usd": row["fees_e8"] / E8,
        "unhedged_usd": row["unhedged_e8"] / E8,
    }
    return row | usd


def totals(db: Database, *, instance: str | None = None, mode: str | None = None) -> dict[str, Any]:
    """Sums over everything recorded: booked fills, fees and volume by asset (exact: e8 and frac_e19), orders by state,
    opportunities by outcome, refusals by reason, P&L of opportunities by strategy, the last P&L sample of each
    instance and mode, and how far the recorder is.
    """

    def rows(key: InstrumentedAttribute[Any], *sums: sa.ColumnElement[Any], where: Any = None) -> Sequence[Any]:
        model = key.class_
        statement = sa.select(key, *sums).group_by(key)
        for column, wanted in ((model.instance, instance), (model.mode, mode)):
            statement = statement if wanted is None else statement.where(column == wanted)
        return session.execute(statement if where is None else statement.where(where)).all()

    def amounts(key: InstrumentedAttribute[Any], e8: Any, frac: Any) -> dict[str, Any]:
        found = rows(key, sa.func.sum(e8), sa.func.sum(frac), where=FillRow.booked)
        return {name: _exact(e8_sum, frac_sum) for name, e8_sum, frac_sum in found}

    def counts(key: InstrumentedAttribute[Any]) -> dict[Any, int]:
        return {name: int(number) for name, number in rows(key, sa.func.count())}

    with db.session() as session:
        fills_by_booking = counts(FillRow.booked)
        strategies = rows(OpportunityRow.strategy, sa.func.count(), sa.func.sum(OpportunityRow.pnl_e8))
        return {
            "fills": fills_by_booking.get(True, 0),
            "fills_not_booked": fills_by_booking.get(False, 0),
            "fees": amounts(FillRow.fee_asset, FillRow.fee_e8, FillRow.fee_frac_e19),
            "volume": amounts(FillRow.quote_asset, FillRow.quote_e8, FillRow.quote_frac_e19),
            "orders": counts(OrderRow.state),
            "opportunities": counts(OpportunityRow.outcome),
            "refusals": counts(RefusalRow.refusal),
            "strategies": {
                name: {"opportunities": int(number), "pnl_e8": int(pnl_e8 or 0), "pnl_usd": int(pnl_e8 or 0) / E8}
                for name, number, pnl_e8 in strategies
            },
            "pnl": _last_samples(session, instance, mode),
            "recorder": [dict(row) for row in session.execute(sa.select(*columns_of(RecorderCursorRow))).mappings()],
        }


def _last_samples(session: Session, instance: str | None, mode: str | None) -> Rows:
    sample = PnlSampleRow
    filters = {"instance": instance, "mode": mode}
    chosen: sa.Select[Any] = _where(sa.select(sample.wall_ns), sample, sample.wall_ns, filters, _EVENT_FILTERS)
    return [_pnl_row(row) for row in _last_of_spans(session, chosen, 0, FOREVER_NS)]


def _exact(e8: Any, frac_e19: Any) -> dict[str, int | float]:
    """Sums whose remainders below 1e-8 can make up whole units of it."""
    whole = int(e8 or 0) * 10**11 + int(frac_e19 or 0)
    sign = -1 if whole < 0 else 1
    e8_sum, frac_sum = divmod(abs(whole), 10**11)
    return {"e8": sign * e8_sum, "frac_e19": sign * frac_sum, "value": whole / 10**19}
