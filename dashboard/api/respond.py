"""Answers: JSON without surprises (NaN becomes null), with the engine's identity in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response

from dashboard.api.port import Research
from dashboard.services import EngineService


def engine_of(request: Request) -> EngineService:
    """The engine service of this application."""
    service: EngineService = request.app.state.engine
    return service


def research_of(request: Request) -> Research:
    """Backtests, studies, jobs and recorded history of this application."""
    research: Research = request.app.state.research
    return research


def identity_of(request: Request) -> dict[str, Any]:
    """Mode, instance and generation of the engine last seen; null while none has been."""
    snapshot = engine_of(request).last
    if snapshot is None:
        return {"mode": None, "instance": request.app.state.instance, "generation": None}
    identity = snapshot.identity
    return {"mode": identity.mode, "instance": identity.instance, "generation": identity.generation}


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Encode with orjson: fast, and NaN or infinity become null instead of invalid JSON."""
    content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS, default=plain)
    return Response(content, status, dict(headers or {}), "application/json")


def plain(value: Any) -> Any:
    """Records of the bridge as plain objects."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def success(request: Request, data: Any, status: int = 200, **more: Any) -> Response:
    """One success answer."""
    return json_response({**identity_of(request), "data": data, **more}, status)
