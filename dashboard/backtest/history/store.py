"""The history as a whole: what is there, what is missing, reading it and adding to it."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .dataset import DataSet
from .manifest import MANIFEST_NAME, Manifest
from .ranges import Range, subtract
from .records import (
    CANDLES,
    KINDS,
    MINUTE_NS,
    QUOTES,
    Candles,
    Entry,
    Key,
    Quotes,
    Source,
    Table,
    WriteReport,
    content_sha256,
)
from .rows import table_of
from .settings import history_root, sample_root


class HistoryStore:
    """History under one folder. Any number of readers and writers, in any process.

    What the folder has nothing of is read from `sample`, the invented history that is shipped; its times lie before
    there was any market, so that it is never seen beside real prices. Use from any thread.

    Args:
        root: None: $ARBDECK_HOME/history.
        sample: a second folder that is only read; None: the shipped one, without a root, and none with one.
        clock: Unix epoch nanoseconds; what lies ahead of it is not missing.
    """

    def __init__(
        self, root: Path | None = None, sample: Path | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.root = history_root() if root is None else root
        self._sample = sample_root() if root is None and sample is None else sample
        self._clock = clock

    def now_ns(self) -> int:
        return self._clock()

    # ---- reading ----

    def candles(self, venue: str, symbol: str, start_ns: int, end_ns: int) -> Candles:
        """Rows with start_ns <= ts_ns < end_ns; none when there are none (see `missing`)."""
        table, manifest = self._read(Key(venue, symbol, CANDLES), start_ns, end_ns)
        return Candles(venue, symbol, **table, **_origin(CANDLES, table, manifest))  # type: ignore[arg-type]

    def quotes(self, venue: str, symbol: str, start_ns: int, end_ns: int) -> Quotes:
        """Rows with start_ns <= ts_ns < end_ns; none when there are none (see `missing`)."""
        table, manifest = self._read(Key(venue, symbol, QUOTES), start_ns, end_ns)
        shown = {name: column for name, column in table.items() if name not in ("generation", "seq")}
        return Quotes(venue, symbol, **shown, **_origin(QUOTES, table, manifest))  # type: ignore[arg-type]

    def missing(self, venue: str, symbol: str, kind: str, start_ns: int, end_ns: int) -> builtins.list[Range]:
        """The stretches of [start_ns, end_ns), up to now, for which no source has been asked yet.

        Minutes for which the source was asked and had nothing are not among them: see `Entry.gaps`.
        """
        key = Key(venue, symbol, kind)
        covered = [found for root in self._roots() for found in _covered(DataSet(root, key).manifest())]
        return subtract([(start_ns, min(end_ns, self._clock() // MINUTE_NS * MINUTE_NS))], covered)

    def list(self) -> builtins.list[Entry]:
        """Every data set with rows, by kind, venue and symbol; this folder's before the shipped ones."""
        return [
            _entry(manifest, shipped=root == self._sample and root != self.root)
            for root in self._roots()
            for key in keys_under(root)
            if (manifest := DataSet(root, key).manifest()) is not None and manifest.parts
        ]

    def gaps(self, venue: str, symbol: str, kind: str) -> tuple[Range, ...]:
        """The longest stretches without rows between the first and the last one, in order; at most 20."""
        for root in self._roots():
            manifest = DataSet(root, Key(venue, symbol, kind)).manifest()
            if manifest is not None:
                return manifest.longest_gaps
        return ()

    def problems(self) -> dict[str, builtins.list[str]]:
        """Data set -> what is wrong with its files; every file is read and compared with its hash."""
        return {f"{key}": DataSet(self.root, key).problems() for key in keys_under(self.root)}

    # ---- writing ----

    def write_candles(
        self,
        venue: str,
        symbol: str,
        columns: Mapping[str, npt.ArrayLike],
        source: Source,
        covered: Range | None = None,
    ) -> WriteReport:
        """Merges candles in, in any order; of one minute the last row given is kept.

        Args:
            columns: ts_ns (int64, the bar's open), open, high, low, close, volume; one length.
            covered: the times for which the source was asked, so that its silence is not asked again.

        Raises HistoryError; then nothing was written. Rows that cannot be true are left out and named in the report.
        """
        table = table_of(CANDLES, dict(columns))
        return DataSet(self.root, Key(venue, symbol, CANDLES)).write(table, source, covered)

    def write_quotes(
        self,
        venue: str,
        symbol: str,
        columns: Mapping[str, npt.ArrayLike],
        source: Source,
        covered: Range | None = None,
    ) -> WriteReport:
        """As write_candles.

        Args:
            columns: ts_ns, bid, bid_qty, ask, ask_qty; and, where known, generation and seq (which make a quote one of
                its kind), recv_ns and venue_seq.
        """
        at = np.asarray(columns["ts_ns"])
        zeros = np.zeros(len(at), dtype=np.int64)
        given = {"recv_ns": at, "generation": zeros, "venue_seq": zeros, "seq": _number_of_its_time(at), **columns}
        return DataSet(self.root, Key(venue, symbol, QUOTES)).write(table_of(QUOTES, given), source, covered)

    # ---- inside ----

    def _roots(self) -> tuple[Path, ...]:
        return (self.root,) if self._sample is None else (self.root, self._sample)

    def _read(self, key: Key, start_ns: int, end_ns: int) -> tuple[Table, Manifest | None]:
        for root in self._roots():
            table, manifest = DataSet(root, key).read(start_ns, end_ns)
            if len(table["ts_ns"]):
                break
        return table, manifest


def keys_under(root: Path) -> Iterator[Key]:
    for kind in KINDS:
        for path in sorted((root / kind).glob(f"*/*/{MANIFEST_NAME}")):
            yield Key(path.parent.parent.name, path.parent.name, kind)


def _number_of_its_time(at: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """0, 1, 2 ... among rows of one time, so that none of them is taken for the other."""
    order = np.argsort(at, kind="stable")
    begins = np.append(True, np.diff(at[order]) != 0)[: len(at)]
    index = np.arange(len(at))
    numbers = np.empty(len(at), dtype=np.int64)
    numbers[order] = index - np.maximum.accumulate(np.where(begins, index, 0))
    return numbers


def _covered(manifest: Manifest | None) -> tuple[Range, ...]:
    return () if manifest is None else manifest.covered


def _origin(kind: str, table: Table, manifest: Manifest | None) -> dict[str, object]:
    return {
        "source": "" if manifest is None else manifest.source,
        "sha256": content_sha256(kind, table),
        "synthetic": manifest is not None and manifest.synthetic,
    }


def _entry(manifest: Manifest, shipped: bool) -> Entry:
    return Entry(
        manifest.key.venue,
        manifest.key.symbol,
        manifest.key.kind,
        manifest.parts[0].first_ns,
        manifest.parts[-1].last_ns,
        manifest.rows,
        manifest.gaps,
        manifest.missing,
        manifest.source,
        manifest.synthetic,
        shipped,
    )
