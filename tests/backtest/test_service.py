"""Protects: the call as users write it, in a script and in a running loop, and one kind of error for bad input."""

from __future__ import annotations

import asyncio
import sys
import types
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.backtest.errors import BacktestError, DataMissing
from dashboard.backtest.types import BacktestResult
from dashboard.services import BacktestService
from tests.backtest.bars import FEES, START, Store, desk, walk

DAY_2 = datetime(2023, 3, 2, tzinfo=UTC)
CALL: dict[str, Any] = {
    "strategy": "cross_exchange",
    "symbols": ["BTCUSDT"],
    "exchanges": ["binance", "mexc"],
    "start_date": datetime(2023, 3, 1, tzinfo=UTC),
    "end_date": DAY_2,
    "params": {"min_spread_bps": 20.0, "capital_usd": 8_000.0},
}


@pytest.fixture(scope="module")
def store() -> Store:
    return walk(2, 1440)


@pytest.fixture
def service(store: Store) -> BacktestService:
    return BacktestService(None, store=store, desk=desk())


def test_the_call_works_in_a_script(service: BacktestService, capsys: pytest.CaptureFixture[str]) -> None:
    results = asyncio.run(service.run_backtest(**CALL))
    print(results)
    shown = capsys.readouterr().out
    for line in ("Trades", "Trading P&L", "Holding P&L", "Win rate", "Sharpe ratio", "Max drawdown"):
        assert line in shown
    assert results.request.capital_usd == 8_000.0 and results.metrics.trades > 0
    assert any("4,000.00 USDT" in text or "4,000.00 at each venue" in text for text in results.assumptions)


async def test_the_call_works_inside_a_running_loop(service: BacktestService) -> None:
    first, second = await asyncio.gather(service.run_backtest(**CALL), service.run_backtest(**CALL))
    assert first.metrics == second.metrics
    assert service.last_request == first.request


@pytest.mark.parametrize(
    "when", ["2023-03-01", "2023-03-01T00:00Z", "2023-03-01T02:00+02:00", date(2023, 3, 1), datetime(2023, 3, 1), START]  # noqa: DTZ001
)
def test_a_start_may_be_written_in_any_of_these_ways(service: BacktestService, when: object) -> None:
    assert service.request(**{**CALL, "start_date": when}).start_ns == START


@pytest.mark.parametrize(
    ("change", "field", "allowed"),
    [
        ({"strategy": "cross"}, "strategy", "cross_exchange"),
        ({"symbols": []}, "symbols", "1 to 1024"),
        ({"symbols": "BTCUSDT"}, "symbols", "a list of names"),
        ({"symbols": ["btc usdt"]}, "symbols", "such as BTCUSDT"),
        ({"symbols": ["NOTHING"]}, "symbols", "quote asset"),
        ({"exchanges": ["binance"]}, "exchanges", "2 to 8 different"),
        ({"exchanges": ["binance", "binance"]}, "exchanges", "2 to 8 different"),
        ({"exchanges": ["binance", "nowhere"]}, "exchanges", "has no fee for it"),
        ({"start_date": "soon"}, "start_date", "ISO 8601"),
        ({"start_date": True}, "start_date", "ISO 8601"),
        ({"end_date": datetime(2023, 3, 1, tzinfo=UTC)}, "start_date", "must lie before end_date"),
        ({"params": {"min_spread": 1.0}}, "params.min_spread", "min_spread_bps"),
        ({"params": {"min_spread_bps": 20_000.0}}, "params.min_spread_bps", "from 0 to 10000 bps"),
        ({"params": {"min_spread_bps": float("nan")}}, "params.min_spread_bps", "from 0 to 10000 bps"),
        ({"params": {"cooldown_ms": 0.5}}, "params.cooldown_ms", "a whole number"),
        ({"params": {"capital_usd": -1.0}}, "capital_usd", "from 1"),
        ({"latency_ms": -1.0}, "latency_ms", "from 0"),
        ({"kind": "ticks"}, "kind", "candles_1m, quotes"),
        ({"latency": 1.0}, "latency", "latency_ms"),
        ({"taker_fee_bps": {"binance": -1.0}}, "taker_fee_bps.binance", "from 0"),
        ({"taker_fee_bps": {"kraken": 1.0}}, "taker_fee_bps", "binance, mexc"),
    ],
)
def test_bad_input_is_one_error_with_field_value_and_what_is_allowed(
    service: BacktestService, change: dict[str, Any], field: str, allowed: str
) -> None:
    with pytest.raises(BacktestError) as caught:
        asyncio.run(service.run_backtest(**{**CALL, **change}))
    assert caught.value.field == field
    assert allowed in caught.value.allowed
    assert str(caught.value).startswith(f"{field} = ")


def test_a_period_without_data_names_the_gap_and_the_command(service: BacktestService) -> None:
    later = {"start_date": "2024-01-01", "end_date": "2024-01-02"}
    with pytest.raises(DataMissing, match="binance BTCUSDT candles_1m.*arbdeck data fetch.*2024-01-01T00:00:00Z"):
        asyncio.run(service.run_backtest(**{**CALL, **later}))


def test_history_that_was_never_asked_for_is_fetched_first(store: Store) -> None:
    asked: list[tuple[str, str]] = []

    class Lacking(Store):
        def missing(self, venue: str, symbol: str, *_: object) -> list[tuple[int, int]]:
            return [] if (venue, symbol, "candles_1m") in self.rows else [(START, START + 1)]

    lacking = Lacking()

    def fetch(into: Any, venue: str, symbol: str, start_ns: int, end_ns: int) -> None:
        assert into is lacking and start_ns == START
        asked.append((venue, symbol))
        lacking.rows[venue, symbol, "candles_1m"] = store.rows[venue, symbol, "candles_1m"]

    service = BacktestService(None, store=lacking, desk=desk(), fetch=fetch)
    assert asyncio.run(service.run_backtest(**CALL)).metrics.trades > 0
    assert asked == [(venue, "BTCUSDT") for venue in FEES]


def test_a_venue_that_cannot_be_reached_is_an_error_that_says_so(store: Store) -> None:
    class Lacking(Store):
        def missing(self, *_: object) -> list[tuple[int, int]]:
            return [(START, START + 1)]

    def fetch(*_: object) -> None:
        raise ConnectionError("no route to the venue")

    service = BacktestService(None, store=Lacking(), desk=desk(), fetch=fetch)
    with pytest.raises(DataMissing, match="binance BTCUSDT candles_1m.*no route"):
        asyncio.run(service.run_backtest(**CALL))


def test_a_run_is_saved_where_a_database_is_given(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[BacktestResult] = []

    class Database:
        def __init__(self, url: object) -> None:
            self.url, self.migrated = url, 0

        def migrate(self) -> None:
            self.migrated += 1

    def save_run(db: Database, result: BacktestResult) -> str:
        assert db.migrated == 1 and db.url == "sqlite://"
        saved.append(result)
        return "run-1"

    package, runs = types.ModuleType("dashboard.db"), types.ModuleType("dashboard.db.runs")
    package.Database, runs.save_run = Database, save_run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dashboard.db", package)
    monkeypatch.setitem(sys.modules, "dashboard.db.runs", runs)
    result = asyncio.run(BacktestService("sqlite://", store=store, desk=desk()).run_backtest(**CALL))
    assert result.run_id == "run-1" and len(saved) == 1


def test_limits_and_fees_come_from_the_desk_that_the_engine_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard.backtest.desk import desk_read
    from dashboard.paths import default_config_dir

    text = (default_config_dir() / "engine.json").read_text()
    (tmp_path / "engine.json").write_text(text.replace('"taker_fee_bps": 10', '"taker_fee_bps": 12.5'))
    monkeypatch.setenv("ARBDECK_CONFIG", str(tmp_path))
    assert desk_read().taker_fee_bps["binance"] == 12.5
    assert desk_read().path == tmp_path / "engine.json"


def test_every_risk_setting_of_the_engine_is_known_with_the_engines_own_unit() -> None:
    import re

    from dashboard.backtest.desk import EXTRAS, LIMITS

    root = Path(__file__).resolve().parents[2]
    rows = (root / "engine/ctl/settings_table_risk.c").read_text()
    units = {"USD": 10**8, "MS": 10**6, "BPS": 10**4, "SECONDS": 10**9, "COUNT": 1}
    found: dict[str, tuple[str, int]] = {}
    for key, kind, name, unit in re.findall(
        r'\.key = "(\w+)",\s+(LIMIT|EXTRA)\((\w+)\),\s+(USD|MS|BPS|SECONDS|COUNT|\.type)', rows
    ):
        assert kind in ("LIMIT", "EXTRA")
        found[key] = (name, units.get(unit, 100))
    assert found == {**LIMITS, **EXTRAS}
