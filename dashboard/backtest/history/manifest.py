"""The manifest of a data set: which Parquet files make it up, where its rows came from, what was asked for.

It names its files by their content's hash and is itself renamed into place, so a data set changes all at once: who
reads sees it before or after a write, also when the writer was killed in the middle.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .errors import HistoryError
from .ranges import Range, union
from .records import Key, Source

MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1
SOURCES_MAX = 100
LONGEST_GAPS_MAX = 20


@dataclass(frozen=True)
class Part:
    """One Parquet file: the rows of one stretch of the calendar."""

    period: str  # "2023-03" for candles, "2023-03-01T14" for quotes
    file: str
    sha256: str
    rows: int
    first_ns: int
    last_ns: int
    gaps: int  # inside of this part
    missing: int
    longest_gaps: tuple[Range, ...]


@dataclass(frozen=True)
class Origin:
    """A source, and the times for which it was asked."""

    source: Source
    start_ns: int
    end_ns: int
    rows: int


@dataclass(frozen=True)
class Manifest:
    """covered: the times for which a source was asked; what is not in it has never been looked for."""

    key: Key
    synthetic: bool
    parts: tuple[Part, ...] = ()
    covered: tuple[Range, ...] = ()
    origins: tuple[Origin, ...] = ()  # the newest last
    gaps: int = 0
    missing: int = 0
    longest_gaps: tuple[Range, ...] = ()

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def source(self) -> str:
        """The names of the sources, each once, in order."""
        return ", ".join(dict.fromkeys(origin.source.name for origin in self.origins))

    def with_origin(self, source: Source, covered: Range, rows: int) -> Manifest:
        """With what was asked noted; pages of one query that follow each other become one origin."""
        origins = list(self.origins)
        last = origins[-1] if origins else None
        if last is not None and last.end_ns == covered[0] and last.source.same_as(source):
            origins[-1] = replace(last, source=source, end_ns=covered[1], rows=last.rows + rows)
        else:
            origins.append(Origin(source, *covered, rows))
        return replace(self, covered=tuple(union([*self.covered, covered])), origins=tuple(origins[-SOURCES_MAX:]))


def manifest_bytes(manifest: Manifest) -> bytes:
    document = {
        "version": MANIFEST_VERSION,
        **asdict(manifest.key),
        "synthetic": manifest.synthetic,
        "rows": manifest.rows,
        "first_ns": manifest.parts[0].first_ns if manifest.parts else None,
        "last_ns": manifest.parts[-1].last_ns if manifest.parts else None,
        "gaps": manifest.gaps,
        "missing": manifest.missing,
        "longest_gaps": manifest.longest_gaps,
        "covered": manifest.covered,
        "sources": [asdict(origin) for origin in manifest.origins],
        "parts": [asdict(part) for part in manifest.parts],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def manifest_read(folder: Path, key: Key) -> Manifest | None:
    """None when there is no such data set; raises HistoryError for one that cannot be read."""
    path = folder / MANIFEST_NAME
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HistoryError(f"{path} cannot be read: {error}") from error
    try:
        return _manifest_of(document, key)
    except (KeyError, TypeError, ValueError) as error:
        raise HistoryError(f"{path} is not a manifest of {key}: {error!r}") from error


def _manifest_of(document: Any, key: Key) -> Manifest:
    if document["version"] != MANIFEST_VERSION:
        raise ValueError(f"version = {document['version']}, this program reads {MANIFEST_VERSION}")
    if (document["venue"], document["symbol"], document["kind"]) != (key.venue, key.symbol, key.kind):
        raise ValueError(f"it is of {document['venue']} {document['symbol']} {document['kind']}")
    return Manifest(
        key=key,
        synthetic=bool(document["synthetic"]),
        parts=tuple(Part(**(part | {"longest_gaps": _ranges(part["longest_gaps"])})) for part in document["parts"]),
        covered=_ranges(document["covered"]),
        origins=tuple(
            Origin(Source(**found["source"]), found["start_ns"], found["end_ns"], found["rows"])
            for found in document["sources"]
        ),
        gaps=int(document["gaps"]),
        missing=int(document["missing"]),
        longest_gaps=_ranges(document["longest_gaps"]),
    )


def _ranges(pairs: list[list[int]]) -> tuple[Range, ...]:
    return tuple((int(start), int(end)) for start, end in pairs)
