"""Entry point of the tests' web process: the real dashboard over the fake engine and the fake backtests.

`gunicorn -c dashboard/gunicorn.py --pythonpath tests/dashboard fake_app:server`
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fake_backtests import FakeBacktests
from fake_bridge import FakeBridge, FakeEngine

from dashboard.api.research import ResearchDesk
from dashboard.app import create_server
from dashboard.db import Database
from dashboard.services import EngineService
from dashboard.settings import Settings, settings_read


def fake_research(settings: Settings, engine: EngineService, bridge_factory: Callable[[], Any]) -> ResearchDesk:
    return ResearchDesk(Database(settings.database), FakeBacktests, engine, bridge_factory, settings.home)


def __getattr__(name: str) -> Any:
    if name != "server":
        raise AttributeError(name)
    settings = settings_read()
    engine = FakeEngine(settings.home)
    server = create_server(settings, lambda: FakeBridge(engine), fake_research)
    globals()["server"] = server
    return server
