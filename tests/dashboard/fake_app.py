"""Entry point of the tests' web process: the real dashboard over the fake engine.

`gunicorn -c dashboard/gunicorn.py --pythonpath tests/dashboard fake_app:server`
"""

from __future__ import annotations

from typing import Any

from fake_bridge import FakeBridge, FakeEngine

from dashboard.app import create_server
from dashboard.settings import settings_read


def __getattr__(name: str) -> Any:
    if name != "server":
        raise AttributeError(name)
    settings = settings_read()
    engine = FakeEngine(settings.home)
    server = create_server(settings, lambda: FakeBridge(engine))
    globals()["server"] = server
    return server
