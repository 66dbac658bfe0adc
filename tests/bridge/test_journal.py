"""Protects the record of what happened: every altered, torn or missing record ends the readable part, and a
reader that stops anywhere goes on exactly there, over growing files, parts and generations.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from engine_double import EngineDouble
from hypothesis import given, settings
from hypothesis import strategies as some
from journal_writer import TYPE_FILL, TYPE_QUOTE, WALL_OFFSET_NS, JournalWriter

from bridge import CEngineBridge, EngineDown, JournalError, JournalReader
from bridge.layout import header_path


def seqs(reader: JournalReader) -> list[int]:
    return [record.seq for record in reader]


def test_records_come_with_type_times_and_payload(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(2)
    writer.append(1, TYPE_FILL)
    first, _, fill = JournalReader(tmp_path)
    assert (first.type, first.seq, first.payload, first.generation) == ("TIMER", 1, {}, 1)
    assert (fill.type, fill.time_ns, fill.wall_ns) == ("FILL", 3000, WALL_OFFSET_NS + 3000)
    assert (fill.payload["order_id"], fill.payload["trade_id"], fill.payload["fee_asset_name"]) == (
        3,
        "t3",
        "USDT",
    )
    assert fill.payload["price"] == 6_000_000


def test_batch_and_payloads_are_structured_arrays(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    for _ in range(10):
        writer.append(3)
        writer.append(2, TYPE_FILL)
    reader = JournalReader(tmp_path)
    records = reader.batch()
    assert records["seq"].tolist() == list(range(1, 51))
    fills = reader.payloads(records, "FILL")
    assert (len(fills), fills["qty"].tolist(), fills["trade_id"][0]) == (20, [7] * 20, b"t4")
    assert len(reader.payloads(records, "QUOTE")) == 0
    with pytest.raises(ValueError, match="TIMER has no payload"):
        reader.payloads(records, "TIMER")


def test_a_record_that_is_only_partly_there_is_waited_for(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(2)
    reader = JournalReader(tmp_path)
    assert seqs(reader) == [1, 2]
    whole = writer.record()
    for size in (1, 100, 255):
        with writer.path.open("r+b") as file:
            file.seek(writer.record_offset(2))
            file.write(whole[:size])
        assert seqs(reader) == []
        assert reader.damage is None
    with writer.path.open("r+b") as file:
        file.seek(writer.record_offset(2))
        file.write(whole)
    assert seqs(reader) == [3]


@given(at=some.integers(0, 10 * 256 - 1), bit=some.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_any_flipped_bit_ends_the_readable_part_there(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    writer = JournalWriter(folder)
    writer.append(10, TYPE_QUOTE)
    data = bytearray(writer.path.read_bytes())
    data[writer.record_offset(0) + at] ^= 1 << bit
    writer.path.write_bytes(data)
    reader = JournalReader(folder)
    assert seqs(reader) == list(range(1, at // 256 + 1))
    assert reader.damage is not None
    assert (reader.damage.seq, reader.damage.path) == (at // 256 + 1, writer.path)


@given(cut=some.integers(0, 5 * 256))
@settings(max_examples=100, deadline=None)
def test_a_truncated_file_gives_its_whole_records(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    writer = JournalWriter(folder)
    writer.append(5)
    data = writer.path.read_bytes()
    writer.path.write_bytes(data[: len(data) - cut])
    reader = JournalReader(folder)
    assert seqs(reader) == list(range(1, (5 * 256 - cut) // 256 + 1))
    assert reader.damage is None


def test_a_missing_or_swapped_record_is_damage(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(4)
    data = writer.path.read_bytes()
    second, third, fourth = (writer.record_offset(index) for index in (1, 2, 3))
    writer.path.write_bytes(data[:second] + data[third:])
    assert seqs(JournalReader(tmp_path)) == [1]
    writer.path.write_bytes(data[:second] + data[third:fourth] + data[second:third] + data[fourth:])
    assert seqs(JournalReader(tmp_path)) == [1]


@given(stops=some.lists(some.integers(1, 40), max_size=5), rolls=some.sets(some.integers(1, 39), max_size=3))
@settings(max_examples=100, deadline=None)
def test_a_reader_goes_on_where_another_stopped(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int], rolls: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("resume")
    writer = JournalWriter(folder)
    for number in range(40):
        if number in rolls:
            writer.roll()
        writer.append()
    found: list[int] = []
    next_seq = 1
    for count in [*stops, 1000]:
        reader = JournalReader(folder, 1, next_seq)
        found += reader.batch(count)["seq"].tolist()
        next_seq = reader.next_seq
    found += seqs(JournalReader(folder, 1, next_seq))
    assert found == list(range(1, 41))


def test_a_part_that_does_not_continue_the_one_before_is_damage(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(3)
    writer.crc ^= 1
    writer.roll()
    writer.append(2)
    reader = JournalReader(tmp_path)
    assert seqs(reader) == [1, 2, 3]
    assert reader.damage is not None
    assert "does not continue" in reader.damage.reason


def test_an_altered_header_text_is_an_error(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append()
    data = writer.path.read_bytes()
    writer.path.write_bytes(data.replace(b"JOURNAL_TIMER", b"JOURNAL_TIMES"))
    with pytest.raises(JournalError, match="head or header text is altered"):
        JournalReader(tmp_path).batch()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin with a journal's head"),
        (bytes(200), "does not begin with a journal's head"),
        (b"ARBEDKJ1" + b"\xff" * 200, "text_size = 4294967295, greatest 1048576"),
    ],
)
def test_a_file_that_is_no_journal_is_an_error_with_its_path(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "0000000001-00000.aj"
    path.write_bytes(data)
    with pytest.raises(JournalError, match=reason) as raised:
        JournalReader(tmp_path).batch()
    assert raised.value.path == str(path)


def test_text_that_is_no_header_is_an_error(tmp_path: Path) -> None:
    JournalWriter(tmp_path, text="struct journal_record { not C").append()
    with pytest.raises(JournalError, match="header text cannot be read"):
        JournalReader(tmp_path).batch()


def test_a_journal_of_another_build_is_read_by_its_own_text(tmp_path: Path) -> None:
    text = header_path("journal.h").read_text()
    older = text.replace("JOURNAL_TIMER = 26", "JOURNAL_ALARM_CLOCK = 26").replace(
        "int64_t fee_e8;", "int64_t cost_e8;"
    )
    assert older != text
    writer = JournalWriter(tmp_path, text=older)
    writer.append()
    writer.append(1, TYPE_FILL)
    clock, fill = JournalReader(tmp_path)
    assert clock.type == "ALARM_CLOCK"
    assert fill.payload["cost_e8"] == 15


def test_an_empty_or_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="holds no journal"):
        JournalReader(tmp_path)
    with pytest.raises(JournalError, match="cannot be listed"):
        JournalReader(tmp_path / "none")
    assert len(JournalReader(tmp_path, generation=3).batch()) == 0


def test_a_position_that_is_not_on_disk(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(3)
    ahead = JournalReader(tmp_path, 1, 6)
    assert seqs(ahead) == []
    writer.append(4)
    assert seqs(ahead) == [6, 7]
    with pytest.raises(ValueError, match="from_seq = 0: least is 1"):
        JournalReader(tmp_path, 1, 0)
    writer.roll()
    (tmp_path / "0000000001-00000.aj").unlink()
    with pytest.raises(JournalError, match="begins with record 8, record 2 is gone"):
        JournalReader(tmp_path, 1, 2).batch()


def test_follow_crosses_parts_and_generations_while_they_grow(tmp_path: Path) -> None:
    first = JournalWriter(tmp_path, 1)

    def write() -> None:
        for turn in range(10):
            first.append(5)
            if turn % 4 == 3:
                first.roll()
            time.sleep(0.01)
        second = JournalWriter(tmp_path, 4)
        second.append(5)

    wanted = [(1, seq) for seq in range(1, 51)] + [(4, seq) for seq in range(1, 6)]
    thread = threading.Thread(target=write)
    thread.start()
    deadline = time.monotonic() + 10
    found = []
    for record in JournalReader(tmp_path).follow(lambda: time.monotonic() > deadline, poll_s=0.001):
        found.append((record.generation, record.seq))
        if len(found) == len(wanted):
            break
    thread.join()
    assert found == wanted


def test_reading_a_whole_file_is_fast(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(2000)
    start, count = time.perf_counter(), 0
    reader = JournalReader(tmp_path)
    while len(records := reader.batch()):
        count += len(records)
        assert np.all(records["generation"] == 1)
    assert count == 2000
    assert time.perf_counter() - start < 0.5


def test_bridge_opens_the_journal_of_the_run_file_also_after_death(double: EngineDouble, bridge: CEngineBridge) -> None:
    JournalWriter(double.home / "journal", 1).append(3)
    JournalWriter(double.home / "journal", 2).append(1)
    assert seqs(bridge.journal()) == [1, 2, 3]
    assert seqs(bridge.journal(generation=2)) == [1]
    assert seqs(bridge.journal(from_seq=3)) == [3]
    double.run["pid"] = 2**22 + 5
    double.write_run_file()
    assert seqs(bridge.journal()) == [1, 2, 3]
    double.run_file.unlink()
    with pytest.raises(EngineDown):
        bridge.journal()
    (double.home / "state" / "double").mkdir(parents=True)
    (double.home / "journal").rename(double.home / "state" / "double" / "journal")
    assert (bridge.journal().generation, bridge.journal(generation=1).generation) == (2, 1)
