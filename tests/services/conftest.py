from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.desk import Desk


@pytest.fixture
def desk(arbdeck_home: Path, engine_binary: Path, free_port: Callable[[], int]) -> Iterator[Desk]:
    """Not started: simulated venues and the real engine."""
    made = Desk(arbdeck_home, engine_binary, free_port)
    yield made
    made.stop()


@pytest.fixture
def running_desk(desk: Desk) -> Desk:
    desk.start_venues()
    desk.start_engine()
    desk.wait_state(desk.connect(), "ACTIVE")
    return desk
