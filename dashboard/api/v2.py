"""The router of `/api/v2`.

2.0: engine endpoints (status, stats, performance, health, lists, commands).
2.1: backtests, studies, deployments, jobs, recorded history, history on disk.
Errors: one shape for all, see errors.py. Lists: `limit` and `cursor`, newest first. Unknown paths: JSON 404.
"""

from __future__ import annotations

import re

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import Response

from dashboard.api import backtests, commands, health, history, reads, studies

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def router_v2(app: FastAPI) -> None:
    """Put the API on `app`; call it before Dash adds its routes, which take every other path."""
    engine = APIRouter(prefix="/api/v2/engine")
    engine.include_router(health.router)
    engine.include_router(reads.router)
    engine.include_router(commands.router)
    app.include_router(engine)
    app.include_router(backtests.router)
    app.include_router(studies.router)
    app.include_router(history.router)
    app.add_api_route("/api", _not_found, methods=METHODS, include_in_schema=False)
    app.add_api_route("/api/{rest:path}", _not_found, methods=METHODS, include_in_schema=False)


async def _not_found(request: Request) -> Response:
    """404, or 405 when the path exists for another method."""
    path = request.url.path
    allowed = _methods_of(request.app, path)
    if allowed:
        names = ", ".join(sorted(allowed))
        raise HTTPException(405, f"{request.method} is not for {path}. Allowed: {names}.", {"allow": names})
    raise HTTPException(404, f"There is no {path[:200]}. /docs lists what there is.")


def _methods_of(app: FastAPI, path: str) -> set[str]:
    """Methods under which this path is described; empty when it is not."""
    methods: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            methods |= {method.upper() for method in operations}
    return methods
