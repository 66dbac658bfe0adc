"""GET: what the engine is and does, as records of the bridge with units in their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response

from bridge.market import BalanceRows, QuoteRows
from bridge.types import Balance, Fill, Opportunity, Order, Quote
from dashboard.api.respond import engine_of, success
from dashboard.api.schemas import LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, Envelope, Page

CURSOR_PATTERN = r"^[0-9]{1,19}$"
PNL_LIMIT_MAX = 4096

Limit = Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX, description="How many, newest first.")]
Cursor = Annotated[str | None, Query(pattern=CURSOR_PATTERN, description="`next_cursor` of the slice before.")]

MarketLimit = Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX, description="How many, in the order of engine.json.")]
Wanted = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="Only this one.")]

router = APIRouter(tags=["engine: read"])


@router.get("/status", response_model=Envelope, summary="States: engine, venues, strategies")
async def status(request: Request) -> Response:
    snapshot = engine_of(request).snapshot()
    data = {
        "identity": snapshot.identity,
        "engine": snapshot.status,
        "venues": snapshot.venues,
        "strategies": snapshot.strategies,
        "exposures": snapshot.exposures,
        "alarms": snapshot.alarms,
    }
    return success(request, data)


@router.get("/stats", response_model=Envelope, summary="Counters and P&L")
async def stats(request: Request) -> Response:
    service = engine_of(request)
    snapshot = service.snapshot()
    data = {**service.reader().get_stats(), "counters": snapshot.counters, "refused": snapshot.refused}
    return success(request, data)


@router.get("/performance", response_model=Envelope, summary="Rates and latency percentiles")
async def performance(request: Request) -> Response:
    service = engine_of(request)
    service.snapshot()
    return success(request, service.reader().performance())


@router.get("/venues", response_model=Envelope, summary="Venues: connections, age of data, rate budget")
async def venues(request: Request) -> Response:
    return success(request, engine_of(request).snapshot().venues)


@router.get("/quotes", response_model=Page, summary="Top of book per venue and symbol")
async def quotes(
    request: Request, symbol: Wanted = None, venue: Wanted = None, limit: MarketLimit = LIST_LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    rows: Sequence[Quote] = engine_of(request).snapshot().quotes
    if symbol is not None:
        rows = rows.of(symbol) if isinstance(rows, QuoteRows) else [row for row in rows if row.symbol == symbol]
    return _market_slice(request, rows if venue is None else [row for row in rows if row.venue == venue], limit, cursor)


@router.get("/balances", response_model=Page, summary="Balances per venue and asset, ledger and venue")
async def balances(
    request: Request, asset: Wanted = None, venue: Wanted = None, limit: MarketLimit = LIST_LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    rows: Sequence[Balance] = engine_of(request).snapshot().balances
    if asset is not None:
        rows = rows.of(asset) if isinstance(rows, BalanceRows) else [row for row in rows if row.asset == asset]
    return _market_slice(request, rows if venue is None else [row for row in rows if row.venue == venue], limit, cursor)


@router.get("/risk", response_model=Envelope, summary="Use of each risk control, raw units as in abi.h")
async def risk(request: Request) -> Response:
    return success(request, engine_of(request).snapshot().risk)


@router.get("/exposures", response_model=Envelope, summary="Open exposures")
async def exposures(request: Request) -> Response:
    return success(request, engine_of(request).snapshot().exposures)


@router.get("/alarms", response_model=Envelope, summary="Alarms, open and acknowledged")
async def alarms(request: Request) -> Response:
    return success(request, engine_of(request).snapshot().alarms)


@router.get("/strategies", response_model=Envelope, summary="Strategies with their counters and best edge now")
async def strategies(request: Request) -> Response:
    return success(request, engine_of(request).snapshot().strategies)


@router.get("/opportunities", response_model=Page, summary="Opportunities with the reason why not taken")
async def opportunities(request: Request, limit: Limit = LIST_LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
    service = engine_of(request)
    service.snapshot()
    return _slice(request, service.reader().opportunities(LIST_LIMIT_MAX), limit, cursor)


@router.get("/orders", response_model=Page, summary="Orders of this generation")
async def orders(request: Request, limit: Limit = LIST_LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
    service = engine_of(request)
    service.snapshot()
    return _slice(request, service.reader().orders(LIST_LIMIT_MAX), limit, cursor)


@router.get("/fills", response_model=Page, summary="Fills of this generation")
async def fills(request: Request, limit: Limit = LIST_LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
    service = engine_of(request)
    service.snapshot()
    return _slice(request, service.reader().fills(LIST_LIMIT_MAX), limit, cursor)


@router.get("/pnl", response_model=Page, summary="P&L samples, one a second")
async def pnl(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=PNL_LIMIT_MAX)] = 600,
    cursor: Cursor = None,
    since_ns: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="Unix ns, UTC.")] = None,
) -> Response:
    service = engine_of(request)
    service.snapshot()
    samples = [item for item in service.reader().pnl_curve(since_ns) if cursor is None or item.time_ns < int(cursor)]
    samples.sort(key=lambda item: item.time_ns, reverse=True)
    following = str(samples[limit - 1].time_ns) if len(samples) > limit else None
    return success(request, samples[:limit], next_cursor=following)


@router.get("/latency/{stage}", response_model=Envelope, summary="Percentiles and histogram of one stage")
async def latency(
    request: Request,
    stage: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,48}$", examples=["TICK_TO_ORDER"])],
) -> Response:
    service = engine_of(request)
    snapshot = service.snapshot()
    found = next((item for item in snapshot.latency if item.stage.lower() == stage.lower()), None)
    if found is None:
        known = ", ".join(item.stage for item in snapshot.latency)
        raise HTTPException(404, f"There is no stage {stage!r}. Allowed: {known}.")
    edges_us, counts = service.reader().histogram(found.stage)
    used = [index for index, count in enumerate(counts) if count]
    first, last = (used[0], used[-1] + 1) if used else (0, 0)
    histogram = {
        "edges_us": [float(edge) for edge in edges_us[first : last + 1]] if used else [],
        "counts": [int(count) for count in counts[first:last]],
    }
    return success(request, {"percentiles": found, "histogram": histogram})


def _slice(
    request: Request,
    rows: Sequence[Opportunity] | Sequence[Order] | Sequence[Fill],
    limit: int,
    cursor: str | None,
) -> Response:
    """Newest first, below the cursor; the cursor is the id of the last row given."""
    kept: list[Any] = sorted(rows, key=lambda row: row.id, reverse=True)
    if cursor is not None:
        kept = [row for row in kept if row.id < int(cursor)]
    following = str(kept[limit - 1].id) if len(kept) > limit else None
    return success(request, kept[:limit], next_cursor=following)


def _market_slice(
    request: Request, rows: Sequence[Quote] | Sequence[Balance], limit: int, cursor: str | None
) -> Response:
    """In the order of the tables, from the cursor on; the cursor is the place of the next row."""
    first = 0 if cursor is None else int(cursor)
    following = str(first + limit) if first + limit < len(rows) else None
    return success(request, list(rows[first : first + limit]), next_cursor=following)
