"""Fixtures of the dashboard's tests."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# The tests are no package: their helpers lie beside them.
sys.path.insert(0, str(Path(__file__).parent))

from desk import Desk


@pytest.fixture(scope="module")
def desk(free_port: Callable[[], int]) -> Iterator[Desk]:
    """A running dashboard, one per test file."""
    home = Path(tempfile.mkdtemp(prefix="arbdeck-web-"))
    running = Desk(home, free_port())
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def _normal_scene(request: pytest.FixtureRequest) -> None:
    """Every test begins with the engine well."""
    if "desk" in request.fixturenames:
        running: Desk = request.getfixturevalue("desk")
        running.scene()
