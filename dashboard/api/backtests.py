"""/api/v2/backtest: run one backtest or a grid, and read the earlier ones.

What is estimated under a second runs here and answers 200 with the figures; the rest becomes a job (202).
"""

from __future__ import annotations

import asyncio
from math import prod
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from dashboard.api.bodies import BacktestBody, DataBody, OptimizeBody
from dashboard.api.port import Outcome, Refused
from dashboard.api.respond import research_of, success
from dashboard.api.schemas import LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, Envelope, ErrorEnvelope, Page

POINTS_MAX = 4000
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

Limit = Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX, description="How many.")]
Cursor = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9_:.,=+/-]{1,400}$", description="`next_cursor` of the slice before."),
]
Id = Annotated[str, Path(pattern=ID_PATTERN)]
TradeColumn = Literal[
    "number", "time_ns", "final_ns", "symbol", "buy_venue", "sell_venue", "qty", "buy_price", "sell_price",
    "gross_bps", "net_bps", "fees_usd", "pnl_usd", "outcome", "hedges",
]  # fmt: skip

ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorEnvelope} for status in (404, 409, 422, 503)}
router = APIRouter(prefix="/api/v2/backtest", tags=["backtest"], responses=ERRORS)


@router.get("/strategies", response_model=Envelope, summary="Parameters of each strategy, and what runs now")
async def strategies(request: Request) -> Response:
    return success(request, await asyncio.to_thread(research_of(request).strategies))


@router.post(
    "/run",
    response_model=Envelope,
    responses={202: {"model": Envelope, "description": "A job was made."}},
    summary="Backtest one set of parameters",
)
async def run(request: Request, body: BacktestBody) -> Response:
    _check_period(body)
    return outcome(request, await asyncio.to_thread(research_of(request).backtest, body))


@router.post(
    "/optimize",
    status_code=202,
    response_model=Envelope,
    summary="Backtest every combination of a grid",
)
async def optimize(request: Request, body: OptimizeBody) -> Response:
    _check_period(body)
    _check_grid(body)
    return outcome(request, await asyncio.to_thread(research_of(request).optimize, body))


@router.post("/estimate", response_model=Envelope, summary="How long a grid would take; nothing is run")
async def estimate(request: Request, body: OptimizeBody) -> Response:
    _check_period(body)
    runs = _check_grid(body)
    return success(request, await asyncio.to_thread(research_of(request).estimate, body, runs))


@router.get("/runs", response_model=Page, summary="Earlier runs, newest first")
async def runs(request: Request, limit: Limit = LIST_LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
    rows, following = await asyncio.to_thread(research_of(request).runs, limit, cursor)
    return success(request, rows, next_cursor=following)


@router.get("/runs/{run_id}", response_model=Envelope, summary="One run: figures, equity, data, assumptions")
async def one_run(
    request: Request,
    run_id: Id,
    points: Annotated[int, Query(ge=10, le=POINTS_MAX, description="Of the equity curve; extremes are kept.")] = 1000,
) -> Response:
    return success(request, await asyncio.to_thread(research_of(request).run, run_id, points))


@router.get("/runs/{run_id}/trades", response_model=Page, summary="Trades of one run")
async def trades(
    request: Request,
    run_id: Id,
    limit: Limit = LIST_LIMIT_DEFAULT,
    cursor: Cursor = None,
    sort: TradeColumn = "number",
    order: Literal["asc", "desc"] = "asc",
) -> Response:
    found = await asyncio.to_thread(research_of(request).trades, run_id, sort, order == "desc", limit, cursor)
    return success(request, found[0], next_cursor=found[1])


def outcome(request: Request, found: Outcome) -> Response:
    """200 with the figures, or 202 with the job."""
    if found.job_id is not None:
        return success(request, {"job_id": found.job_id}, 202, message="Queued for a worker.")
    return success(request, found.result)


def _check_period(body: DataBody) -> None:
    if body.start_date >= body.end_date:
        raise Refused(
            f"start_date {body.start_date} is not before end_date {body.end_date}.",
            field="body.start_date",
            value=body.start_date,
            allowed=f"before end_date, {body.end_date}",
        )


def _check_grid(body: OptimizeBody) -> int:
    both = sorted(set(body.param_grid) & set(body.params))
    if both:
        raise Refused(
            f"{both[0]} is in params and in param_grid.",
            field=f"body.params.{both[0]}",
            value=body.params[both[0]],
            allowed="in one of both",
        )
    return prod(len(set(values)) for values in body.param_grid.values())
