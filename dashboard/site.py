"""The Dash application on FastAPI: pages, its start-up repairs for Dash 4.4.1, and honest 404s for pages."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, cast

import dash
from dash import Dash
from dash.backends import _fastapi as dash_backend
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from dashboard.pages import PAGES
from dashboard.security.headers import HeaderPolicy, script_hash

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<script src="/assets/theme.js"></script>{%metas%}<title>{%title%}</title>
<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""
NOT_FOUND = """<!DOCTYPE html><html lang="en"><head><title>Not found · arbdeck</title></head>
<body><h1>There is no such page</h1><p><a href="/">Overview</a> · <a href="/docs">API</a></p></body></html>"""
META = [{"name": "viewport", "content": "width=device-width, initial-scale=1"}]


def build_site(app: FastAPI, assets: Path) -> Dash:
    """Put the pages on `app`. Call after every other route: Dash takes what is left."""
    site = Dash(
        "arbdeck",
        server=cast(Any, app),
        use_pages=True,
        pages_folder="",
        assets_folder=str(assets),
        assets_path_ignore=["swagger"],
        assets_ignore=r"theme\.js",
        index_string=INDEX,
        title="arbdeck",
        update_title="",
        meta_tags=META,
        include_pages_meta=False,
        compress=False,
        add_log_handler=False,
        enable_mcp=False,
    )
    register_page: Any = dash.register_page
    for page in PAGES:
        name = page.__name__.rpartition(".")[2]
        register_page(name, path=page.PATH, title=page.TITLE, name=name.capitalize(), layout=page.layout)
    site.layout = dash.html.Div(dash.page_container)
    return site


async def start_site(app: FastAPI, site: Dash, policy: HeaderPolicy) -> None:
    """Run once in the lifespan, before the first request.

    Dash 4.4.1 sets itself up on the first request to one of its own paths; a page path asked for first would
    be served half set up. Its catch-all is added by the lifespan before this: ours goes in front of it.
    """
    backend: Any = site.backend
    for function in backend._before_request_funcs:
        result = function()
        if inspect.isawaitable(result):
            await result
    policy.allow_scripts(site.csp_hashes())
    policy.allow_scripts([script_hash(site._generate_renderer().partition(">")[2].rpartition("<")[0])])
    _answer_unknown_pages(app, site)


def _answer_unknown_pages(app: FastAPI, site: Any) -> None:
    known = {page["path"] for page in dash.page_registry.values()}

    async def page(request: Request) -> Response:
        if request.url.path in known:
            # Dash 4.4.1 knows the request only on its own paths; its index asks for it.
            backend: Any = dash_backend
            token = backend.set_current_request(request)
            try:
                return HTMLResponse(site.index())
            finally:
                backend.reset_current_request(token)
        return HTMLResponse(NOT_FOUND, status_code=404)

    app.add_api_route("/{path:path}", page, methods=["GET"], include_in_schema=False)
    # Dash has put its catch-all last already; the first match wins, so ours goes right before it.
    routes = app.router.routes
    routes.insert(len(routes) - 2, routes.pop())
