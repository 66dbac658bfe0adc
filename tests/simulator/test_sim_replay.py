"""Protects the replay: which quotes a file gives and when, silence where it is silent, bad files refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator.errors import ReplayError
from simulator.replay import Point, Replay, open_replay
from simulator.settings import ReplaySettings, Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
VENUES = ("binance", "mexc")
T0_MS = 1_677_628_800_000
MINUTE_NS = 60_000_000_000
NO_MAP = ReplaySettings()


@pytest.fixture(scope="module")
def config() -> Settings:
    return load_settings(ROOT / "config" / "simulator.json")


def candles(path: Path, rows: list[tuple[int, str, float, float, float]], symbol: str = "BTCUSDT") -> Path:
    """Rows are (minute, venue, open, close, volume)."""
    table = {
        "ts": pa.array([T0_MS + minute * 60_000 for minute, *_ in rows], pa.timestamp("ms", tz="UTC")),
        "venue": [venue for _, venue, *_ in rows],
        "symbol": [symbol] * len(rows),
        "open": [o for _, _, o, _, _ in rows],
        "high": [max(o, c) for _, _, o, c, _ in rows],
        "low": [min(o, c) for _, _, o, c, _ in rows],
        "close": [c for _, _, _, c, _ in rows],
        "volume": [v for *_, v in rows],
    }
    pq.write_table(pa.table(table), path)
    return path


def points(replay: Replay) -> list[Point]:
    replay.now_ns = replay.end_ns
    return list(replay.due())


def test_a_candle_gives_its_open_at_its_stamp_and_its_close_just_before_its_end(
    tmp_path: Path, config: Settings
) -> None:
    path = candles(tmp_path / "c.parquet", [(0, "a", 100.0, 110.0, 5.0), (1, "a", 120.0, 130.0, 5.0)])
    symbols = (
        dataclasses.replace(config.symbols[0], half_spread_bps=10.0, size_usd=1000.0),
        *config.symbols[1:],
    )
    got = points(open_replay(path, symbols, VENUES, NO_MAP))
    start = T0_MS * 1_000_000
    assert [p.at_ns - start for p in got] == [0, MINUTE_NS - 1, MINUTE_NS, 2 * MINUTE_NS - 1]
    assert {p.venue for p in got} == {"binance"}
    first = got[0].quote
    assert (first.bid, first.ask) == (Decimal("99.90"), Decimal("100.10"))
    assert first.bid_qty == first.ask_qty == Decimal("10.00000")
    assert (got[1].quote.bid + got[1].quote.ask) / 2 == Decimal("110.00")


def test_a_bar_without_volume_gives_no_quote_and_a_missing_bar_is_silence(
    tmp_path: Path, config: Settings
) -> None:
    rows = [
        (0, "a", 100.0, 100.0, 1.0),
        (1, "a", 100.0, 100.0, 0.0),
        (2, "a", 100.0, 100.0, 1.0),
        (5, "a", 1.0, 1.0, 1.0),
    ]
    replay = open_replay(candles(tmp_path / "c.parquet", rows), config.symbols, VENUES, NO_MAP)
    got = points(replay)
    start = T0_MS * 1_000_000
    assert [(p.at_ns - start) // MINUTE_NS for p in got] == [0, 0, 2, 2, 5, 5]
    assert [(p.until_ns - start) // MINUTE_NS for p in got] == [1, 1, 3, 3, 6, 6]


def test_points_come_when_their_time_has_come_and_in_order(tmp_path: Path, config: Settings) -> None:
    rows = [(m, venue, 100.0 + m, 100.0 + m, 1.0) for m in range(3) for venue in ("x", "y")]
    replay = open_replay(candles(tmp_path / "c.parquet", rows), config.symbols, VENUES, NO_MAP)
    replay.now_ns = replay.start_ns + MINUTE_NS
    early = list(replay.due())
    assert len(early) == 6  # two opens, two closes, two opens
    assert [p.at_ns for p in early] == sorted(p.at_ns for p in early)
    assert not replay.finished
    assert len(points(replay)) == 6
    assert replay.finished


def test_venues_are_mapped_by_name_then_by_order_and_as_configured(tmp_path: Path, config: Settings) -> None:
    rows = [(0, venue, 100.0, 100.0, 1.0) for venue in ("kraken", "mexc", "coinbase")]
    path = candles(tmp_path / "c.parquet", rows)
    assert open_replay(path, config.symbols, VENUES, NO_MAP).venue_map == {
        "mexc": "mexc",
        "kraken": "binance",
    }
    chosen = ReplaySettings(venues={"coinbase": "mexc"})
    assert open_replay(path, config.symbols, VENUES, chosen).venue_map == {"coinbase": "mexc"}
    with pytest.raises(ReplayError, match=r"replay\.map\.okx: not in .*; allowed: kraken, mexc, coinbase"):
        open_replay(path, config.symbols, VENUES, ReplaySettings(venues={"okx": "mexc"}))
    with pytest.raises(ReplayError, match="is not simulated; allowed: binance, mexc"):
        open_replay(path, config.symbols, VENUES, ReplaySettings(venues={"kraken": "okx"}))


def test_symbols_that_are_not_simulated_are_refused_unless_mapped(tmp_path: Path, config: Settings) -> None:
    path = candles(tmp_path / "c.parquet", [(0, "a", 100.0, 100.0, 1.0)], symbol="BTCUSD")
    with pytest.raises(ReplayError, match="column symbol holds BTCUSD; allowed: BTCUSDT, ETHUSDT, SOLUSDT"):
        open_replay(path, config.symbols, VENUES, NO_MAP)
    mapped = open_replay(path, config.symbols, VENUES, ReplaySettings(symbols={"BTCUSD": "BTCUSDT"}))
    assert points(mapped)[0].symbol == "BTCUSDT"


def test_recorded_quotes_are_played_as_they_are(tmp_path: Path, config: Settings) -> None:
    table = {
        "ts_ns": [T0_MS * 1_000_000 + n * 1000 for n in range(2)],
        "venue": ["mexc", "mexc"],
        "symbol": ["BTCUSDT", "BTCUSDT"],
        "bid": [65000.01, 0.0],
        "bid_qty": [0.12345, 0.0],
        "ask": [65000.02, 65000.03],
        "ask_qty": [1.0, 2.0],
    }
    pq.write_table(pa.table(table), tmp_path / "q.parquet")
    first, second = points(open_replay(tmp_path / "q.parquet", config.symbols, VENUES, NO_MAP))
    assert (first.quote.bid, first.quote.bid_qty) == (Decimal("65000.01"), Decimal("0.12345"))
    assert second.quote.bid_qty == 0
    assert second.at_ns - first.at_ns == 1000
    assert first.until_ns - first.at_ns == 2 * 10**9


@pytest.mark.parametrize("column", ["ts", "venue", "close", "volume"])
def test_a_missing_column_is_named(tmp_path: Path, config: Settings, column: str) -> None:
    path = candles(tmp_path / "c.parquet", [(0, "a", 100.0, 100.0, 1.0)])
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    with pytest.raises(ReplayError, match=f"column {column} is missing .* allowed are candles: ts, venue"):
        open_replay(path, config.symbols, VENUES, NO_MAP)


def test_values_that_are_no_numbers_and_files_that_are_no_parquet_are_refused(
    tmp_path: Path, config: Settings
) -> None:
    path = candles(tmp_path / "c.parquet", [(0, "a", float("nan"), 100.0, 1.0)])
    with pytest.raises(ReplayError, match="column open holds a missing or negative value"):
        open_replay(path, config.symbols, VENUES, NO_MAP)
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(ReplayError, match="cannot be read as Parquet"):
        open_replay(tmp_path / "text.parquet", config.symbols, VENUES, NO_MAP)


def test_real_candles_play_and_their_closes_match_the_file(shared: Path, config: Settings) -> None:
    path = shared / "data" / "svb2023-candles" / "candles_1m.parquet"
    replay = open_replay(path, config.symbols, VENUES, NO_MAP)
    assert replay.venue_map == {"binanceus": "binance", "coinbase": "mexc"}
    got = points(replay)
    rows = [
        row
        for row in pq.read_table(path).to_pylist()
        if row["venue"] in replay.venue_map and row["symbol"] == "BTCUSDT" and row["volume"] > 0
    ]
    assert len(got) == 2 * len(rows)
    closes = sorted((row["ts"].timestamp(), replay.venue_map[row["venue"]], row["close"]) for row in rows)
    ours = sorted(
        (p.at_ns // MINUTE_NS * 60.0, p.venue, float(p.quote.bid + p.quote.ask) / 2)
        for p in got
        if p.at_ns % MINUTE_NS
    )
    assert [o[:2] for o in ours] == [c[:2] for c in closes]
    assert max(abs(o[2] - c[2]) for o, c in zip(ours, closes, strict=True)) <= 0.011  # rounding to the tick


def test_real_quote_bars_appear_at_the_end_of_their_minute(shared: Path, config: Settings) -> None:
    path = shared / "data" / "lean-crypto" / "quotes_1m.parquet"
    replay = open_replay(path, config.symbols, VENUES, NO_MAP)
    got = points(replay)
    assert len(got) > 700
    assert {p.at_ns % MINUTE_NS for p in got} == {MINUTE_NS - 1}
    assert all(p.quote.bid < p.quote.ask for p in got)


def test_a_process_plays_a_file_repeats_quotes_and_holds_still_at_the_end(
    make_sim: Callable[..., Any], tmp_path: Path, waiting: Callable[..., Any]
) -> None:
    rows = [(m, venue, 100.0 + m, 100.5 + m, 1.0) for m in range(4) for venue in ("left", "right")]
    path = candles(tmp_path / "c.parquet", rows)
    sim = make_sim().start("--replay", str(path), "--speed", "60")
    market = sim.get("/market")
    assert (market["source"], market["map"]) == ("replay", {"left": "binance", "right": "mexc"})
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        bids = [json.loads(ws.recv(2))["b"] for _ in range(30)]
    assert len(set(bids)) < len(bids)  # within a bar the present quote is sent again
    waiting(lambda: sim.get("/market")["ended"], 10.0)
    last = sim.get("/market")["tops"]["mexc"]["BTCUSDT"]
    assert (Decimal(last["bid"]) + Decimal(last["ask"])) / 2 == Decimal("103.50")
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        held = {json.loads(ws.recv(2))["b"] for _ in range(5)}
    assert held == {f"{Decimal(last['bid']):.8f}"}
    sim.post(
        "/gap",
        {"symbol": "BTCUSDT", "bps": 30, "seconds": 1, "buy_venue": "mexc", "sell_venue": "binance"},
        400,
    )


def test_what_was_taken_from_a_bar_stays_taken_until_the_next_point(
    make_sim: Callable[..., Any], tmp_path: Path
) -> None:
    rows = [(0, venue, 65000.0, 65000.0, 1.0) for venue in ("left", "right")]
    sim = make_sim().start("--replay", str(candles(tmp_path / "c.parquet", rows)))
    top = sim.top("binance")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "price": top["ask"]}
    sim.binance_rest("POST", "order", **order, quantity="0.01")
    with sim.binance("/ws/btcusdt@bookTicker") as ws:
        seen = [json.loads(ws.recv(2)) for _ in range(5)]
    left = Decimal(top["ask_qty"]) - Decimal("0.01")
    assert {Decimal(m["A"]) for m in seen} == {left}
