"""Protects the figures of the history pages: filters, pages without gaps or repeats, sums that are exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.db import Database, history
from dashboard.db.journal_tail import JournalTail
from dashboard.db.recording import Recording
from tests.db.journal_oracle import expected_rows
from tests.db.volume import VolumeWriter


def record_all(db: Database, directory: Path, instance: str) -> None:
    recording = Recording(db, instance)
    recording.load()
    tail = JournalTail(directory, None)
    while (batch := tail.batch(500)) is not None:
        recording.record(batch.records, batch.layout, batch.generation, batch.wall_offset_ns)


@pytest.fixture
def writer(db: Database, tmp_path: Path) -> VolumeWriter:
    made = VolumeWriter(tmp_path / "journal")
    made.records(2000)
    made.next_generation()
    made.resolve()
    made.records(300)
    made.resolve()
    made.flush()
    record_all(db, made.directory, "one")
    return made


def all_pages(db: Database, function: object, filters: dict[str, object], limit: int) -> list[dict[str, object]]:
    rows, cursor = [], None
    while True:
        page, cursor = function(db, filters, limit, cursor)  # type: ignore[operator]
        assert len(page) <= limit
        rows += page
        if cursor is None:
            return rows


@pytest.mark.parametrize(
    "name", ["fills", "orders", "opportunities", "refusals", "config_versions", "commands", "alarms"]
)
def test_pages_give_every_row_once_newest_first(db: Database, writer: VolumeWriter, name: str) -> None:
    function = getattr(history, name)
    pages, whole = all_pages(db, function, {}, 7), function(db, {}, 10_000)[0]
    assert pages == whole
    time = {"orders": "created_ns", "opportunities": "first_ns"}.get(name, "wall_ns")
    assert [row[time] for row in whole] == sorted((row[time] for row in whole), reverse=True)
    assert len(whole) > (7 if name in ("fills", "orders", "opportunities", "refusals") else 0)
    wanted = len(writer.truth) if name == "orders" else len(expected_rows(writer.directory)[0][name])
    assert len(whole) == wanted


def test_filters_choose_rows_and_unknown_ones_are_refused(db: Database, writer: VolumeWriter) -> None:
    fills = history.fills(db, {}, 10_000)[0]
    chosen = history.fills(db, {"venue": "mexc", "side": "SELL", "booked": True, "symbol": None}, 10_000)[0]
    assert chosen == [row for row in fills if row["venue"] == "mexc" and row["booked"]]
    middle = fills[len(fills) // 2]["wall_ns"]
    late = history.fills(db, {"since_ns": middle}, 10_000)[0]
    early = history.fills(db, {"until_ns": middle}, 10_000)[0]
    assert late + early == fills
    assert history.fills(db, {"instance": "another"})[0] == []
    pair = fills[0]["pair_id"]
    assert {row["pair_id"] for row in history.orders(db, {"pair_id": pair})[0]} == {pair}
    with pytest.raises(ValueError, match="filter 'colour': allowed are instance, mode"):
        history.fills(db, {"colour": "red"})


def test_totals_are_the_exact_sums_of_the_journal(db: Database, writer: VolumeWriter) -> None:
    totals = history.totals(db)
    truth = writer.truth.values()
    fee, quote = (sum(row[name] for row in truth) for name in ("fee", "quote"))
    assert (totals["fees"]["USDT"]["e8"], totals["fees"]["USDT"]["frac_e19"]) == divmod(fee, 10**11)
    assert (totals["volume"]["USDT"]["e8"], totals["volume"]["USDT"]["frac_e19"]) == divmod(quote, 10**11)
    assert totals["fills_booked"] == sum(row["fills"] for row in truth)
    assert totals["fills"] > totals["fills_booked"]
    states = [row["state"] for row in truth]
    assert totals["orders"] == {state: states.count(state) for state in set(states)}
    assert sum(totals["opportunities"].values()) == writer.pairs
    assert totals["strategies"]["cross_exchange"]["opportunities"] == writer.pairs
    (cursor,) = totals["recorder"]
    assert (cursor["generation"], cursor["seq"], cursor["records"]) == (2, writer.seq, writer.count)
    assert history.totals(db, instance="another")["fills"] == 0
    assert history.totals(db, mode="LIVE")["fees"] == {}


def test_pnl_gives_the_last_sample_of_each_span(db: Database, writer: VolumeWriter) -> None:
    samples = [row for _, row in sorted(expected_rows(writer.directory)[0]["pnl_samples"].items())]
    every = history.pnl(db, points=10_000)
    assert [row["trading_pnl_e8"] for row in every] == [row["trading_pnl_e8"] for row in samples]
    few = history.pnl(db, points=5)
    assert 2 <= len(few) <= 5
    assert few[-1]["trading_usd"] == samples[-1]["trading_pnl_e8"] / 1e8
    start, end = samples[3]["wall_ns"], samples[20]["wall_ns"]
    ranged = history.pnl(db, start, end, 10_000)
    assert [row["wall_ns"] for row in ranged] == [row["wall_ns"] for row in samples[3:20]]
    for point in history.pnl(db, start, end, 4):
        width = -(-(end - start) // 4)
        span = [
            row for row in samples[3:20] if (row["wall_ns"] - start) // width == (point["wall_ns"] - start) // width
        ]
        assert point["wall_ns"] == span[-1]["wall_ns"]
    assert history.pnl(db, end + 10**18) == []
    with pytest.raises(ValueError, match="points = 0: allowed are 1 to"):
        history.pnl(db, points=0)


def test_two_instances_stay_apart(db: Database, writer: VolumeWriter, tmp_path: Path) -> None:
    other = VolumeWriter(tmp_path / "other", seed=5)
    other.records(400)
    other.flush()
    record_all(db, other.directory, "two")
    assert len(history.orders(db, {"instance": "two"}, 10_000)[0]) == len(other.truth)
    assert len(history.orders(db, {"instance": "one"}, 10_000)[0]) == len(writer.truth)
    assert history.totals(db, instance="two")["fills_booked"] == sum(row["fills"] for row in other.truth.values())
    assert {row["instance"] for row in history.totals(db)["pnl"]} == {"one", "two"}
    assert {row["instance"] for row in history.pnl(db, instance="two")} == {"two"}
