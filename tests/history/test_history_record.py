"""Protects the engine's recorded quotes on their way from the journal into the store: none lost, none doubled, prices
in the market's units, simulated ones labelled; also when the copying is killed between its two steps."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from history_rows import REAL, bars
from journal_writer import WALL_OFFSET_NS, JournalWriter

from dashboard.backtest.history import HistoryError, HistoryStore
from dashboard.backtest.history import recording as recording_module
from dashboard.backtest.history.recording import record_quotes

ALL = (0, 2**62)
START, SYMBOL, VENUE, SNAPSHOT_END, QUOTE = 1, 2, 3, 10, 11
SIM, PAPER = 1, 2


class Journal(JournalWriter):
    """A generation of instance "sim" with two venues and one symbol of 2 price and 5 quantity digits."""

    def __init__(self, directory: Path, generation: int = 1, mode: int = SIM) -> None:
        super().__init__(directory, generation)
        head = struct.pack("<QQqQ6I", generation, 0, WALL_OFFSET_NS, 0, mode, 1, 2, 1, 2, 1)
        self.put(START, head + bytes(64) + b"sim".ljust(32, b"\0") + b"1".ljust(32, b"\0"))
        self.put(SYMBOL, struct.pack("<4q6I32s", 1, 1, 1, 1, 0, 2, 5, 0, 1, 3, b"BTCUSDT"))
        for index, name in enumerate((b"binance", b"mexc")):
            self.put(VENUE, struct.pack("<II16s16s", index, 0, name, name))
        self.put(SNAPSHOT_END)

    def put(self, kind: int, payload: bytes = b"") -> None:
        with self.path.open("ab") as file:
            file.write(self.record(kind, payload))

    def quote(self, venue: int, bid: int, ask: int) -> None:
        """Core time is the sequence number in microseconds (see JournalWriter); received 10 ns earlier."""
        received = (self.seq + 1) * 1000 - 10
        self.put(QUOTE, struct.pack("<5qQII", bid, 150_000, ask, 250_000, received, 77, 0, venue))


def test_quotes_come_with_prices_times_and_the_label_of_the_simulation(store: HistoryStore, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.quote(0, 6_500_012, 6_500_100)
    journal.quote(1, 6_500_099, 0)
    report = record_quotes(store, tmp_path / "journal")
    assert (report.generation, report.quotes, report.next_seq) == (1, 2, journal.seq + 1)
    found = store.quotes("binance", "BTCUSDT", *ALL)
    assert (found.bid.tolist(), found.ask.tolist()) == ([65000.12], [65001.0])
    assert (found.bid_qty.tolist(), found.ask_qty.tolist()) == ([1.5], [2.5])
    assert found.ts_ns.tolist() == [WALL_OFFSET_NS + 6000] and found.recv_ns.tolist() == [WALL_OFFSET_NS + 5990]
    assert found.venue_seq.tolist() == [77]
    assert found.synthetic and found.source == "engine sim (SIM)"
    assert store.quotes("mexc", "BTCUSDT", *ALL).ask.tolist() == [0.0]


def test_recording_goes_on_where_it_was_also_in_the_next_part(store: HistoryStore, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    bids: list[int] = []
    for step in range(6):
        for _ in range(50):
            bids.append(1000 + len(bids))
            journal.quote(0, bids[-1], 9000)
        if step == 3:
            journal.roll()
        assert record_quotes(store, tmp_path / "journal", flush_quotes=20).quotes == 50
    assert record_quotes(store, tmp_path / "journal").quotes == 0
    found = store.quotes("binance", "BTCUSDT", *ALL)
    assert [round(bid * 100) for bid in found.bid] == bids
    (entry,) = store.list()
    assert (entry.rows, entry.gaps) == (300, 0), "what was copied in pieces was recorded without a gap"


def test_killed_between_rows_and_position_nothing_is_doubled(
    store: HistoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal")
    for bid in range(100):
        journal.quote(0, 1000 + bid, 9000)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(recording_module, "_keep_position", die)
        record_quotes(store, tmp_path / "journal")
    assert store.list()[0].rows == 100
    report = record_quotes(store, tmp_path / "journal")
    assert report.sets["binance", "BTCUSDT"].unchanged == 100
    assert store.list()[0].rows == 100


def test_a_generation_after_the_other_makes_a_gap_between_them(store: HistoryStore, tmp_path: Path) -> None:
    for generation in (1, 2):
        journal = Journal(tmp_path / "journal", generation)
        if generation == 2:
            journal.append(1000)  # time goes by without a quote
        journal.quote(0, 1000 + generation, 9000)
        assert record_quotes(store, tmp_path / "journal").generation == generation
    (entry,) = store.list()
    assert (entry.rows, entry.gaps) == (2, 1)
    assert store.missing("binance", "BTCUSDT", "quotes", entry.first_ns, entry.last_ns + 1) != []


def test_simulated_quotes_never_join_those_of_a_market(store: HistoryStore, tmp_path: Path) -> None:
    Journal(tmp_path / "paper", mode=PAPER).quote(0, 1000, 9000)
    record_quotes(store, tmp_path / "paper")
    assert store.list()[0].synthetic is False
    Journal(tmp_path / "sim", 2).quote(0, 1000, 9000)
    with pytest.raises(HistoryError, match="never mixed"):
        record_quotes(store, tmp_path / "sim")
    assert store.list()[0].rows == 1


def test_a_head_that_is_not_whole_is_refused(store: HistoryStore, tmp_path: Path) -> None:
    JournalWriter(tmp_path / "journal").append(3)
    with pytest.raises(HistoryError, match="the head of generation 1 is not complete"):
        record_quotes(store, tmp_path / "journal")


def test_quotes_and_candles_live_side_by_side(store: HistoryStore, tmp_path: Path) -> None:
    store.write_candles("binance", "BTCUSDT", bars(range(3)), REAL)
    Journal(tmp_path / "journal").quote(0, 1000, 9000)
    record_quotes(store, tmp_path / "journal")
    assert [(entry.kind, entry.rows) for entry in store.list()] == [("candles_1m", 3), ("quotes", 1)]


@pytest.mark.system
def test_the_engines_own_recording_is_copied_quote_for_quote(
    arbdeck_home: Path, engine_binary: Path, free_port: Callable[[], int]
) -> None:
    from tests.system.desk import Desk

    desk = Desk(arbdeck_home, engine_binary, free_port)
    desk.engine_config(lambda document: document.update(record_quotes=True))
    try:
        desk.start_venues()
        desk.start_engine()
        bridge = desk.connect()
        desk.wait_state(bridge, "ACTIVE")
        journal = arbdeck_home / "state" / desk.instance / "journal"
        store = HistoryStore(arbdeck_home / "history")
        desk.wait(lambda: record_quotes(store, journal).quotes and sum(entry.rows for entry in store.list()) > 300, 30)
        desk.kill("engine")
        record_quotes(store, journal)
        seen = [r for r in bridge.journal(from_seq=1) if r.type == "QUOTE"]
        bridge.close()
    finally:
        desk.stop()
    entries = store.list()
    assert {entry.venue for entry in entries} == {"binance", "mexc"} and all(entry.synthetic for entry in entries)
    assert sum(entry.rows for entry in entries) == len(seen)
