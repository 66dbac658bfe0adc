"""/api/v2/history and /data: what the recorder copied from the journal, and what history is on disk.

The engine's own lists (/engine/fills ...) show this generation; these show every generation that was recorded.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.api.backtests import ERRORS, Cursor, Limit
from dashboard.api.bodies import NS_MAX
from dashboard.api.port import Refused, Window
from dashboard.api.respond import research_of, success
from dashboard.api.schemas import LIST_LIMIT_DEFAULT, Envelope, Page

PNL_POINTS_MAX = 5000

Instant = Annotated[int | None, Query(ge=0, le=NS_MAX, description="Unix ns, UTC.")]
Symbol = Annotated[str | None, Query(pattern=r"^[A-Z0-9]{1,31}$")]
Word = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]

router = APIRouter(prefix="/api/v2", responses=ERRORS)


def _checked(window: Window) -> Window:
    _check_span(window.since_ns, window.until_ns)
    return window


def _check_span(since_ns: int | None, until_ns: int | None) -> None:
    if since_ns is not None and until_ns is not None and since_ns >= until_ns:
        raise Refused(
            f"since_ns {since_ns} is not before until_ns {until_ns}.",
            field="query.since_ns",
            value=since_ns,
            allowed=f"before until_ns, {until_ns}",
        )


@router.get("/history/pnl", response_model=Envelope, summary="P&L over time, thinned to `points`", tags=["history"])
async def pnl(
    request: Request,
    since_ns: Instant = None,
    until_ns: Instant = None,
    points: Annotated[int, Query(ge=2, le=PNL_POINTS_MAX)] = 600,
) -> Response:
    _check_span(since_ns, until_ns)
    return success(request, await asyncio.to_thread(research_of(request).pnl, since_ns, until_ns, points))


@router.get("/history/fills", response_model=Page, summary="Fills of all generations", tags=["history"])
async def fills(
    request: Request,
    limit: Limit = LIST_LIMIT_DEFAULT,
    cursor: Cursor = None,
    since_ns: Instant = None,
    until_ns: Instant = None,
    symbol: Symbol = None,
    venue: Word = None,
) -> Response:
    window = _checked(Window(limit, cursor, since_ns, until_ns, symbol=symbol, venue=venue))
    rows, following = await asyncio.to_thread(research_of(request).fills, window)
    return success(request, rows, next_cursor=following)


@router.get("/history/orders", response_model=Page, summary="Orders of all generations", tags=["history"])
async def orders(
    request: Request,
    limit: Limit = LIST_LIMIT_DEFAULT,
    cursor: Cursor = None,
    since_ns: Instant = None,
    until_ns: Instant = None,
    symbol: Symbol = None,
    venue: Word = None,
) -> Response:
    window = _checked(Window(limit, cursor, since_ns, until_ns, symbol=symbol, venue=venue))
    rows, following = await asyncio.to_thread(research_of(request).orders, window)
    return success(request, rows, next_cursor=following)


@router.get("/history/opportunities", response_model=Page, summary="Opportunities", tags=["history"])
async def opportunities(
    request: Request,
    limit: Limit = LIST_LIMIT_DEFAULT,
    cursor: Cursor = None,
    since_ns: Instant = None,
    until_ns: Instant = None,
    symbol: Symbol = None,
    strategy: Word = None,
    outcome: Word = None,
) -> Response:
    window = _checked(Window(limit, cursor, since_ns, until_ns, symbol=symbol, strategy=strategy, outcome=outcome))
    rows, following = await asyncio.to_thread(research_of(request).opportunities, window)
    return success(request, rows, next_cursor=following)


@router.get("/history/config-versions", response_model=Page, summary="Accepted configurations", tags=["history"])
async def config_versions(request: Request, limit: Limit = LIST_LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
    rows, following = await asyncio.to_thread(research_of(request).config_versions, Window(limit, cursor))
    return success(request, rows, next_cursor=following)


@router.get("/history/recorder", response_model=Envelope, summary="How far the recorder is behind", tags=["history"])
async def recorder(request: Request) -> Response:
    return success(request, await asyncio.to_thread(research_of(request).recorder))


@router.get("/data", response_model=Envelope, summary="History on disk for backtests", tags=["data"])
async def data(request: Request) -> Response:
    return success(request, await asyncio.to_thread(research_of(request).data))
