from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_double import EngineDouble

from bridge import CEngineBridge


@pytest.fixture
def double() -> Iterator[EngineDouble]:
    """A running engine's shared memory, all blocks published once."""
    # A path of its own, because a socket's may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="arbdeck-") as home, EngineDouble(Path(home)) as engine:
        engine.publish_all()
        yield engine


@pytest.fixture
def bridge(double: EngineDouble) -> Iterator[CEngineBridge]:
    view = CEngineBridge("double", double.home)
    yield view
    view.close()
