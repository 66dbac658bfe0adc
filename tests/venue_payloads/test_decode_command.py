"""Protects the operator's tool: `arbdeck-engine decode VENUE FILE` prints one JSON object with the verdict of the
payload's manifest and exits 0, or prints why and exits 1. Runs the real program on every received payload."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ARBDECK_SHARED", ROOT.parent / "shared"))
PAYLOADS = SHARED / "venues" / "payloads"
VENUES = ("binance", "mexc")
TIMEOUT_S = 10

# Depth, trades, klines and symbol rules are not read yet: ignored or refused, never accepted.
OUT_OF_SCOPE = frozenset(
    {
        "ws_partial_depth.json",
        "ws_diff_depth.json",
        "ws_trade.json",
        "ws_kline_1m.json",
        "edge_diff_depth_empty_sides.json",
        "edge_diff_depth_gap.json",
        "rest_depth.json",
        "rest_klines.json",
        "rest_klines_empty.json",
        "rest_klines_us.json",
        "rest_exchangeinfo.json",
        "rest_exchangeinfo_percent_price_filter.json",
        "aggre_depth_313_ccxt.bin",
        "aggre_depth_313_gap.bin",
        "kline_308.bin",
        "sbe_depth20.bin",
        "sbe_depth_group_count_lie.bin",
        "sbe_depth_group_blocklen0.bin",
        "sbe_depth_diff.bin",
        "sbe_depth_empty_groups.bin",
        "sbe_trades.bin",
    }
)


def _engine() -> str | None:
    named = os.environ.get("ARBDECK_ENGINE")
    built = ROOT / "build" / "arbdeck-engine"
    return named or (str(built) if built.is_file() else shutil.which("arbdeck-engine"))


def _entries() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for venue in VENUES:
        manifest = PAYLOADS / venue / "manifest.json"
        if manifest.is_file():
            entries = json.loads(manifest.read_text(encoding="utf-8"))["entries"]
            found += [(venue, entry) for entry in entries if entry["dir"] == "rx"]
    return found


@pytest.fixture(scope="module")
def engine() -> str:
    """Path of the engine program; skips where it is not built."""
    path = _engine()
    if path is None:
        pytest.skip("arbdeck-engine is neither in ARBDECK_ENGINE, nor built, nor on PATH")
    return path


def _decode(engine: str, venue: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [engine, "decode", venue, str(file)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def _allowed(venue_file: str, expected: str) -> set[str]:
    if venue_file in OUT_OF_SCOPE:
        return {"control", "reject"}
    return {"accept", "reject"} if expected == "accept_or_reject" else {expected}


def test_the_corpus_is_there() -> None:
    if not PAYLOADS.is_dir():
        pytest.skip(f"no payload corpus at {PAYLOADS}")
    assert len(_entries()) > 150


@pytest.mark.parametrize(
    ("venue", "entry"), _entries(), ids=lambda value: value if isinstance(value, str) else value["file"]
)
def test_a_payload_gets_its_verdict_and_exit_code(engine: str, venue: str, entry: dict[str, Any]) -> None:
    result = _decode(engine, venue, PAYLOADS / venue / entry["file"])
    printed = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert printed["verdict"] in _allowed(entry["file"], entry["expect"]["verdict"]), printed
    assert result.returncode == (1 if printed["verdict"] == "reject" else 0)
    if printed["verdict"] == "reject":
        assert printed["why"]


def test_prices_are_printed_as_the_venue_wrote_them(engine: str, tmp_path: Path) -> None:
    quote = tmp_path / "quote.json"
    quote.write_text('{"u":9007199254740993,"s":"BTCUSDT","b":"65000.10","B":"0.5","a":"65000.20","A":"1"}')
    result = _decode(engine, "binance", quote)
    printed = json.loads(result.stdout)
    assert result.returncode == 0
    assert (printed["bid_px"], printed["ask_px"]) == ("65000.10", "65000.20")
    assert printed["update_id"] == 9007199254740993


def test_an_unreadable_message_exits_1_and_says_why(engine: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"u":1,"s":"BTCUSDT","b":"65000.10"')
    result = _decode(engine, "binance", broken)
    assert result.returncode == 1
    assert json.loads(result.stdout)["verdict"] == "reject"


def test_an_unknown_venue_or_a_missing_file_is_an_error(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "any.json"
    file.write_text("{}")
    unknown = _decode(engine, "nasdaq", file)
    assert unknown.returncode != 0
    assert "nasdaq" in unknown.stderr
    missing = _decode(engine, "mexc", tmp_path / "missing.json")
    assert missing.returncode != 0
    assert "missing.json" in missing.stderr
