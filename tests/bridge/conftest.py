from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_double import EngineDouble

from bridge import CEngineBridge


@pytest.fixture
def double(tmp_path: Path) -> Iterator[EngineDouble]:
    """A running engine's shared memory, all blocks published once."""
    with EngineDouble(tmp_path) as engine:
        engine.publish_all()
        yield engine


@pytest.fixture
def bridge(double: EngineDouble) -> Iterator[CEngineBridge]:
    view = CEngineBridge("double", double.home)
    yield view
    view.close()
