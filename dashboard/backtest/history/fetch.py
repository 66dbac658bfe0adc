"""Fills the gaps of the store from a venue: only what was never asked for, page by page, each page saved."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .errors import HistoryError, HistoryOffline, field_error
from .ranges import Range
from .records import CANDLES, MINUTE_NS, Source, WriteReport
from .store import HistoryStore
from .venue import DEPTH_MINUTES_OF, Row, VenueCandles
from .wording import missing_text, range_text, utc_text

MS_NS = 1_000_000
# A bar is taken once it has been over for this long: a venue may be late with the last trades.
FINISHED_AFTER_NS = 5_000_000_000
HOLE_PART = 10  # a silence of this part of a page or more, at its begin or end, is asked for once more

# (part of all that is done, a sentence) -> False: stop. As a job's heartbeat wants it.
Progress = Callable[[float, str], bool]


class CandlePages(Protocol):
    @property
    def page_minutes(self) -> int: ...

    def page(self, start_ms: int, end_ms: int) -> list[Row]: ...


@dataclass(frozen=True)
class FetchReport:
    """asked: what was missing; stopped: by the progress callback, before all of it was there."""

    asked: tuple[Range, ...]
    pages: int
    rows: WriteReport
    stopped: bool = False


def fetch_candles(
    store: HistoryStore,
    venue: str,
    symbol: str,
    start_ns: int,
    end_ns: int,
    *,
    url: str | None = None,
    again: bool = False,
    progress: Progress | None = None,
    wait: Callable[[float], object] = time.sleep,
    pages: CandlePages | None = None,
) -> FetchReport:
    """Gets the candles of [start_ns, end_ns) that the store lacks. Killed and called again, it goes on.

    Args:
        url: another address of the venue, such as the simulated one's; what comes from there is labelled synthetic.
        again: also asks for what was asked for before.
        pages: who answers; None: the venue, through ccxt.

    Raises HistoryError; the pages before are kept. HistoryOffline says what is still missing and how to get it.
    """
    start_ns = start_ns // MINUTE_NS * MINUTE_NS
    end_ns = min(-(-end_ns // MINUTE_NS) * MINUTE_NS, (store.now_ns() - FINISHED_AFTER_NS) // MINUTE_NS * MINUTE_NS)
    if start_ns >= end_ns:
        raise field_error("from", utc_text(start_ns), f"must be before to, and before now ({utc_text(store.now_ns())})")
    asked = [(start_ns, end_ns)] if again else store.missing(venue, symbol, CANDLES, start_ns, end_ns)
    if not asked:
        return FetchReport((), 0, WriteReport())
    _check_depth(venue, asked[0][0], store.now_ns())
    try:
        source = pages if pages is not None else VenueCandles(venue, symbol, url, wait)
        return _fetch(store, venue, symbol, asked, source, url, progress)
    except HistoryOffline as error:
        left = asked if again else store.missing(venue, symbol, CANDLES, start_ns, end_ns)
        raise HistoryOffline(f"{error}. {missing_text(venue, symbol, CANDLES, left)}") from error


def _fetch(
    store: HistoryStore,
    venue: str,
    symbol: str,
    asked: list[Range],
    source: CandlePages,
    url: str | None,
    progress: Progress | None,
) -> FetchReport:
    total = sum(end - start for start, end in asked)
    done, count, report = 0, 0, WriteReport()
    query = f"1m candles of {symbol}" + (f" from {url}" if url else "")
    waiting = deque(_windows(asked, source.page_minutes * MINUTE_NS))
    while waiting:
        window = waiting.popleft()
        rows = source.page(window[0] // MS_NS, window[1] // MS_NS)
        told, holes = _split(window, rows, source.page_minutes)
        waiting.extendleft(reversed(holes))
        origin = Source(f"ccxt {venue}" + (f" at {url}" if url else ""), query, store.now_ns(), url is not None)
        report += store.write_candles(venue, symbol, _columns(rows), origin, covered=told)
        done, count = done + told[1] - told[0], count + 1
        if progress is not None and not progress(done / total, f"{venue} {symbol} to {utc_text(told[1])}"):
            return FetchReport(tuple(asked), count, report, stopped=done < total)
    return FetchReport(tuple(asked), count, report)


def _split(window: Range, rows: list[Row], page_minutes: int) -> tuple[Range, list[Range]]:
    """(the part of the window that the rows tell about, what to ask again because the venue may have cut it off).

    A venue that gives fewer rows than it is asked for gives the first or the last ones. A hole asked for alone that
    comes back empty is a silence.
    """
    start, end = window
    if not rows:
        return window, []
    hole = max(page_minutes // HOLE_PART, 1) * MINUTE_NS
    first, last = min(row[0] for row in rows) * MS_NS, max(row[0] for row in rows) * MS_NS + MINUTE_NS
    told = (first if first - start >= hole else start, last if end - last >= hole else end)
    return told, [found for found in ((start, told[0]), (told[1], end)) if found[0] < found[1]]


def _windows(asked: list[Range], length: int) -> Iterator[Range]:
    for start, end in asked:
        for at in range(start, end, length):
            yield at, min(at + length, end)


def _columns(rows: list[Row]) -> dict[str, Any]:
    values = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 5)
    names = ("open", "high", "low", "close", "volume")
    at = np.array([row[0] for row in rows], dtype=np.int64) * MS_NS
    return {"ts_ns": at, **{name: values[:, index] for index, name in enumerate(names)}}


def _check_depth(venue: str, start_ns: int, now_ns: int) -> None:
    depth = DEPTH_MINUTES_OF.get(venue)
    if depth is not None and start_ns < now_ns - depth * MINUTE_NS:
        earliest = (now_ns // MINUTE_NS - depth + 1) * MINUTE_NS
        raise HistoryError(
            f"from = {utc_text(start_ns)}: {venue} gives the last {depth} minutes only, so not before "
            f"{utc_text(earliest)} (missing: {range_text((start_ns, earliest))}); import a file for what is older"
        )
