"""A journal that the first release wrote (and left, killed, with its strategy stopped by a person): the engine of today
decides it the same way, goes on from it, and says so plainly when it cannot."""

from __future__ import annotations

import gzip
import struct
import subprocess
from pathlib import Path

import pytest

from tests.bridge.journal_writer import HEAD_SIZE, crc32c
from tests.system.desk import Desk

pytestmark = [pytest.mark.system]

RECORD_SIZE, CRC_OFFSET, TYPE_OFFSET, PAYLOAD_OFFSET = 256, 24, 28, 40
TYPE_ORDER = 13
FIRST = Path(__file__).with_name("journals") / "first.aj.gz"


def unpack(directory: Path) -> Path:
    directory.mkdir(parents=True)
    path = directory / "0000000001-00000.aj"
    path.write_bytes(gzip.decompress(FIRST.read_bytes()))
    return path


def alter_first_order(path: Path) -> None:
    """Whole to every check, but with a price that no engine would have decided."""
    data = bytearray(path.read_bytes())
    text_size, seed = struct.unpack_from("<II", data, 36)
    at, crc = HEAD_SIZE + -(-text_size // 256) * 256, seed
    found = False
    for begin in range(at, len(data) - RECORD_SIZE + 1, RECORD_SIZE):
        record = data[begin : begin + RECORD_SIZE]
        if not found and struct.unpack_from("<H", record, TYPE_OFFSET)[0] == TYPE_ORDER:
            found = True
            record[PAYLOAD_OFFSET + 16] ^= 1
        struct.pack_into("<I", record, CRC_OFFSET, 0)
        crc = crc32c(crc, bytes(record))
        struct.pack_into("<I", record, CRC_OFFSET, crc)
        data[begin : begin + RECORD_SIZE] = record
    assert found
    path.write_bytes(data)


def replay(desk: Desk, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(desk.engine_path), "replay", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_journal_of_the_first_release_replays_to_the_same_decisions(desk: Desk) -> None:
    unpack(desk.home / "first")
    done = replay(desk, desk.home / "first")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "868 inputs (780 quotes), 29 decisions, all the same" in done.stdout


def test_a_journal_of_another_build_that_decides_otherwise_is_said_to_be_of_another_build(desk: Desk) -> None:
    alter_first_order(unpack(desk.home / "first"))
    done = replay(desk, desk.home / "first")
    assert done.returncode == 1
    assert "the replay's payload differs" in done.stdout
    assert "another build of the engine wrote this journal" in done.stdout


def test_a_strategy_that_a_person_stopped_stays_stopped_over_an_upgrade(desk: Desk) -> None:
    unpack(desk.home / "state" / desk.instance / "journal")
    desk.start_engine()
    bridge = desk.connect()
    assert bridge.health().generation == 2
    assert [s.state for s in bridge.snapshot().strategies] == ["STOPPED"]
