"""Protects the download of candles: over real HTTP through ccxt against the simulated venues, only what is missing,
page by page, resumable after kill -9, patient with rate limits, and one clear sentence when nobody answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from history_rows import MINUTE, NOW, ROOT, T0

from dashboard.backtest.history import HistoryError, HistoryStore
from dashboard.backtest.history.errors import HistoryOffline
from dashboard.backtest.history.fetch import fetch_candles
from dashboard.backtest.history.venue import Row
from tests.system.desk import Desk

KIND = "candles_1m"
KEY = ("binance", "BTCUSDT")


class Pages:
    """Candles for every minute except those in `silent`; counts what it was asked."""

    page_minutes = 100

    def __init__(self, silent: range = range(0), fails_at: int | None = None) -> None:
        self.asked: list[tuple[int, int]] = []
        self._silent, self._fails_at = silent, fails_at

    def page(self, start_ms: int, end_ms: int) -> list[Row]:
        if len(self.asked) == self._fails_at:
            raise HistoryOffline("binance does not answer")
        self.asked.append((start_ms, end_ms))
        t0_ms = T0 // 10**6
        minutes = (at for at in range(start_ms, end_ms, 60_000) if (at - t0_ms) // 60_000 not in self._silent)
        return [(at, 1.0, 1.0, 1.0, 1.0, 1.0) for at in minutes]


def get(store: HistoryStore, pages: Pages, first: int, last: int, **more: Any) -> Any:
    return fetch_candles(store, *KEY, T0 + first * MINUTE, T0 + last * MINUTE, pages=pages, **more)


def test_only_what_is_missing_is_asked_for(store: HistoryStore) -> None:
    get(store, Pages(), 100, 200)
    pages = Pages()
    report = get(store, pages, 0, 300)
    assert [(s // 60_000 - T0 // MINUTE, e // 60_000 - T0 // MINUTE) for s, e in pages.asked] == [(0, 100), (200, 300)]
    assert (report.pages, report.rows.added) == (2, 200)
    pages = Pages()
    assert get(store, pages, 0, 300).asked == () and pages.asked == []


def test_silence_of_the_venue_is_a_gap_and_not_asked_again_unless_told(store: HistoryStore) -> None:
    get(store, Pages(silent=range(50, 250)), 0, 300)
    (entry,) = store.list()
    assert (entry.rows, entry.gaps, entry.missing) == (100, 1, 200)
    pages = Pages()
    assert get(store, pages, 0, 300).asked == ()
    assert get(store, pages, 0, 300, again=True).rows.added == 200


@pytest.mark.parametrize("newest", [False, True])
def test_a_venue_that_gives_less_than_a_page_is_asked_until_all_is_there(store: HistoryStore, newest: bool) -> None:
    class Short(Pages):
        def page(self, start_ms: int, end_ms: int) -> list[Row]:
            rows = super().page(start_ms, end_ms)
            return rows[-30:] if newest else rows[:30]

    pages = Short()
    get(store, pages, 0, 300)
    assert store.list()[0].rows == 300 and store.list()[0].gaps == 0
    assert len(pages.asked) == 12
    assert store.missing(*KEY, KIND, T0, T0 + 300 * MINUTE) == []


def test_pages_before_a_failure_are_kept_and_the_sentence_names_the_rest_and_the_command(store: HistoryStore) -> None:
    with pytest.raises(HistoryOffline) as error:
        get(store, Pages(fails_at=2), 0, 1000)
    assert "No candles_1m of BTCUSDT at binance from 2023-03-01T03:20Z to 2023-03-01T16:40Z" in str(error.value)
    assert "arbdeck data fetch --venue binance --symbol BTCUSDT --from 2023-03-01T03:20Z" in str(error.value)
    assert store.list()[0].rows == 200
    assert get(store, Pages(), 0, 1000).rows.added == 800


def test_a_cancelled_download_stops_after_the_page_that_is_saved(store: HistoryStore) -> None:
    told: list[tuple[float, str]] = []

    def progress(part: float, sentence: str) -> bool:
        told.append((part, sentence))
        return len(told) < 3

    report = get(store, Pages(), 0, 1000, progress=progress)
    assert report.stopped and report.pages == 3 and store.list()[0].rows == 300
    assert [part for part, _ in told] == [0.1, 0.2, pytest.approx(0.3)]
    assert told[0][1] == "binance BTCUSDT to 2023-03-01T01:40Z"


def test_the_unfinished_minute_is_not_taken(tmp_path: Path) -> None:
    for seconds, rows in ((4, 9), (6, 10)):
        now = T0 + 10 * MINUTE + seconds * 10**9
        store = HistoryStore(tmp_path / str(seconds), clock=lambda now=now: now)  # type: ignore[misc]
        get(store, Pages(), 0, 500)
        assert store.list()[0].rows == rows


def test_a_span_without_minutes_or_beyond_a_venues_memory_is_refused(store: HistoryStore) -> None:
    with pytest.raises(HistoryError, match="from = '2023-03-01T00:10Z': must be before to"):
        get(store, Pages(), 10, 10)
    with pytest.raises(HistoryError, match="kraken gives the last 720 minutes only, so not before 2024-04-03T12:01Z"):
        fetch_candles(store, "kraken", "XBTUSD", NOW - 1000 * MINUTE, NOW)


def test_an_unknown_venue_is_refused_with_near_names(store: HistoryStore) -> None:
    with pytest.raises(HistoryError, match=r"venue = 'binanse': allowed are ccxt's names; near are binance"):
        fetch_candles(store, "binanse", "BTCUSDT", T0, NOW)


# ---- over HTTP ----


@pytest.fixture
def venues(arbdeck_home: Path, free_port: Callable[[], int]) -> Iterator[Desk]:
    desk = Desk(arbdeck_home, Path("no-engine"), free_port)
    desk.start_venues()
    yield desk
    desk.stop()


def url_of(desk: Desk, venue: str) -> str:
    return f"http://127.0.0.1:{desk.ports[venue]}"


@pytest.mark.parametrize(("venue", "pages"), [("binance", 2), ("mexc", 3)])
def test_candles_come_through_ccxt_from_both_kinds_of_venue(
    store: HistoryStore, venues: Desk, venue: str, pages: int
) -> None:
    url = url_of(venues, venue)
    report = fetch_candles(store, venue, "ETHUSDT", T0, T0 + 1500 * MINUTE, url=url)
    found = store.candles(venue, "ETHUSDT", T0, T0 + 1500 * MINUTE)
    assert report.pages == pages and found.synthetic and url in found.source
    # Binance gives a bar without volume for a silent minute, MEXC gives none.
    silent = int((found.volume == 0).sum()) if venue == "binance" else 1500 - len(found)
    assert len(found) == (1500 if venue == "binance" else report.rows.added)
    assert 5 <= silent <= 40
    assert found.volume.max() > 0
    # The numbers are the venue's own, from a request by hand.
    import urllib.request

    query = f"symbol=ETHUSDT&interval=1m&startTime={T0 // 10**6}&endTime={T0 // 10**6 + 5 * 60_000}&limit=5"
    with urllib.request.urlopen(f"{url}/api/v3/klines?{query}", timeout=5) as answer:
        rows = json.load(answer)
    for index, row in enumerate(rows[:4]):
        values = (found.ts_ns[index] // 10**6, found.open[index], found.high[index], found.low[index])
        assert values == (row[0], *(float(text) for text in row[1:4]))
        assert (found.close[index], found.volume[index]) == (float(row[4]), float(row[5]))


def test_the_same_past_is_told_by_every_simulated_venue_process(
    store: HistoryStore, venues: Desk, tmp_path: Path
) -> None:
    spans = (T0, T0 + 200 * MINUTE)
    fetch_candles(store, *KEY, *spans, url=url_of(venues, "binance"))
    venues.kill("venues")
    venues.start_venues()
    other = HistoryStore(tmp_path / "other", clock=lambda: NOW)
    fetch_candles(other, *KEY, *spans, url=url_of(venues, "binance"))
    assert store.candles(*KEY, *spans).sha256 == other.candles(*KEY, *spans).sha256


def test_an_unknown_symbol_is_refused_with_near_names(store: HistoryStore, venues: Desk) -> None:
    with pytest.raises(HistoryError, match="symbol = 'BTCUSDX': binance has no such spot market; it has BTCUSDT"):
        fetch_candles(store, "binance", "BTCUSDX", T0, T0 + MINUTE, url=url_of(venues, "binance"))


def test_nobody_answers_is_one_sentence_with_the_gap_and_the_command(
    store: HistoryStore, free_port: Callable[[], int]
) -> None:
    waits: list[float] = []
    with pytest.raises(HistoryOffline) as error:
        fetch_candles(store, *KEY, T0, T0 + 5 * MINUTE, url=f"http://127.0.0.1:{free_port()}", wait=waits.append)
    assert waits == [1.0, 2.0, 4.0]
    assert str(error.value).startswith("binance does not answer (NetworkError: ")
    assert "arbdeck data fetch --venue binance --symbol BTCUSDT --from 2023-03-01T00:00Z --to 2023-03-01T00:05Z" in str(
        error.value
    )
    assert "\n" not in str(error.value)


class Limited(BaseHTTPRequestHandler):
    """A venue that answers its first klines request as `script` says, then properly."""

    script: ClassVar[list[tuple[int, dict[str, str]]]] = []

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        status, headers, body = 200, {}, b""
        if url.path.endswith("exchangeInfo"):
            symbol = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}
            body = json.dumps({"symbols": [symbol | {"isSpotTradingAllowed": True, "permissions": ["SPOT"]}]}).encode()
        elif self.script:
            status, headers = self.script.pop(0)
            body = b'{"code":-1003,"msg":"Too many requests."}'
        else:
            at = int(parse_qs(url.query)["startTime"][0])
            body = json.dumps([[at, "1", "2", "0.5", "1", "3", at + 59_999, "3", 1, "1", "1", "0"]]).encode()
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body)), "Content-Type": "application/json"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def limited() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Limited)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    Limited.script = []


def test_a_rate_limit_is_waited_for_as_long_as_the_venue_says(store: HistoryStore, limited: str) -> None:
    Limited.script = [(429, {"Retry-After": "7"}), (418, {"Retry-After": "30"}), (503, {})]
    waits: list[float] = []
    report = fetch_candles(store, *KEY, T0, T0 + 3 * MINUTE, url=limited, wait=waits.append)
    assert waits == [7.0, 30.0, 4.0]
    assert report.rows.added == 1


def test_a_ban_of_hours_is_told_instead_of_waited_for(store: HistoryStore, limited: str) -> None:
    Limited.script = [(418, {"Retry-After": "7200"})]
    with pytest.raises(HistoryOffline, match="binance asks to wait for 7200 s"):
        fetch_candles(store, *KEY, T0, T0 + 3 * MINUTE, url=limited, wait=pytest.fail)


def test_a_download_killed_anywhere_goes_on_where_it_was(venues: Desk, tmp_path: Path) -> None:
    root, minutes = tmp_path / "history", 6000
    command = [
        *(sys.executable, "-c", "from dashboard.cli import main; main()"),
        *("data", "fetch", "--venue", "mexc", "--symbol", "BTCUSDT", "--from", "2023-03-01"),
        *("--to", "2023-03-05T04:00", "--url", url_of(venues, "mexc"), "--root", str(root), "--json"),
    ]
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    store = HistoryStore(root)
    span = (T0, T0 + minutes * MINUTE)
    before = 0
    for _ in range(3):
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while process.poll() is None and len(store.candles("mexc", "BTCUSDT", *span)) <= before:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        rows = len(store.candles("mexc", "BTCUSDT", *span))
        assert rows >= before
        before = rows
        assert store.problems() == {"mexc BTCUSDT candles_1m": []}
    left = store.missing("mexc", "BTCUSDT", KIND, *span)
    assert before > 0
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["asked"] == [list(found) for found in left]
    assert store.missing("mexc", "BTCUSDT", KIND, *span) == []
    whole = HistoryStore(tmp_path / "whole")
    fetch_candles(whole, "mexc", "BTCUSDT", *span, url=url_of(venues, "mexc"))
    assert whole.candles("mexc", "BTCUSDT", *span).sha256 == store.candles("mexc", "BTCUSDT", *span).sha256
