"""The journal of one instance from a place on, generation after generation, and how much of it is left to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge import JournalError, JournalReader
from bridge.journal_file import JournalFile, Records, journal_parts, open_journal_file
from bridge.layout import Layout


@dataclass(frozen=True)
class Batch:
    """Records that follow each other in one generation; none: nothing there yet."""

    records: Records
    layout: Layout
    generation: int
    wall_offset_ns: int


class JournalTail:
    """Args: after, (generation, seq) of the last record that was read; None: from the oldest one on.

    Attributes: passed, what was left behind unreadable: (generation, why), to be taken by the caller.
    """

    def __init__(self, directory: Path, after: tuple[int, int] | None) -> None:
        self._directory = directory
        self._reader: JournalReader | None = None
        self.passed: list[tuple[int, str]] = []
        if after is not None:
            self._reader = JournalReader(directory, after[0], after[1] + 1)

    @property
    def damage(self) -> str | None:
        """Why the reading does not go on; None: it does."""
        found = None if self._reader is None else self._reader.damage
        return None if found is None else f"{found.path}, record {found.seq}: {found.reason}"

    def batch(self, count_max: int) -> Batch | None:
        """The next records; None: there are none yet. Raises JournalError."""
        if self._reader is None:
            oldest = self._later(0)
            if oldest is None:
                return None
            self._reader = JournalReader(self._directory, oldest)
        while True:
            # Looked up before reading: that generation began when this one was complete.
            later = self._later(self._reader.generation)
            records = self._reader.batch(count_max)
            if len(records):
                reader = self._reader
                return Batch(records, reader.layout, reader.generation, reader.wall_offset_ns)
            if later is None:
                return None
            if self.damage is not None:
                self.passed.append((self._reader.generation, self.damage))
            self._reader = JournalReader(self._directory, later)

    def _later(self, generation: int) -> int | None:
        try:
            return next((found for found, _ in journal_parts(self._directory) if found > generation), None)
        except JournalError:
            return None  # no such folder: no engine has run yet


def first_file(directory: Path, generation: int) -> JournalFile | None:
    """The oldest file of a generation; None: it is not there (any more)."""
    try:
        part = next((part for found, part in journal_parts(directory) if found == generation), None)
    except JournalError:
        return None
    return None if part is None else open_journal_file(directory, generation, part)


def newest_generation(directory: Path) -> int | None:
    try:
        parts = journal_parts(directory)
    except JournalError:
        return None
    return parts[-1][0] if parts else None


def records_after(directory: Path, place: tuple[int, int] | None) -> int:
    """How many records are on disk after (generation, seq); None: after nothing, all of them. Raises JournalError."""
    try:
        parts = journal_parts(directory)
    except JournalError:
        return 0  # no such folder: no engine has run yet
    generation_read, seq_read = place or (0, 0)
    count = 0
    for generation, part in parts:
        if generation < generation_read:
            continue
        file = open_journal_file(directory, generation, part)
        last = file.first_seq - 1 + max(0, file.path.stat().st_size - file.data_offset) // file.record_size
        count += max(0, last - max(seq_read if generation == generation_read else 0, file.first_seq - 1))
    return count
