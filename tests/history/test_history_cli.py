"""Protects `arbdeck data`: what a person and a program read, and the exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from history_rows import T0
from typer.testing import CliRunner

from dashboard.cli.app import app

CSV = "time,open,high,low,close,volume\n" + "".join(f"{T0 // 10**6 + i * 60_000},1,2,0.5,1,{i}\n" for i in range(5))


@pytest.fixture
def data(arbdeck_home: Path) -> Any:
    """Calls `arbdeck data ...`; returns (exit code, standard output, standard error)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        found = CliRunner().invoke(app, ["data", *arguments])
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return found.exit_code, found.stdout, found.stderr

    return call


@pytest.fixture
def csv(tmp_path: Path) -> str:
    path = tmp_path / "own.csv"
    path.write_text(CSV)
    return str(path)


IMPORT = ("--venue", "kraken", "--symbol", "BTCUSD")


def test_a_new_home_lists_the_shipped_history_as_invented(data: Any) -> None:
    code, out, _ = data("list")
    assert code == 0
    lines = out.strip().split("\n")
    assert len(lines) == 5 and all("INVENTED: " in line and line.endswith("shipped") for line in lines[1:])
    entries = json.loads(data("list", "--json")[1])["entries"]
    assert len(entries) == 4 and all(entry["synthetic"] and entry["shipped"] for entry in entries)


def test_an_import_shows_three_rows_as_understood_and_then_lists_them(data: Any, csv: str) -> None:
    code, out, _ = data("import", csv, *IMPORT)
    assert code == 0
    assert "time: numbers, ms since 1970 (by their size); it is the bar's open" in out
    assert out.count("  2023-03-01T00:0") == 3
    assert "  2023-03-01T00:01Z  open 1  high 2  low 0.5  close 1  volume 1\n" in out
    assert "kraken BTCUSD candles_1m: 5 new rows" in out
    assert data("import", csv, *IMPORT)[1].endswith("0 new rows, 5 were there\n")
    (row,) = (line for line in data("list")[1].split("\n") if "kraken" in line)
    assert "file own.csv" in row and "INVENTED" not in row


def test_a_dry_run_writes_nothing(data: Any, csv: str, arbdeck_home: Path) -> None:
    code, out, _ = data("import", csv, *IMPORT, "--dry-run")
    assert code == 0 and "Nothing was written" in out
    assert not (arbdeck_home / "history").exists()


def test_import_and_export_answer_in_json(data: Any, csv: str, tmp_path: Path) -> None:
    answer = json.loads(data("import", csv, *IMPORT, "--json")[1])
    assert answer["written"]["kraken BTCUSD candles_1m"]["added"] == 5
    assert answer["sets"]["kraken BTCUSD candles_1m"]["rows"] == 5
    file = str(tmp_path / "out.parquet")
    assert json.loads(data("export", file, "--venue", "kraken", "--json")[1]) == {"file": file, "rows": 5}
    assert data("export", file, "--venue", "kraken", "--from", "2023-03-01T00:03")[1] == f"{file}: 2 rows\n"


def test_check_says_ok_and_then_what_is_wrong(data: Any, csv: str, arbdeck_home: Path) -> None:
    assert data("check")[:2] == (0, "There is no history of this home to check.\n")
    data("import", csv, *IMPORT)
    assert data("check")[:2] == (0, "kraken BTCUSD candles_1m: ok\n")
    (path,) = (arbdeck_home / "history").rglob("*.parquet")
    path.write_bytes(b"no")
    code, out, _ = data("check")
    assert code == 1 and "was changed: its SHA-256 is not" in out
    code, out, _ = data("check", "--json")
    assert code == 1 and json.loads(out)["ok"] is False


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("import", "no-such.csv"), "no-such.csv: there is no such file"),
        (("export", "x.txt"), "file = 'x.txt': must end in .parquet or .csv"),
        (("export", "x.csv", "--venue", "nobody"), "there are no candles_1m to export"),
        (("export", "x.csv", "--kind", "trades"), "kind = 'trades': allowed are candles_1m, quotes"),
        (("fetch", "--venue", "x", "--symbol", "BTCUSDT", "--from", "2023-03-01"), "venue = 'x': allowed are"),
        (("fetch", "--venue", "binance", "--symbol", "BTCUSDT", "--from", "2999-01-01"), "must be before"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_and_exit_code_1(data: Any, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = data(*arguments)
    assert (code, out) == (1, "")
    assert sentence in err and err.count("\n") == 1
    code, out, _ = data(*arguments, "--json")
    assert code == 1 and sentence in json.loads(out)["error"]


def test_record_without_an_engine_that_ever_ran_is_exit_code_3(data: Any) -> None:
    code, out, err = data("record")
    assert (code, out) == (3, "") and "is down: not started" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("fetch", "--venue", "binance", "--symbol", "BTCUSDT", "--from", "yesterday"),
        ("fetch", "--venue", "binance", "--symbol", "BTCUSDT"),
        ("import", "x.csv", "--column", "open"),
        ("nothing",),
    ],
)
def test_wrong_usage_is_exit_code_2(data: Any, arguments: tuple[str, ...]) -> None:
    assert data(*arguments)[0] == 2


def test_offline_fetch_names_the_gap_and_the_command(
    data: Any, free_port: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.backtest.history.venue.TRIES", 1)
    span = ("--from", "2023-03-01", "--to", "2023-03-02")
    url = f"http://127.0.0.1:{free_port()}"
    code, out, err = data("fetch", "--venue", "mexc", "--symbol", "BTCUSDT", *span, "--url", url)
    assert (code, out) == (1, "")
    assert err.startswith("mexc does not answer") and err.count("\n") == 1
    assert "No candles_1m of BTCUSDT at mexc from 2023-03-01T00:00Z to 2023-03-02T00:00Z" in err
    assert "arbdeck data fetch --venue mexc --symbol BTCUSDT --from 2023-03-01T00:00Z --to 2023-03-02T00:00Z" in err


def test_another_root_is_used_alone(data: Any, csv: str, tmp_path: Path, arbdeck_home: Path) -> None:
    root = str(tmp_path / "elsewhere")
    data("import", csv, *IMPORT, "--root", root)
    assert len(json.loads(data("list", "--json", "--root", root)[1])["entries"]) == 1
    assert not (arbdeck_home / "history").exists()
    assert os.environ["ARBDECK_HOME"] == str(arbdeck_home)
