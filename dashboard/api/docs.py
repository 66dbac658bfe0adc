"""/docs: the OpenAPI description in Swagger UI, from our own assets, behind the sign-in."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

OPENAPI_PATH = "/openapi.json"
DESCRIPTION = """
Everything here needs the sign-in cookie or `Authorization: Bearer TOKEN` (`arbdeck login` prints the token);
only `GET /api/v2/engine/health` is open. Times are Unix nanoseconds UTC, money USD, edges bps, latencies
microseconds. `null` is "not known", never 0. Errors: `{"error": {"code", "message", "field"?, "value"?,
"allowed"?}}`.
"""
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>arbdeck API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/assets/favicon.svg">
<link rel="stylesheet" href="/assets/swagger/swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="/assets/swagger/swagger-ui-bundle.js"></script>
<script src="/assets/swagger/start.js"></script></body></html>
"""


def install_docs(app: FastAPI) -> None:
    """Add /docs."""

    async def docs() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)
