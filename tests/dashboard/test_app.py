"""Protects: how the web process is put together: no callback can freeze it, settings say what is wrong."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from desk import ROOT
from fake_app import fake_research
from fake_bridge import FakeBridge, FakeEngine

from dashboard.app import create_server
from dashboard.settings import Settings, SettingsError, settings_read
from dashboard.site import build_site


def test_every_callback_is_async(tmp_path: Path) -> None:
    import dash
    from fastapi import FastAPI

    site = build_site(FastAPI(), settings_read({}).assets)
    for name, entry in site.callback_map.items():
        function: Any = entry.get("callback")
        if function is not None:
            assert inspect.iscoroutinefunction(inspect.unwrap(function)), f"{name} would freeze the worker"
    assert {page["path"] for page in dash.page_registry.values()} == {"/", "/backtest", "/optimizer", "/history"}


def test_importing_the_application_has_no_effects(tmp_path: Path) -> None:
    code = "import dashboard.app, os; print(os.listdir(os.environ['ARBDECK_HOME']))"
    environ = {"ARBDECK_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_app_only_assembles() -> None:
    assert len((ROOT / "dashboard/app.py").read_text().splitlines()) < 100


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "80 ", "1e3", "٣"])
def test_bad_port_stops_the_start_with_its_value(port: str) -> None:
    with pytest.raises(SettingsError, match="PORT is"):
        settings_read({"PORT": port})


@pytest.mark.parametrize("instance", ["Sim", "../x", "-a", "a" * 32, "a b"])
def test_bad_instance_stops_the_start(instance: str) -> None:
    with pytest.raises(SettingsError, match="ARBDECK_INSTANCE is"):
        settings_read({"ARBDECK_INSTANCE": instance})


def test_defaults_are_loopback() -> None:
    settings = settings_read({})
    assert (settings.host, settings.port, settings.instance) == ("127.0.0.1", 8050, None)
    assert settings.hosts == {"127.0.0.1:8050", "localhost:8050", "[::1]:8050"}


def test_server_refuses_a_token_that_others_can_read(tmp_path: Path) -> None:
    settings = Settings(tmp_path, None, "127.0.0.1", 8050, settings_read({}).assets)
    create_server(settings, lambda: FakeBridge(FakeEngine(tmp_path)), fake_research)
    (tmp_path / "run/web-token").chmod(0o644)
    with pytest.raises(RuntimeError, match="0644"):
        create_server(settings, lambda: FakeBridge(FakeEngine(tmp_path)), fake_research)
