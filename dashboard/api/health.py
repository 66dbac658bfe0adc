"""GET health: the only route that answers without sign-in. 200, or 503 with the reason."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.errors import BridgeError
from dashboard.api.respond import engine_of, identity_of, json_response
from dashboard.api.schemas import Envelope

router = APIRouter(tags=["engine: read"])


@router.head("/health", include_in_schema=False)
@router.get("/health", response_model=Envelope, summary="Is the engine there and moving? (no sign-in)")
async def health(request: Request) -> Response:
    service = engine_of(request)
    try:
        state = service.reader().health()
    except BridgeError as error:
        facts = {"ok": False, "state": "DOWN", "reason": str(error), "age_s": None}
        return _answer(request, facts)
    facts = {"ok": state.ok, "state": state.state, "reason": state.reason, "age_s": state.age_s}
    identity = {"mode": state.mode, "instance": state.instance, "generation": state.generation}
    return _answer(request, facts, identity)


def _answer(request: Request, facts: dict[str, Any], identity: dict[str, Any] | None = None) -> Response:
    body = {**(identity or identity_of(request)), "data": facts}
    if facts["ok"]:
        return json_response(body)
    return json_response({**body, "error": {"code": "NOT_HEALTHY", "message": facts["reason"]}}, 503)
