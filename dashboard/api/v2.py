"""The router of `/api/v2`.

2.0: engine endpoints (status, stats, performance, health, lists, commands).
Errors: one shape for all, see errors.py. Lists: `limit` and `cursor`, newest first. Unknown paths: JSON 404.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import Response
from starlette.routing import Match

from dashboard.api import commands, health, reads

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def router_v2(app: FastAPI) -> None:
    """Put the API on `app`; call it before Dash adds its routes, which take every other path."""
    engine = APIRouter(prefix="/api/v2/engine")
    engine.include_router(health.router)
    engine.include_router(reads.router)
    engine.include_router(commands.router)
    app.include_router(engine)
    app.add_api_route("/api", _not_found, methods=METHODS, include_in_schema=False)
    app.add_api_route("/api/{rest:path}", _not_found, methods=METHODS, include_in_schema=False)


async def _not_found(request: Request) -> Response:
    """404, or 405 when the path exists for another method."""
    allowed: set[str] = set()
    for route in request.app.routes:
        methods = getattr(route, "methods", None)
        if methods and route.matches(request.scope)[0] is Match.PARTIAL:
            allowed |= methods
    if allowed:
        names = ", ".join(sorted(allowed))
        raise HTTPException(
            405, f"{request.method} is not for {request.url.path}. Allowed: {names}.", {"allow": names}
        )
    raise HTTPException(404, f"There is no {request.url.path[:200]}. /docs lists what there is.")
