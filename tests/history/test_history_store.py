"""Protects what a backtest is fed: rows come back as they went in, once and in order; what cannot be true is named;
real and invented data never mix; a write that dies leaves what was there."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from history_rows import INVENTED, MINUTE, NOW, REAL, ROOT, T0, bars
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.backtest.history import HistoryError, HistoryStore, missing_text
from dashboard.backtest.history.files import writer_lock
from dashboard.backtest.history.ranges import subtract, union

KEY = ("binance", "BTCUSDT")
ALL = (0, 2**62)


def minutes_of(store: HistoryStore, *span: int) -> list[int]:
    found = store.candles(*KEY, *(span or ALL))
    return [int(at - T0) // MINUTE for at in found.ts_ns]


def test_candles_come_back_bit_for_bit(store: HistoryStore) -> None:
    rng = np.random.default_rng(1)
    close = rng.uniform(1, 2, 100)
    columns = bars(range(100)) | {"close": close, "open": close, "high": close + 1, "low": close / 2}
    report = store.write_candles(*KEY, columns, REAL)
    assert (report.added, report.replaced, report.refused_count) == (100, 0, 0)
    found = store.candles(*KEY, *ALL)
    for name, values in columns.items():
        assert np.array_equal(getattr(found, name), values), name
    assert found.source == "test" and found.synthetic is False and len(found.sha256) == 64
    assert store.problems() == {"binance BTCUSDT candles_1m": []}


def test_a_range_is_half_open(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars(range(10)), REAL)
    assert minutes_of(store, T0 + 2 * MINUTE, T0 + 5 * MINUTE) == [2, 3, 4]
    assert minutes_of(store, T0 + 2 * MINUTE + 1, T0 + 5 * MINUTE + 1) == [3, 4, 5]
    assert minutes_of(store, T0 - 5 * MINUTE, T0) == []


def test_the_hash_is_of_the_rows_and_not_of_the_files(store: HistoryStore, tmp_path: Path) -> None:
    store.write_candles(*KEY, bars(range(100)), REAL)
    other = HistoryStore(tmp_path / "other")
    for first in (50, 0):
        other.write_candles(*KEY, bars(range(first, first + 50)), REAL)
    assert store.candles(*KEY, *ALL).sha256 == other.candles(*KEY, *ALL).sha256
    assert store.candles(*KEY, T0, T0 + MINUTE).sha256 != store.candles(*KEY, *ALL).sha256


def test_unordered_and_doubled_rows_become_ordered_and_the_last_one_is_kept(store: HistoryStore) -> None:
    columns = {name: np.concatenate([bars([3, 1, 2])[name], bars([1], price=50.0)[name]]) for name in bars([1])}
    store.write_candles(*KEY, columns, REAL)
    found = store.candles(*KEY, *ALL)
    assert minutes_of(store) == [1, 2, 3]
    assert found.close.tolist() == [50.0, 100.0, 100.0]


def test_writing_the_same_rows_again_changes_nothing(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars(range(100)), REAL)
    before = sorted(path.name for path in store.root.rglob("*.parquet"))
    report = store.write_candles(*KEY, bars(range(100)), REAL)
    assert (report.added, report.replaced, report.unchanged) == (0, 0, 100)
    assert sorted(path.name for path in store.root.rglob("*.parquet")) == before
    assert store.write_candles(*KEY, bars([5], price=7.0), REAL).replaced == 1


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("high", 99.0, "high is below open, close or low"),
        ("low", 100.5, "low is above open or close"),
        ("close", float("nan"), "a price is missing or not above 0"),
        ("open", 0.0, "a price is missing or not above 0"),
        ("low", -1.0, "a price is missing or not above 0"),
        ("high", float("inf"), "a price is missing or not above 0"),
        ("volume", -1.0, "volume is missing or below 0"),
        ("volume", float("nan"), "volume is missing or below 0"),
        ("ts_ns", T0 + 5 * MINUTE + 1, "the time is not on the minute"),
        ("ts_ns", 0, "the time is before 1970"),
    ],
)
def test_a_row_that_cannot_be_true_is_left_out_and_named(
    store: HistoryStore, field: str, value: float, sentence: str
) -> None:
    columns = bars(range(10))
    columns[field][5] = value
    report = store.write_candles(*KEY, columns, REAL)
    assert (report.added, report.refused_count) == (9, 1)
    assert report.refused[0].startswith("row 6, ") and sentence in report.refused[0]
    assert 5 not in minutes_of(store)


def test_a_bar_without_volume_is_kept_as_such(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars([0], volume=0.0), REAL)
    assert store.candles(*KEY, *ALL).volume.tolist() == [0.0]


def test_missing_minutes_are_gaps_and_were_asked_for(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars([0, 1, 5, 6, 100]), REAL)
    (entry,) = store.list()
    assert (entry.rows, entry.gaps, entry.missing) == (5, 2, 3 + 93)
    assert store.gaps(*KEY, "candles_1m") == (
        (T0 + 2 * MINUTE, T0 + 5 * MINUTE),
        (T0 + 7 * MINUTE, T0 + 100 * MINUTE),
    )
    assert store.missing(*KEY, "candles_1m", T0, T0 + 101 * MINUTE) == []


def test_gaps_between_two_months_are_counted(store: HistoryStore) -> None:
    last_of_march = 31 * 1440 - 1
    store.write_candles(*KEY, bars([last_of_march - 1, last_of_march + 3]), REAL)
    assert len(list(store.root.rglob("*.parquet"))) == 2
    assert (store.list()[0].gaps, store.list()[0].missing) == (1, 3)


def test_a_silence_of_more_than_a_day_was_not_asked_for(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars([0, 5000]), REAL)
    assert store.missing(*KEY, "candles_1m", T0, T0 + 5001 * MINUTE) == [(T0 + MINUTE, T0 + 5000 * MINUTE)]


def test_what_was_never_asked_for_is_missing_up_to_now(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars([10, 11]), REAL, covered=(T0 + 5 * MINUTE, T0 + 20 * MINUTE))
    ask = ("candles_1m", T0, T0 + 30 * MINUTE)
    assert store.missing(*KEY, *ask) == [(T0, T0 + 5 * MINUTE), (T0 + 20 * MINUTE, T0 + 30 * MINUTE)]
    assert store.missing("mexc", "BTCUSDT", *ask) == [(T0, T0 + 30 * MINUTE)]
    assert store.missing(*KEY, "candles_1m", NOW - MINUTE, NOW + 9 * MINUTE) == [(NOW - MINUTE, NOW)]
    text = missing_text(*KEY, "candles_1m", store.missing(*KEY, *ask))
    assert "2023-03-01T00:00Z to 2023-03-01T00:05Z and 1 more" in text
    assert "arbdeck data fetch --venue binance --symbol BTCUSDT --from 2023-03-01T00:00Z --to 2023-03-01T00:30Z" in text


def test_real_and_invented_rows_are_never_mixed(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars([0]), REAL)
    with pytest.raises(HistoryError, match=r"is real data \(test\), these rows are invented: they are never mixed"):
        store.write_candles(*KEY, bars([1]), INVENTED)
    assert minutes_of(store) == [0]


@pytest.mark.parametrize(
    ("venue", "symbol", "kind"),
    [("../x", "BTCUSDT", "candles_1m"), ("Binance", "BTCUSDT", "candles_1m"), ("", "B", "candles_1m"),
     ("binance", "btcusdt", "candles_1m"), ("binance", "BTC/USDT", "candles_1m"), ("binance", "BTCUSDT", "candles")],
)  # fmt: skip
def test_names_that_are_no_names_are_refused(store: HistoryStore, venue: str, symbol: str, kind: str) -> None:
    with pytest.raises(HistoryError, match="allowed are"):
        store.missing(venue, symbol, kind, T0, NOW)


def test_columns_of_wrong_form_are_refused(store: HistoryStore) -> None:
    with pytest.raises(HistoryError, match="column ts_ns is float64"):
        store.write_candles(*KEY, bars([0]) | {"ts_ns": np.array([1.5])}, REAL)
    with pytest.raises(HistoryError, match="different lengths"):
        store.write_candles(*KEY, bars([0, 1]) | {"close": np.array([1.0])}, REAL)


def test_quotes_of_one_time_are_all_kept_and_known_again(store: HistoryStore) -> None:
    at = np.array([T0, T0, T0 + 5], dtype=np.int64)
    quotes = {"ts_ns": at, "bid": np.array([1.0, 2.0, 0.0]), "ask": np.array([3.0, 3.0, 3.0])}
    quotes |= {"bid_qty": np.ones(3), "ask_qty": np.ones(3)}
    assert store.write_quotes(*KEY, quotes, REAL).added == 3
    assert store.write_quotes(*KEY, quotes, REAL).unchanged == 3
    found = store.quotes(*KEY, *ALL)
    assert found.bid.tolist() == [1.0, 2.0, 0.0] and found.ts_ns.tolist() == at.tolist()


def test_a_changed_file_is_found(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars(range(10)), REAL)
    (path,) = store.root.rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (problems,) = store.problems().values()
    assert "its SHA-256 is not" in problems[0]
    path.unlink()
    assert store.problems()["binance BTCUSDT candles_1m"] == [f"{path} is gone"]
    with pytest.raises(HistoryError, match="arbdeck data check"):
        store.candles(*KEY, *ALL)


def test_a_manifest_of_another_version_is_refused_with_both(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars([0]), REAL)
    (path,) = store.root.rglob("manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(HistoryError, match="version = 99, this program reads 1"):
        store.candles(*KEY, *ALL)


def test_the_shipped_sample_is_read_where_the_home_has_nothing_and_says_that_it_is_invented() -> None:
    store = HistoryStore(Path("/nonexistent/history"), sample=ROOT / "config" / "history-sample")
    entries = store.list()
    assert {(e.venue, e.symbol) for e in entries} == {
        (v, s) for v in ("binance", "mexc") for s in ("BTCUSDT", "ETHUSDT")
    }
    assert all(e.synthetic and e.shipped and "invented" in e.source for e in entries)
    found = store.candles(*KEY, *ALL)
    assert len(found) == entries[0].rows and found.synthetic and (found.volume == 0).any()
    assert store.missing(*KEY, "candles_1m", entries[0].first_ns, entries[0].last_ns + MINUTE) == []
    size = sum(path.stat().st_size for path in (ROOT / "config" / "history-sample").rglob("*"))
    assert size < 1_500_000
    # Before the first market: it cannot be compared with real prices of its time.
    assert entries[0].last_ns < 1_230_768_000 * 1_000_000_000


def test_the_shipped_sample_has_gaps_worth_more_than_the_fees() -> None:
    store = HistoryStore(Path("/nonexistent/history"), sample=ROOT / "config" / "history-sample")
    a, b = (store.candles(venue, "BTCUSDT", *ALL) for venue in ("binance", "mexc"))
    _, at_a, at_b = np.intersect1d(a.ts_ns, b.ts_ns, return_indices=True)
    apart_bps = (b.open[at_b] / a.open[at_a] - 1) * 1e4
    assert (apart_bps > 30).sum() >= 20 and (apart_bps < -30).sum() >= 20
    assert np.median(np.abs(apart_bps)) < 5


# ---- ranges ----

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


@given(RANGES, RANGES)
@settings(max_examples=300, deadline=None)
def test_ranges_are_sets_of_their_points(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def points(ranges: list[tuple[int, int]]) -> set[int]:
        return {point for start, end in ranges for point in range(start, end)}

    assert points(union(one + other)) == points(one) | points(other)
    assert points(subtract(one, other)) == points(one) - points(other)
    for found in (union(one), subtract(one, other)):
        assert all(a[1] < b[0] for a, b in pairwise(found)) and all(s < e for s, e in found)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(1, 9)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_overlapping_writes_give_what_a_plain_table_gives(writes: list[tuple[int, int, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = HistoryStore(Path(folder), clock=lambda: NOW)
        model: dict[int, float] = {}
        base = 31 * 1440 - 30  # across the end of a month
        for start, count, price in writes:
            before = dict(model)
            minutes = [base + start + i for i in range(count)]
            report = store.write_candles(*KEY, bars(minutes, price=float(price)), REAL)
            model |= dict.fromkeys(minutes, float(price))
            assert report.added == len(model) - len(before)
            assert report.replaced == sum(before[m] != price for m in minutes if m in before)
        found = store.candles(*KEY, *ALL)
        assert dict(zip(minutes_of(store), found.close.tolist(), strict=True)) == model
        assert minutes_of(store) == sorted(model)
        asked = store.missing(*KEY, "candles_1m", T0 + base * MINUTE, T0 + (base + 100) * MINUTE)
        left = {m for s, e in asked for m in range((s - T0) // MINUTE, (e - T0) // MINUTE)}
        assert not left & set(model)
        assert store.problems() == {"binance BTCUSDT candles_1m": []}


# ---- two processes ----


def _write_some(root: Path, worker: int) -> None:
    store = HistoryStore(root)
    for step in range(20):
        store.write_candles(*KEY, bars(range(worker * 1000 + step * 10, worker * 1000 + step * 10 + 10)), REAL)


def test_two_writers_and_a_reader_at_once_lose_nothing(store: HistoryStore) -> None:
    context = multiprocessing.get_context("spawn" if threading.active_count() > 1 else "fork")
    writers = [context.Process(target=_write_some, args=(store.root, worker)) for worker in range(2)]
    for writer in writers:
        writer.start()
    lengths = [0]
    while any(writer.is_alive() for writer in writers):
        lengths.append(len(store.candles(*KEY, *ALL)))
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert lengths == sorted(lengths)
    assert minutes_of(store) == [*range(200), *range(1000, 1200)]
    assert store.problems() == {"binance BTCUSDT candles_1m": []}


def test_a_writer_that_waits_too_long_says_so(store: HistoryStore, tmp_path: Path) -> None:
    with (
        writer_lock(tmp_path / "x"),
        pytest.raises(HistoryError, match="is being written by another process"),
        writer_lock(tmp_path / "x", wait_s=0.1),
    ):
        pass


WRITER = """
    import sys
    from pathlib import Path
    sys.path[:0] = [{root!r}, {tests!r}]
    from history_rows import REAL, bars
    from dashboard.backtest.history import HistoryStore
    store = HistoryStore(Path({store!r}))
    for minute in range(0, 10**6, 50):
        store.write_candles("binance", "BTCUSDT", bars(range(minute, minute + 50)), REAL)
        print(minute + 50, flush=True)
"""


def test_a_writer_killed_anywhere_leaves_a_whole_store(store: HistoryStore) -> None:
    rng = random.Random(7)
    tests = str(Path(__file__).parent)
    code = textwrap.dedent(WRITER.format(root=str(ROOT), tests=tests, store=str(store.root)))
    for _ in range(5):
        process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        said = [line for line in process.stdout.read().split("\n") if line]
        process.wait(10)
        process.stdout.close()
        there = minutes_of(store)
        assert there == list(range(len(there))) and len(there) % 50 == 0
        assert len(there) >= int(said[-1] if said else 50)
        assert store.problems() == {"binance BTCUSDT candles_1m": []}
    store.write_candles(*KEY, bars([0]), REAL)
    left = [path.name for path in store.root.rglob("*") if "unfinished" in path.name]
    assert left == [], "what a killed writer began is swept away by the next write"


def test_a_row_is_never_seen_twice_by_any_reader(store: HistoryStore) -> None:
    store.write_candles(*KEY, bars(range(100)), REAL)
    stop = threading.Event()
    wrong: list[Any] = []

    def read() -> None:
        while not stop.is_set():
            found = store.candles(*KEY, *ALL)
            if len(found) != 100 or len(set(found.close.tolist())) != 1:
                wrong.append(found.close.tolist())

    reader = threading.Thread(target=read)
    reader.start()
    for price in range(1, 30):
        store.write_candles(*KEY, bars(range(100), price=float(price)), REAL)
    stop.set()
    reader.join(10)
    assert wrong == []
