"""Every failure of the API in one shape: {"error": {"code", "message", "field"?, "value"?, "allowed"?},
identity}.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from bridge.errors import BridgeError, CommandRejected, CommandTimeout, EngineDown, LayoutMismatch, Stale
from dashboard.api.port import Away, Conflict, Missing, Refused, ResearchError
from dashboard.api.respond import identity_of, json_response

log = logging.getLogger("arbdeck.web")

VALUE_LENGTH_MAX = 200
_STATUS_OF_REFUSAL = {
    "BAD_REQUEST": 400,
    "BAD_ARGUMENT": 422,
    "CONFIG": 422,
    "NOT_FOUND": 404,
    "UNKNOWN_COMMAND": 404,
    "NOT_IN_THIS_RELEASE": 501,
}
_RESEARCH: dict[type[ResearchError], tuple[int, str]] = {
    Conflict: (409, "STALE_VIEW"),
    Missing: (404, "NOT_FOUND"),
    Away: (503, "DATABASE_AWAY"),
}
_CODE_OF_STATUS = {400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 415: "CONTENT_TYPE"}
_LIMIT_KEYS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "expected", "literal_error")


def install_errors(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(BridgeError, _on_bridge)
    app.add_exception_handler(ResearchError, _on_research)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


def failure(
    request: Request,
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> Response:
    """One error answer; `facts` are field, value, allowed."""
    body = {**identity_of(request), "error": {"code": code, "message": message, **facts}}
    return json_response(body, status, headers)


async def _on_bridge(request: Request, error: Exception) -> Response:
    if isinstance(error, CommandRejected):
        status = _STATUS_OF_REFUSAL.get(error.code, 409)
        seen: dict[str, Any] = {"state_version": error.state_version} if error.state_version >= 0 else {}
        return failure(request, status, error.code, error.sentence, **seen, config_hash=error.config_hash or None)
    if isinstance(error, CommandTimeout):
        return failure(request, 504, "COMMAND_TIMEOUT", str(error), request_id=error.request_id)
    if isinstance(error, EngineDown):
        return failure(request, 503, "ENGINE_DOWN", str(error))
    if isinstance(error, Stale):
        return failure(request, 503, "ENGINE_STALE", str(error))
    if isinstance(error, LayoutMismatch):
        return failure(request, 503, "LAYOUT_MISMATCH", str(error))
    return failure(request, 503, "ENGINE", str(error))


async def _on_research(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        facts = {"field": error.field, "value": _printable(error.value), "allowed": error.allowed}
        return failure(request, 422, "REFUSED", str(error), **facts)
    for kind, (status, code) in _RESEARCH.items():
        if isinstance(error, kind):
            return failure(request, status, code, str(error))
    return failure(request, 500, "INTERNAL", str(error))


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [_problem(item) for item in error.errors()]
    first = problems[0]
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return failure(request, 400, "BAD_JSON", f"The body is not valid JSON: {first['message']}.")
    message = f"{first['field']}: {first['message']}."
    more: dict[str, Any] = {"details": problems[:20]} if len(problems) > 1 else {}
    return failure(
        request,
        422,
        "VALIDATION",
        message,
        field=first["field"],
        value=first["value"],
        allowed=first["allowed"],
        **more,
    )


def _problem(item: Mapping[str, Any]) -> dict[str, Any]:
    limits = {key: item["ctx"][key] for key in _LIMIT_KEYS if key in item.get("ctx", {})}
    allowed = ", ".join(f"{key} {value}" for key, value in limits.items()) or item["msg"]
    return {
        "field": _field_of(item["loc"]),
        "value": _printable(item.get("input")),
        "allowed": allowed,
        "message": item["msg"],
    }


def _field_of(location: Sequence[Any]) -> str:
    """The dotted path without the union branches that pydantic appends."""
    parts = [str(part) for part in location]
    known = [part for part in parts if not part.startswith(("constrained-", "list[", "function-"))]
    return ".".join(known)


def _printable(value: Any) -> Any:
    """The offending value, short and always encodable."""
    try:
        text = orjson.dumps(value)
    except TypeError:
        return repr(value)[:VALUE_LENGTH_MAX]
    if len(text) <= VALUE_LENGTH_MAX:
        return value
    return text[:VALUE_LENGTH_MAX].decode("utf-8", "replace") + "..."


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODE_OF_STATUS.get(error.status_code, f"HTTP_{error.status_code}")
    return failure(request, error.status_code, code, str(error.detail), error.headers)


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("unexpected error at %s", request.url.path, exc_info=error)
    return failure(request, 500, "INTERNAL", "The dashboard made an error; its log has the details. Nothing is known.")
