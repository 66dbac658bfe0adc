"""One data set on disk: a folder with a manifest and Parquet files, one per month (candles) or hour (quotes).

Below the root: candles_1m/binance/BTCUSDT/manifest.json, candles_1m/binance/BTCUSDT/2023-03-1f0c5a....parquet ...
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from .errors import HistoryError
from .files import LOCK_NAME, sha256_of, write_whole, writer_lock
from .manifest import LONGEST_GAPS_MAX, MANIFEST_NAME, Manifest, Part, manifest_bytes, manifest_read
from .ranges import Range, gaps_of
from .records import CANDLES, COLUMNS, MINUTE_NS, Key, Source, Table, WriteReport, concat, empty_table, take
from .rows import checked, merged, ordered
from .wording import utc_text

DAY_NS = 86_400_000_000_000
READ_TRIES = 5  # a writer may replace files between the manifest and the file


class DataSet:
    """Many readers, one writer at a time. Reading never waits."""

    def __init__(self, root: Path, key: Key) -> None:
        self.key = key
        self.folder = root / key.kind / key.venue / key.symbol

    def manifest(self) -> Manifest | None:
        return manifest_read(self.folder, self.key)

    def read(self, start_ns: int, end_ns: int) -> tuple[Table, Manifest | None]:
        """(rows with start_ns <= ts_ns < end_ns, the manifest they belong to)"""
        for _ in range(READ_TRIES):
            manifest = self.manifest()
            if manifest is None:
                return empty_table(self.key.kind), None
            try:
                parts = [p for p in manifest.parts if p.first_ns < end_ns and p.last_ns >= start_ns]
                table = concat(self.key.kind, [self._read_part(part) for part in parts])
            except FileNotFoundError:
                continue
            first, last = np.searchsorted(table["ts_ns"], [start_ns, end_ns])
            return take(table, slice(int(first), int(last))), manifest
        raise HistoryError(f"{self.folder}: a file that its manifest names is gone; see `arbdeck data check`")

    def write(self, table: Table, source: Source, covered: Range | None = None) -> WriteReport:
        """Merges checked rows in; all of it or, when it fails or is killed, nothing.

        Args:
            covered: the times for which the source was asked; None: from the first row to the end of the last, without
                silences of more than a day, which it may never have been about.
        """
        table, report = checked(self.key.kind, table)
        table = ordered(self.key.kind, table)
        about = _stretches(self.key.kind, table) if covered is None else [covered]
        if not about:
            return report
        with writer_lock(self.folder):
            manifest = self.manifest() or Manifest(self.key, source.synthetic)
            if manifest.synthetic != source.synthetic:
                raise HistoryError(self._mixed_text(manifest))
            parts = {part.period: part for part in manifest.parts}
            for period, rows in _periods(self.key.kind, table):
                kept = self._read_part(parts[period]) if period in parts else empty_table(self.key.kind)
                rows, change = merged(self.key.kind, kept, rows)
                report += change
                if change.added or change.replaced:
                    parts[period] = self._write_part(period, rows)
            for stretch in about:
                inside = np.searchsorted(table["ts_ns"], stretch)
                manifest = manifest.with_origin(source, stretch, int(inside[1] - inside[0]))
            self._commit(replace(manifest, parts=tuple(parts[period] for period in sorted(parts))))
        return report

    def problems(self) -> list[str]:
        """What is wrong with the files, a sentence each; empty: every row is as it was written."""
        manifest = self.manifest()
        if manifest is None:
            return [f"{self.folder} has no {MANIFEST_NAME}"]
        found: list[str] = []
        for part in manifest.parts:
            path = self.folder / part.file
            if not path.is_file():
                found.append(f"{path} is gone")
            elif sha256_of(path) != part.sha256:
                found.append(f"{path} was changed: its SHA-256 is not {part.sha256}")
            else:
                found.extend(f"{path}: {sentence}" for sentence in self._row_problems(part))
        return found

    def _row_problems(self, part: Part) -> Iterator[str]:
        table = self._read_part(part)
        at = table["ts_ns"]
        if (len(at), int(at[0]), int(at[-1])) != (part.rows, part.first_ns, part.last_ns):
            yield f"holds {len(at)} rows from {utc_text(int(at[0]))}, its manifest says {part.rows}"
        if len(ordered(self.key.kind, table)["ts_ns"]) != len(at) or (np.diff(at) < 0).any():
            yield "its rows are out of order or doubled"
        yield from checked(self.key.kind, table)[1].refused

    def _mixed_text(self, manifest: Manifest) -> str:
        here, there = ("invented", "real") if manifest.synthetic else ("real", "invented")
        return (
            f"{self.key} in {self.folder} is {here} data ({manifest.source}), these rows are {there}: they are never "
            "mixed; choose another place with --root, or remove the folder"
        )

    def _read_part(self, part: Part) -> Table:
        path = self.folder / part.file
        try:
            # Read before it is parsed: once open, a file that a writer removes stays readable.
            table = pq.read_table(io.BytesIO(path.read_bytes()), columns=list(COLUMNS[self.key.kind]))
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException, KeyError) as error:
            raise HistoryError(f"{path} cannot be read as Parquet: {error}") from error
        return {name: np.asarray(table[name].to_numpy()) for name in COLUMNS[self.key.kind]}

    def _write_part(self, period: str, table: Table) -> Part:
        data = _parquet_bytes(table)
        digest = hashlib.sha256(data).hexdigest()
        name = f"{period}-{digest[:16]}.parquet"
        if not (self.folder / name).is_file():
            write_whole(self.folder / name, data)
        at = table["ts_ns"]
        gaps = gaps_of(at, MINUTE_NS) if self.key.kind == CANDLES else []
        return Part(period, name, digest, len(at), int(at[0]), int(at[-1]), len(gaps), _minutes(gaps), _longest(gaps))

    def _commit(self, manifest: Manifest) -> None:
        write_whole(self.folder / MANIFEST_NAME, manifest_bytes(self._with_gaps(manifest)))
        named = {part.file for part in manifest.parts} | {MANIFEST_NAME, LOCK_NAME}
        for path in self.folder.iterdir():  # what the write before this one left, killed or not
            if path.name not in named and path.is_file():
                path.unlink(missing_ok=True)

    def _with_gaps(self, manifest: Manifest) -> Manifest:
        if self.key.kind != CANDLES:
            # Quotes come when they come: a gap is a time that was not recorded.
            gaps = list(zip((end for _, end in manifest.covered), (s for s, _ in manifest.covered[1:]), strict=False))
            return replace(manifest, gaps=len(gaps), missing=0, longest_gaps=_longest(gaps))
        between = [
            (before.last_ns + MINUTE_NS, after.first_ns)
            for before, after in zip(manifest.parts, manifest.parts[1:], strict=False)
            if after.first_ns - before.last_ns > MINUTE_NS
        ]
        return replace(
            manifest,
            gaps=len(between) + sum(part.gaps for part in manifest.parts),
            missing=_minutes(between) + sum(part.missing for part in manifest.parts),
            longest_gaps=_longest([*between, *(gap for part in manifest.parts for gap in part.longest_gaps)]),
        )


def _stretches(kind: str, table: Table) -> list[Range]:
    """The times that rows are about, apart where nothing came for more than a day."""
    at = table["ts_ns"]
    step = MINUTE_NS if kind == CANDLES else 1
    bounds = [0, *(np.flatnonzero(np.diff(at) > DAY_NS) + 1).tolist(), len(at)]
    return [(int(at[first]), int(at[end - 1]) + step) for first, end in pairwise(bounds) if first < end]


def _longest(gaps: list[Range]) -> tuple[Range, ...]:
    return tuple(sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:LONGEST_GAPS_MAX]))


def _minutes(gaps: list[Range]) -> int:
    return sum(end - start for start, end in gaps) // MINUTE_NS


def _periods(kind: str, table: Table) -> Iterator[tuple[str, Table]]:
    """The rows by the calendar's stretches that make one file each."""
    at = table["ts_ns"]
    unit = "datetime64[M]" if kind == CANDLES else "datetime64[h]"
    labels = at.astype("datetime64[ns]").astype(unit)
    bounds = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), len(at)]
    for start, end in pairwise(bounds):
        if start < end:
            yield str(labels[start]), take(table, slice(start, end))


def _parquet_bytes(table: Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(column) for name, column in table.items()}), sink, compression="zstd")
    return sink.getvalue()
