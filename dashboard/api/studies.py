"""/api/v2/studies, /deployments and /jobs: what was searched, putting it to work, and what is being worked on."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from dashboard.api.backtests import ERRORS, Cursor, Id, Limit, outcome
from dashboard.api.bodies import DeployBody, RollbackBody
from dashboard.api.respond import research_of, success
from dashboard.api.schemas import LIST_LIMIT_DEFAULT, Envelope, Page

OrderBy = Annotated[
    str,
    Query(pattern=r"^-?[a-z][a-z0-9_]{0,63}$", description='"number" or "value"; "-" in front: the largest first.'),
]

Number = Annotated[int, Path(ge=0, le=2**31)]

router = APIRouter(prefix="/api/v2", responses=ERRORS)


@router.get("/studies", response_model=Page, summary="Studies, newest first", tags=["studies"])
async def studies(request: Request, limit: Limit = LIST_LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
    rows, following = await asyncio.to_thread(research_of(request).studies, limit, cursor)
    return success(request, rows, next_cursor=following)


@router.get("/studies/{study_id}", response_model=Envelope, summary="One study and its best", tags=["studies"])
async def study(request: Request, study_id: Id) -> Response:
    return success(request, await asyncio.to_thread(research_of(request).study, study_id))


@router.get("/studies/{study_id}/trials", response_model=Page, summary="Trials of one study", tags=["studies"])
async def trials(
    request: Request,
    study_id: Id,
    limit: Limit = LIST_LIMIT_DEFAULT,
    cursor: Cursor = None,
    order_by: OrderBy = "-value",
) -> Response:
    rows, following = await asyncio.to_thread(research_of(request).trials, study_id, limit, cursor, order_by)
    return success(request, rows, next_cursor=following)


@router.post(
    "/studies/{study_id}/trials/{number}/run",
    response_model=Envelope,
    responses={202: {"model": Envelope, "description": "A job was made."}},
    summary="The full backtest of one trial",
    tags=["studies"],
)
async def run_trial(request: Request, study_id: Id, number: Number) -> Response:
    return outcome(request, await asyncio.to_thread(research_of(request).run_trial, study_id, number))


@router.post(
    "/studies/{study_id}/deploy",
    response_model=Envelope,
    summary="Put a trial's parameters to work: the plan, and with `confirm` the engine's answer",
    tags=["studies"],
)
async def deploy(request: Request, study_id: Id, body: DeployBody | None = None) -> Response:
    wanted = body or DeployBody()
    call = research_of(request).deploy
    done = await asyncio.to_thread(call, study_id, wanted.trial, wanted.confirm, wanted.config_hash, _actor(request))
    return success(request, done)


@router.post(
    "/deployments/rollback",
    response_model=Envelope,
    summary="Back to the values before the last deployment: the plan, and with `confirm` the engine's answer",
    tags=["studies"],
)
async def rollback(request: Request, body: RollbackBody | None = None) -> Response:
    wanted = body or RollbackBody()
    call = research_of(request).rollback
    return success(request, await asyncio.to_thread(call, wanted.confirm, wanted.config_hash, _actor(request)))


@router.get("/jobs", response_model=Page, summary="Jobs, newest first", tags=["jobs"])
async def jobs(request: Request, limit: Limit = LIST_LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
    rows, following = await asyncio.to_thread(research_of(request).jobs, limit, cursor)
    return success(request, rows, next_cursor=following)


@router.get("/jobs/{job_id}", response_model=Envelope, summary="State, progress and result of a job", tags=["jobs"])
async def job(request: Request, job_id: Id) -> Response:
    return success(request, await asyncio.to_thread(research_of(request).job, job_id))


@router.post("/jobs/{job_id}/cancel", response_model=Envelope, summary="Cancel a job", tags=["jobs"])
async def cancel(request: Request, job_id: Id) -> Response:
    return success(request, await asyncio.to_thread(research_of(request).cancel, job_id))


def _actor(request: Request) -> str:
    return request.scope.get("arbdeck_actor") or "api"
