from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.desk import Desk


@pytest.fixture
def desk(arbdeck_home: Path, engine_binary: Path, free_port: Callable[[], int]) -> Iterator[Desk]:
    made = Desk(arbdeck_home, engine_binary, free_port)
    yield made
    made.stop()
