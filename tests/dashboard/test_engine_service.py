"""Protects what an operator sees right after a command: never a picture from before it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_bridge import FakeBridge, FakeEngine

from dashboard.services.engine import EngineService


@dataclass
class StoppedClock:
    """Time does not pass, so that only a command can make a picture old."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def service(tmp_path: Path) -> EngineService:
    engine = FakeEngine(tmp_path)
    return EngineService(lambda: FakeBridge(engine), monotonic=StoppedClock())


def test_pictures_are_kept_between_commands(service: EngineService) -> None:
    assert service.snapshot() is service.snapshot()


def test_picture_after_a_command_is_of_after_the_command(service: EngineService) -> None:
    before = service.snapshot().status.config_hash
    answer = asyncio.run(service.command("update_config", {"min_spread_bps": 21}))
    assert answer.config_hash != before
    assert service.snapshot().status.config_hash == answer.config_hash


def test_picture_read_while_a_command_took_effect_is_read_again(service: EngineService) -> None:
    read: Any = service.reader().snapshot

    def overtaken() -> Any:
        picture = read()
        service.outdate()
        return picture

    service.reader().snapshot = overtaken  # type: ignore[method-assign]
    overtaken_picture = service.snapshot()
    service.reader().snapshot = read  # type: ignore[method-assign]
    assert service.snapshot() is not overtaken_picture
