"""Protects the reading of people's own files: time units, time zones with their changes of clock, bars stamped at their
close, columns under other names; what could be misread is refused with the way to say it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from history_rows import MINUTE, T0

from dashboard.backtest.history import HistoryError, HistoryStore
from dashboard.backtest.history.exporting import export_history
from dashboard.backtest.history.importing import ImportOptions, plan_import, run_import
from dashboard.backtest.history.times import times_of

ALL = (0, 2**62)
OPTIONS = {"venue": "binance", "symbol": "BTCUSDT"}


def csv_of(tmp_path: Path, times: list[Any], header: str = "time,open,high,low,close,volume") -> Path:
    path = tmp_path / "rows.csv"
    lines = [f"{at},{100 + i},{110 + i},90,{105 + i},{i}" for i, at in enumerate(times)]
    path.write_text("\n".join(([header] if header else []) + lines) + "\n")
    return path


def opens(path: Path, **options: Any) -> list[int]:
    (found,) = plan_import(path, ImportOptions(**(OPTIONS | options))).sets
    return [int(at) for at in found.columns["ts_ns"]]


@pytest.mark.parametrize(("unit", "scale"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
def test_the_unit_of_numbers_is_known_by_their_size(tmp_path: Path, unit: str, scale: int) -> None:
    times = [(T0 + i * MINUTE) // scale for i in range(3)]
    path = csv_of(tmp_path, times)
    assert opens(path) == [T0, T0 + MINUTE, T0 + 2 * MINUTE]
    assert f"numbers, {unit} since 1970 (by their size)" in plan_import(path, ImportOptions(**OPTIONS)).facts[1]
    assert opens(path, time_unit=unit) == opens(path)


def test_a_file_that_changes_from_milliseconds_to_microseconds_is_read_row_by_row(tmp_path: Path) -> None:
    path = csv_of(tmp_path, [T0 // 10**6, (T0 + MINUTE) // 10**3])
    assert opens(path) == [T0, T0 + MINUTE]
    assert "ms and us" in plan_import(path, ImportOptions(**OPTIONS)).facts[1]


@pytest.mark.parametrize("value", [1_677_628_800.25, "1677628800.25"])
def test_seconds_with_a_fraction_keep_their_nanoseconds(value: float | str) -> None:
    column = pa.chunked_array([[value]])
    assert times_of(column, "t").ns.tolist() == [T0 + 250_000_000]


@pytest.mark.parametrize(
    "text",
    [
        "2023-03-01 00:00:00",
        "2023-03-01T00:00",
        "2023-03-01T00:00:00Z",
        "2023-03-01 01:00:00+01:00",
        "2023-02-28T19:00:00-0500",
    ],
)
def test_texts_are_read_with_their_zone_or_as_utc(tmp_path: Path, text: str) -> None:
    assert opens(csv_of(tmp_path, [text])) == [T0]


def test_local_times_become_utc_also_in_summer(tmp_path: Path) -> None:
    path = csv_of(tmp_path, ["2023-03-01 01:00:00", "2023-07-01 02:00:00"])
    july = int(datetime(2023, 7, 1, tzinfo=UTC).timestamp()) * 10**9
    assert opens(path, time_zone="Europe/Berlin") == [T0, july]


def test_the_hour_that_a_clock_shows_twice_is_told_apart_by_the_order(tmp_path: Path) -> None:
    start = int(datetime(2023, 10, 28, 23, 30, tzinfo=UTC).timestamp())
    stamps = [start + 60 * i for i in range(240)]
    local = [datetime.fromtimestamp(at, ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%d %H:%M:%S") for at in stamps]
    assert len(set(local)) == 180
    assert opens(csv_of(tmp_path, local), time_zone="Europe/Berlin") == [at * 10**9 for at in stamps]


def test_half_of_the_doubled_hour_cannot_be_told_and_is_refused(tmp_path: Path) -> None:
    path = csv_of(tmp_path, [f"2023-10-29 02:{minute:02}:00" for minute in range(60)])
    with pytest.raises(HistoryError, match="row 1 .* is in the hour that Europe/Berlin has twice"):
        opens(path, time_zone="Europe/Berlin")


def test_a_time_that_the_clock_never_showed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="a time that this clock never showed"):
        opens(csv_of(tmp_path, ["2023-03-26 02:30:00"]), time_zone="Europe/Berlin")


def test_an_unknown_zone_is_refused_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="time zone = 'Mars/Base': allowed are UTC and IANA names"):
        opens(csv_of(tmp_path, ["2023-03-01 00:00:00"]), time_zone="Mars/Base")


@pytest.mark.parametrize("early_ms", [0, 1])
def test_a_bar_stamped_at_its_close_opens_a_minute_before(tmp_path: Path, early_ms: int) -> None:
    times = [(T0 + (i + 1) * MINUTE) // 10**6 - early_ms for i in range(3)]
    path = csv_of(tmp_path, times)
    assert opens(path, stamp="close") == [T0, T0 + MINUTE, T0 + 2 * MINUTE]
    path = csv_of(tmp_path, times, "close_time,open,high,low,close,volume")
    assert opens(path) == [T0, T0 + MINUTE, T0 + 2 * MINUTE], "the column's name says it"


def test_closes_taken_for_opens_are_noticed(tmp_path: Path) -> None:
    path = csv_of(tmp_path, [(T0 + MINUTE) // 10**6 - 1, (T0 + 2 * MINUTE) // 10**6 - 1])
    with pytest.raises(HistoryError, match="all times are the ends of minutes.*--stamp close"):
        opens(path)
    with pytest.raises(HistoryError, match="is not the close of a minute"):
        opens(csv_of(tmp_path, [(T0 + MINUTE // 2) // 10**6]), stamp="close")


def test_bars_of_five_minutes_are_not_taken_for_bars_of_one(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="bars of 5 minutes; allowed are bars of one minute"):
        opens(csv_of(tmp_path, [(T0 + 5 * i * MINUTE) // 10**6 for i in range(5)]))


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = csv_of(tmp_path, [T0 // 10**6], "When,First,Top,Bottom,Last,Amount")
    with pytest.raises(HistoryError, match="no column is known as the time; name it with --time-column .*When, First"):
        opens(path)
    named = {"time": "When", "open": "First", "high": "Top", "low": "Bottom", "close": "Last"}
    with pytest.raises(HistoryError, match="no column is known as volume"):
        opens(path, columns=named)
    assert opens(path, columns=named | {"volume": "Amount"}) == [T0]
    with pytest.raises(HistoryError, match=r"column open = 'Frist': .* has When, First, Top"):
        opens(path, columns=named | {"open": "Frist"})


def test_the_archive_of_binance_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m-2025-01-01.csv"
    path.write_text(f"{T0 // 1000},1,2,0.5,1.5,7,{(T0 + MINUTE) // 1000 - 1},9,3,1,1,0\n")
    plan = plan_import(path, ImportOptions(**OPTIONS))
    assert plan.facts[0].startswith("no header: columns taken as open_time, open, high")
    assert plan.sets[0].rows_text() == ["2023-03-01T00:00Z  open 1  high 2  low 0.5  close 1.5  volume 7"]


def test_a_long_table_brings_all_its_markets_and_an_option_picks(tmp_path: Path, store: HistoryStore) -> None:
    rows = [
        {"ts": T0 // 10**6 + 60_000 * i, "venue": v, "symbol": s, "volume": 0.0}
        | dict.fromkeys(("open", "high", "low", "close"), 1.0)
        for v in ("kraken", "bybit")
        for s in ("BTCUSD", "ETHUSD")
        for i in range(3)
    ]
    path = tmp_path / "all.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    plan = plan_import(path, ImportOptions())
    assert [str(found.key) for found in plan.sets] == [
        f"{v} {s} candles_1m" for v in ("bybit", "kraken") for s in ("BTCUSD", "ETHUSD")
    ]
    assert {report.added for report in run_import(store, plan).values()} == {3}
    assert store.candles("kraken", "ETHUSD", *ALL).source == "file all.parquet"
    assert len(plan_import(path, ImportOptions(venue="kraken", symbol="BTCUSD")).sets) == 1
    with pytest.raises(HistoryError, match="venue = 'krakn': .* has bybit, kraken"):
        plan_import(path, ImportOptions(venue="krakn"))


def test_a_file_without_venue_needs_one_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="has no column venue: say --venue NAME"):
        plan_import(csv_of(tmp_path, [T0 // 10**6]), ImportOptions(symbol="BTCUSDT"))


def test_a_few_wrong_rows_are_named_and_many_refuse_the_file(tmp_path: Path, store: HistoryStore) -> None:
    times = [(T0 + i * MINUTE) // 10**6 for i in range(200)]
    path = csv_of(tmp_path, times)
    text = path.read_text().split("\n")
    text[8] = text[8].replace(",90,", ",900,")
    path.write_text("\n".join(text))
    (report,) = run_import(store, plan_import(path, ImportOptions(**OPTIONS))).values()
    assert (report.added, report.refused_count) == (199, 1)
    assert report.refused[0].startswith("row 8, 2023-03-01T00:07Z: high is below")
    path.write_text(path.read_text().replace(",90,", ",900,"))
    with pytest.raises(HistoryError, match="200 of 200 rows cannot be true, the first: row 1"):
        plan_import(path, ImportOptions(**OPTIONS))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "cannot be read as CSV"),
        (b"\xff\xfe\x00", "cannot be read as CSV"),
        (b"time,open,high,low,close,volume\n", "has no rows"),
        (b"time,open,high,low,close,volume\n,1,1,1,1,1\n", "time"),
        (b"time,open,high,low,close,volume\nyesterday,1,1,1,1,1\n", "first row 'yesterday': allowed are numbers"),
        (b"time,open,high,low,close,volume\n1677628800,x,1,1,1,1\n", "column open is string: must be numbers"),
        (
            b"time,open,high,low,close,volume\n2023-03-01T00:00Z,1,1,1,1,1\n2023-03-01T00:01,1,1,1,1,1\n",
            "differ in having",
        ),
    ],
)
def test_files_that_are_no_candles_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=sentence):
        plan_import(path, ImportOptions(**OPTIONS))


@pytest.mark.parametrize("name", ["all.parquet", "all.csv"])
def test_what_is_exported_imports_as_the_same_rows(tmp_path: Path, store: HistoryStore, name: str) -> None:
    run_import(store, plan_import(csv_of(tmp_path, [T0 // 10**6, T0 // 10**6 + 60_000]), ImportOptions(**OPTIONS)))
    quotes = {
        "ts_ns": np.array([T0 + 1, T0 + 2]),
        **{n: np.array([1.5, 2.5]) for n in ("bid", "bid_qty", "ask", "ask_qty")},
    }
    from history_rows import REAL

    store.write_quotes("mexc", "BTCUSDT", quotes, REAL)
    other = HistoryStore(tmp_path / "other")
    for kind, venue in (("candles_1m", "binance"), ("quotes", "mexc")):
        assert export_history(store, [(venue, "BTCUSDT")], kind, *ALL, tmp_path / name) == 2
        run_import(other, plan_import(tmp_path / name, ImportOptions()))
    for read in ("candles", "quotes"):
        venue = "binance" if read == "candles" else "mexc"
        assert (
            getattr(other, read)(venue, "BTCUSDT", *ALL).sha256 == getattr(store, read)(venue, "BTCUSDT", *ALL).sha256
        )


# ---- real data ----


def test_the_stress_days_of_2023_import_whole(real_data: Path, store: HistoryStore) -> None:
    path = real_data / "svb2023-candles" / "candles_1m.parquet"
    reports = run_import(store, plan_import(path, ImportOptions()))
    assert len(reports) == 13 and sum(report.added for report in reports.values()) == 144_689
    assert sum(report.refused_count for report in reports.values()) == 0
    stale = store.candles("binanceus", "BTCUSDC", *ALL).volume == 0
    assert stale.any(), "bars without volume are kept as such"
    coinbase = next(entry for entry in store.list() if (entry.venue, entry.symbol) == ("coinbase", "BTCUSD"))
    assert coinbase.missing == 9 * 1440 - coinbase.rows
    longest = max(store.gaps("coinbase", "BTCUSD", "candles_1m"), key=lambda gap: gap[1] - gap[0])
    assert (longest[1] - longest[0]) // MINUTE == 277, "the outage of 2023-03-04"


def test_eight_windows_of_binance_leave_the_time_between_them_to_be_fetched(
    real_data: Path, store: HistoryStore
) -> None:
    path = real_data / "binance-1m-months" / "candles_1m.parquet"
    reports = run_import(store, plan_import(path, ImportOptions()))
    assert sum(report.added for report in reports.values()) == 400_000
    july_2021 = int(datetime(2021, 7, 1, tzinfo=UTC).timestamp()) * 10**9
    assert store.missing("binance", "BTCUSDT", "candles_1m", july_2021, july_2021 + MINUTE) != []
    april_2021 = int(datetime(2021, 4, 20, 3, tzinfo=UTC).timestamp()) * 10**9
    assert store.missing("binance", "BTCUSDT", "candles_1m", april_2021, april_2021 + MINUTE) == []
    assert len(store.candles("binance", "BTCUSDT", april_2021, april_2021 + MINUTE)) == 0, "a halt of the venue"


def test_quote_bars_are_known_at_the_end_of_their_minute(real_data: Path, store: HistoryStore) -> None:
    path = real_data / "lean-crypto" / "quotes_1m.parquet"
    plan = plan_import(path, ImportOptions(stamp="open"))
    reports = run_import(store, plan)
    assert sum(report.added for report in reports.values()) == 26_856
    assert all((found.columns["ts_ns"] % MINUTE == MINUTE - 1).all() for found in plan.sets)


def test_bars_of_a_second_are_refused(real_data: Path) -> None:
    with pytest.raises(HistoryError, match="rows cannot be true, the first: .*the time is not on the minute"):
        plan_import(real_data / "lean-crypto" / "candles_1s.parquet", ImportOptions())
