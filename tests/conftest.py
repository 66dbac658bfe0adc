"""Fixtures that all tests share: free ports, a home of their own, the reference material, the engine."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).resolve().parent.parent
WAIT_S_DEFAULT = 10.0

Result = TypeVar("Result")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Hands out a TCP port that nobody listens on, another one at each call."""
    given: set[int] = set()

    def find() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in given:
                given.add(port)
                return port

    return find


@pytest.fixture
def arbdeck_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty ARBDECK_HOME, mode 0700; its path is short because sockets live in it."""
    home = Path(tempfile.mkdtemp(prefix="arbdeck-test-"))
    monkeypatch.setenv("ARBDECK_HOME", str(home))
    monkeypatch.delenv("ARBDECK_INSTANCE", raising=False)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference material beside the repository (ARBDECK_SHARED overrides)."""
    path = Path(os.environ.get("ARBDECK_SHARED") or ROOT.parent / "shared")
    if not path.is_dir():
        pytest.skip(f"needs the reference material: there is no {path} (ARBDECK_SHARED names it)")
    return path


@pytest.fixture(scope="session")
def engine_binary() -> Path:
    """arbdeck-engine: ARBDECK_ENGINE, else the one of a build folder, else the installed one."""
    named = os.environ.get("ARBDECK_ENGINE")
    installed = shutil.which("arbdeck-engine")
    candidates = [Path(named)] if named else [ROOT / "build" / "arbdeck-engine", ROOT / ".venv/bin/arbdeck-engine"]
    if installed and not named:
        candidates.append(Path(installed))
    for path in candidates:
        if os.access(path, os.X_OK):
            return path.resolve()
    pytest.skip(f"needs the engine: none of {', '.join(map(str, candidates))} is there (make setup builds it)")


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., object]:
    """Polls until the predicate gives something true and returns that; fails after `timeout` seconds."""

    def wait(predicate: Callable[[], Result], timeout: float = WAIT_S_DEFAULT, interval: float = 0.02) -> Result:
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            if time.monotonic() > deadline:
                pytest.fail(f"still {found!r} after {timeout:g} s: {getattr(predicate, '__name__', predicate)}")
            time.sleep(interval)
        return found

    return wait
