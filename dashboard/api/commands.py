"""POST: commands. The engine decides; its own answer (code, sentence, config hash, state version) is handed
on.

`Idempotency-Key` becomes the command's id: the same key again gets the first answer and does nothing twice.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import Response

from dashboard.api.errors import failure
from dashboard.api.respond import engine_of, success
from dashboard.api.schemas import (
    Arm,
    ConfigUpdate,
    Confirm,
    Envelope,
    ErrorEnvelope,
    Kill,
    LimitsUpdate,
    Seen,
    Shutdown,
)

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9_-]{1,39}$",
        description="Same key, same answer, done once.",
    ),
]
PathName = Annotated[str, Path(pattern=NAME_PATTERN)]

router = APIRouter(
    tags=["engine: command"],
    responses={status: {"model": ErrorEnvelope} for status in (404, 409, 422, 503, 504)},
)


async def _command(
    request: Request, key: str | None, seen: Seen | None, method: str, *args: Any, **keywords: Any
) -> Response:
    """Send one command with what the sender saw, by default what this dashboard last saw."""
    service = engine_of(request)
    last = service.last.status if service.last is not None else None
    state_version = seen.state_version if seen is not None else None
    config_hash = seen.config_hash if seen is not None else None
    if last is not None:
        state_version = last.state_version if state_version is None else state_version
        config_hash = last.config_hash if config_hash is None else config_hash
    view = {"state_version": state_version, "config_hash": config_hash}
    actor = request.scope.get("arbdeck_actor") or "api"
    answer = await service.command(method, *args, request_id=key, actor=actor, **view, **keywords)
    return success(request, answer)


@router.post("/strategy/{name}/start", response_model=Envelope, summary="Start a strategy")
async def strategy_start(request: Request, name: PathName, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "start_strategy", name)


@router.post("/strategy/{name}/stop", response_model=Envelope, summary="Stop a strategy")
async def strategy_stop(request: Request, name: PathName, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "stop_strategy", name)


@router.post("/strategy/{name}/pause", response_model=Envelope, summary="Pause a strategy")
async def strategy_pause(request: Request, name: PathName, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "pause_strategy", name)


@router.post("/config/update", response_model=Envelope, summary="Change parameters while it runs")
async def config_update(request: Request, body: ConfigUpdate, key: Key = None) -> Response:
    return await _command(request, key, body, "update_config", dict(body.updates), strategy=body.strategy)


@router.post("/limits", response_model=Envelope, summary="Change risk limits")
async def limits(request: Request, body: LimitsUpdate, key: Key = None) -> Response:
    return await _command(request, key, body, "set_limits", dict(body.updates), confirm=body.confirm)


@router.post("/reload", response_model=Envelope, summary="Apply an edit of strategies.json made by hand")
async def reload(request: Request, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "reload")


@router.post("/kill", response_model=Envelope, summary="Kill: stop all trading now and latch")
async def kill(request: Request, key: Key = None, body: Kill | None = None) -> Response:
    return await _command(request, key, body, "kill", (body.reason if body is not None else "") or "operator")


@router.post("/clear-kill", response_model=Envelope, summary="Take the kill latch off (typed)")
async def clear_kill(request: Request, body: Confirm, key: Key = None) -> Response:
    return await _command(request, key, body, "clear_kill", body.confirm)


@router.post("/arm", response_model=Envelope, summary="Arm: HALTED to ACTIVE")
async def arm(request: Request, key: Key = None, body: Arm | None = None) -> Response:
    return await _command(request, key, body, "arm", body.confirm if body is not None else None)


@router.post("/disarm", response_model=Envelope, summary="Disarm: to HALTED")
async def disarm(request: Request, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "disarm")


@router.post("/pause", response_model=Envelope, summary="Pause all new arbitrage")
async def pause(request: Request, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "pause")


@router.post("/resume", response_model=Envelope, summary="Resume new arbitrage")
async def resume(request: Request, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "resume")


@router.post("/reduce-only", response_model=Envelope, summary="Only what reduces the residual")
async def reduce_only(request: Request, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "reduce_only")


@router.post("/venue/{name}/on", response_model=Envelope, summary="Switch a venue on")
async def venue_on(request: Request, name: PathName, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "venue_on", name)


@router.post("/venue/{name}/off", response_model=Envelope, summary="Switch a venue off")
async def venue_off(request: Request, name: PathName, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "venue_off", name)


@router.post("/symbol/{name}/release", response_model=Envelope, summary="Release a blocked or quarantined symbol")
async def release(request: Request, name: PathName, key: Key = None, body: Seen | None = None) -> Response:
    return await _command(request, key, body, "release", name)


@router.post("/alarms/{alarm_id}/ack", response_model=Envelope, summary="Acknowledge an alarm")
async def alarm_ack(
    request: Request,
    alarm_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    key: Key = None,
    body: Seen | None = None,
) -> Response:
    return await _command(request, key, body, "ack_alarm", alarm_id)


@router.post("/shutdown", response_model=Envelope, summary="Stop the engine process (typed)")
async def shutdown(request: Request, body: Shutdown, key: Key = None) -> Response:
    snapshot = engine_of(request).last
    instance = snapshot.identity.instance if snapshot is not None else request.app.state.instance
    if instance is not None and body.confirm != instance:
        return failure(
            request,
            422,
            "CONFIRMATION",
            f"confirm is {body.confirm!r}; type the instance's name, {instance!r}. Nothing was stopped.",
            field="body.confirm",
            value=body.confirm,
            allowed=instance,
        )
    return await _command(request, key, body, "shutdown")
