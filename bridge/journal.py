"""Reader of the journal: verified, resumable by (generation, seq), tolerant of a file that is still growing.

Only files are read; what the engine has appended and not yet copied to disk is `status.journal_seq -
status.journal_disk_seq` records.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .errors import JournalError
from .journal_file import (
    JournalFile,
    Records,
    chain_length,
    journal_parts,
    journal_path,
    open_journal_file,
    own_journal_layout,
    payloads,
)
from .layout import Layout, label_of

BATCH_RECORDS_MAX = 16384
POLL_S_DEFAULT = 0.05


@dataclass(frozen=True)
class JournalRecord:
    """One record. payload: fields as in journal.h, raw integers, char arrays as text."""

    generation: int
    seq: int
    input_seq: int
    time_ns: int  # core time: CLOCK_MONOTONIC of the generation
    wall_ns: int  # Unix epoch
    type: str  # "FILL", ...
    version: int
    payload: dict[str, Any]


@dataclass(frozen=True)
class JournalDamage:
    """Where the readable part of a generation ends although the file goes on."""

    path: Path
    seq: int  # the record that was expected there
    reason: str


class JournalReader:
    """Reads one generation, and with ``follow`` also those after it. Not thread-safe.

    Args:
        directory: where the .aj files are.
        generation: None: the newest on disk.
        from_seq: first record wanted; to go on after record n, n + 1.

    Attributes:
        generation, next_seq: the position; a reader made with these two goes on exactly there.
        damage: set when the next record is altered or torn although more follows; None otherwise.
    """

    def __init__(self, directory: Path, generation: int | None = None, from_seq: int = 1) -> None:
        if from_seq < 1:
            raise ValueError(f"from_seq = {from_seq}: least is 1")
        self.directory = directory
        self.generation = self._newest() if generation is None else generation
        self.next_seq = from_seq
        self.damage: JournalDamage | None = None
        self._file: JournalFile | None = None
        self._crc = 0  # of the record before next_seq

    def _newest(self) -> int:
        parts = journal_parts(self.directory)
        if not parts:
            raise JournalError(str(self.directory), "holds no journal")
        return parts[-1][0]

    @cached_property
    def _own_layout(self) -> Layout:
        return own_journal_layout()

    @property
    def layout(self) -> Layout:
        """Of the file being read; before the first record, this build's."""
        return self._own_layout if self._file is None else self._file.layout

    @property
    def wall_offset_ns(self) -> int:
        """Add to time_ns for Unix epoch time; 0 before the first record."""
        return 0 if self._file is None else self._file.wall_offset_ns

    def batch(self, count_max: int = BATCH_RECORDS_MAX) -> Records:
        """The next verified records as a structured array (dtype journal_record); empty at the end so far.

        Call again later: what was appended meanwhile is returned then. Raises JournalError for files that
            cannot be read at all.
        """
        while True:
            file = self._file if self._file is not None else self._seek()
            if file is None:
                return np.empty(0, self._own_layout.dtype("journal_record"))
            records, rest = file.read(self.next_seq - file.first_seq, min(count_max, BATCH_RECORDS_MAX))
            whole = chain_length(records, self.generation, self.next_seq, self._crc)
            self.damage = None
            if whole:
                self.next_seq += whole
                self._crc = int(records["crc32c"][whole - 1])
                return records[:whole]
            if len(records):
                # A record can be caught half-written at the very end; then the next call finds it whole.
                self.damage = JournalDamage(file.path, self.next_seq, "record is altered, torn or out of sequence")
                return records[:0]
            if rest or not self._next_part(file):
                return records

    def payloads(self, records: Records, type_name: str) -> Records:
        """Payloads of one type ("FILL") among records of a batch, as a structured array."""
        return payloads(records, self.layout, type_name)

    def __iter__(self) -> Iterator[JournalRecord]:
        """The records from the position to the end so far."""
        while len(records := self.batch()):
            yield from self._decoded(records)

    def follow(
        self, stop: Callable[[], bool] = lambda: False, poll_s: float = POLL_S_DEFAULT
    ) -> Iterator[JournalRecord]:
        """As ``tail -f``: waits for more, and goes on with the next generation once this one is read out.

        A damaged end of a dead generation is passed over when a newer generation is there; `damage` keeps it
        until the next record.

        Args:
            stop: asked at every turn; True ends the iteration.
            poll_s: seconds between two looks at a file that does not grow.
        """
        while not stop():
            later = self._later_generation()
            records = self.batch()
            if len(records):
                yield from self._decoded(records)
            # `later` was looked up before the batch: its generation began after this one was complete.
            elif later is not None:
                self.generation, self.next_seq, self._file = later, 1, None
            else:
                time.sleep(poll_s)

    def _later_generation(self) -> int | None:
        return next((found for found, _ in journal_parts(self.directory) if found > self.generation), None)

    def _decoded(self, records: Records) -> Iterator[JournalRecord]:
        layout, offset_ns = self.layout, self.wall_offset_ns
        labels = layout.labels("journal_type", "JOURNAL_")
        for seq, input_seq, time_ns, _, code, version, generation, payload in zip(
            *(records[name].tolist() for name in (records.dtype.names or ())[:-1]),
            (row.tobytes() for row in records["payload"]),
            strict=True,
        ):
            name = label_of(labels, code)
            struct = f"journal_{name.lower()}"
            fields = layout.decoder(struct).unpack(payload) if struct in layout.structs else {}
            yield JournalRecord(generation, seq, input_seq, time_ns, time_ns + offset_ns, name, version, fields)

    def _seek(self) -> JournalFile | None:
        """Opens the part that holds next_seq, and takes the chain's CRC from the record before it."""
        parts = [part for found, part in journal_parts(self.directory) if found == self.generation]
        if not parts:
            return None
        for part in reversed(parts):
            file = open_journal_file(self.directory, self.generation, part)
            if file.first_seq <= self.next_seq:
                break
        else:
            raise JournalError(str(file.path), f"begins with record {file.first_seq}, record {self.next_seq} is gone")
        if part == 0 and file.seed != file.seed_of_head:
            raise JournalError(str(file.path), "its head or header text is altered")
        self._crc = file.seed
        if self.next_seq > file.first_seq:
            before, _ = file.read(self.next_seq - 1 - file.first_seq, 1)
            if not len(before):
                return None  # the record before is not on disk yet
            if before["seq"][0] != self.next_seq - 1:
                raise JournalError(str(file.path), f"record {self.next_seq - 1} is altered: cannot go on after it")
            self._crc = int(before["crc32c"][0])
        self._file = file
        return file

    def _next_part(self, file: JournalFile) -> bool:
        if not journal_path(self.directory, self.generation, file.part + 1).exists():
            return False
        found = open_journal_file(self.directory, self.generation, file.part + 1)
        if (found.first_seq, found.seed) != (self.next_seq, self._crc):
            self.damage = JournalDamage(found.path, self.next_seq, "part does not continue the one before it")
            return False
        self._file = found
        return True
