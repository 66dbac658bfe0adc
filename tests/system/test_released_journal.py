"""A journal that the first release wrote (and left, killed, with its strategy stopped by a person): the engine of today
decides it the same way, goes on from it, and says so plainly when it cannot."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from tests.system.desk import Desk

pytestmark = [pytest.mark.system]

FIRST = Path(__file__).with_name("journals") / "first.aj.gz"


def unpack(directory: Path) -> Path:
    directory.mkdir(parents=True)
    path = directory / "0000000001-00000.aj"
    path.write_bytes(gzip.decompress(FIRST.read_bytes()))
    return path


def replay(desk: Desk, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(desk.engine_path), "replay", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_journal_of_the_first_release_replays_to_the_same_decisions(desk: Desk) -> None:
    unpack(desk.home / "first")
    done = replay(desk, desk.home / "first")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "868 inputs (780 quotes), 29 decisions, all the same" in done.stdout


def test_a_strategy_that_a_person_stopped_stays_stopped_over_an_upgrade(desk: Desk) -> None:
    unpack(desk.home / "state" / desk.instance / "journal")
    desk.start_engine()
    bridge = desk.connect()
    assert bridge.health().generation == 2
    assert [s.state for s in bridge.snapshot().strategies] == ["STOPPED"]
