"""Assembles the web process: settings, engine service, API, live push, pages, and the guard around all of it.

`gunicorn -c dashboard/gunicorn.py dashboard.app:server` serves it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI

from dashboard.api import install_errors, router_v2
from dashboard.api.docs import DESCRIPTION, OPENAPI_PATH, install_docs
from dashboard.api.research import MakeResearch, research_desk
from dashboard.live import Hub
from dashboard.live.socket import LiveSocket
from dashboard.security import Guard, Sessions, SignInToken, Throttle
from dashboard.security.compress import StaticCompression
from dashboard.security.headers import HeaderPolicy
from dashboard.security.login import LOGIN_SCRIPT_HASH, Login
from dashboard.services import Bridge, EngineService
from dashboard.settings import Settings, settings_read
from dashboard.site import build_site, start_site

VERSION = "2.1"


def _real_bridge(settings: Settings) -> Callable[[], Bridge]:
    from bridge import CEngineBridge

    return lambda: CEngineBridge(settings.instance, settings.home)


def create_server(
    settings: Settings,
    bridge_factory: Callable[[], Bridge] | None = None,
    make_research: MakeResearch = research_desk,
) -> Guard:
    """The ASGI application. `bridge_factory` makes a bridge for reading, one per command and one per deployment."""
    new_bridge = bridge_factory or _real_bridge(settings)
    token = SignInToken.load(settings.run_dir)
    sessions = Sessions(settings.run_dir, token.fingerprint)
    throttle = Throttle()
    policy = HeaderPolicy()
    policy.allow_scripts([LOGIN_SCRIPT_HASH])
    engine = EngineService(new_bridge)
    hub = Hub(engine)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await start_site(app, site, policy)
        sampling = asyncio.create_task(hub.run())
        yield
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        engine.close()

    about: dict[str, Any] = {"title": "arbdeck", "version": VERSION, "description": DESCRIPTION}
    app = FastAPI(**about, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=OPENAPI_PATH)
    app.state.engine = engine
    app.state.instance = settings.instance
    app.state.research = make_research(settings, engine, new_bridge)
    login = Login(token, sessions, throttle)
    app.add_route("/login", login.page, methods=["GET"])
    app.add_route("/login", login.sign_in, methods=["POST"])
    app.add_route("/logout", login.sign_out, methods=["POST"])
    app.add_api_websocket_route("/ws/live", LiveSocket(hub, sessions).endpoint)
    install_errors(app)
    install_docs(app)
    router_v2(app)
    site = build_site(app, settings.assets)
    return Guard(
        StaticCompression(app),
        token=token,
        sessions=sessions,
        throttle=throttle,
        hosts=settings.hosts,
        policy=policy,
    )


def __getattr__(name: str) -> Any:
    """`dashboard.app:server` for gunicorn, made when first asked for: an import has no effects."""
    if name != "server":
        raise AttributeError(name)
    try:
        server = create_server(settings_read())
    except AttributeError as error:
        # Left as it is, this would read as "the module has no attribute server".
        raise RuntimeError("the web process could not be assembled") from error
    globals()["server"] = server
    return server
