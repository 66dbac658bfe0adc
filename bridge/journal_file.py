"""One file of the journal: head, embedded header text, verified records.

Every file embeds the text of the journal.h it was written with; the dtypes come from that text, so journals
of older builds stay readable. Layout: engine/journal.h and engine/ctl/journal_file.h.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import google_crc32c
import numpy as np
import numpy.typing as npt

from .errors import JournalError
from .layout import Layout, header_path, text_of

TEXT_SIZE_MAX = 1 << 20
_FILE_NAME = re.compile(r"(\d{10})-(\d{5})\.aj")

Records = npt.NDArray[np.void]


@lru_cache(maxsize=16)
def journal_layout(text: str) -> Layout:
    return Layout(text)


def own_journal_layout() -> Layout:
    """Layout of this build's journal.h; the head's struct never changes its meaning."""
    return journal_layout(header_path("journal.h").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class JournalFile:
    """A file whose head was checked."""

    path: Path
    generation: int
    part: int
    first_seq: int
    wall_offset_ns: int
    record_size: int
    seed: int
    seed_of_head: int  # CRC of head and text: what `seed` must be in part 0
    data_offset: int
    instance: str
    version: str
    layout: Layout

    def read(self, at_record: int, count: int) -> tuple[Records, int]:
        """(up to `count` whole records from index `at_record` on, bytes beyond them that make no whole
        record).
        """
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self.data_offset + at_record * self.record_size)
                data = file.read(count * self.record_size) or b""
        except OSError as error:
            raise JournalError(str(self.path), f"cannot be read: {error.strerror}") from error
        whole = len(data) // self.record_size
        return np.frombuffer(data, self.layout.dtype("journal_record"), whole), len(data) % self.record_size


def journal_path(directory: Path, generation: int, part: int) -> Path:
    return directory / f"{generation:010}-{part:05}.aj"


def journal_parts(directory: Path) -> list[tuple[int, int]]:
    """(generation, part) of every journal file in the directory, in order."""
    try:
        names = os.listdir(directory)
    except OSError as error:
        raise JournalError(str(directory), f"cannot be listed: {error.strerror}") from error
    found = [_FILE_NAME.fullmatch(name) for name in names]
    return sorted((int(match[1]), int(match[2])) for match in found if match is not None)


def open_journal_file(directory: Path, generation: int, part: int) -> JournalFile:
    """Raises JournalError when it is absent, damaged in its head, or another file under that name."""
    path = journal_path(directory, generation, part)
    own = own_journal_layout()
    head_size = own.sizeof("journal_file_head")
    try:
        with path.open("rb") as file:
            head = file.read(head_size)
            fields = own.decoder("journal_file_head").unpack(head) if len(head) == head_size else {}
            if fields.get("magic") != own.constants["JOURNAL_MAGIC"]:
                raise JournalError(str(path), "does not begin with a journal's head")
            if fields["text_size"] > TEXT_SIZE_MAX:
                raise JournalError(str(path), f"text_size = {fields['text_size']}, greatest {TEXT_SIZE_MAX}")
            text = file.read(fields["text_size"])
    except OSError as error:
        raise JournalError(str(path), f"cannot be opened: {error.strerror}") from error
    layout = _layout_of(path, text, fields["text_size"], fields["record_size"])
    if (fields["generation"], fields["part"]) != (generation, part):
        raise JournalError(str(path), f"is of generation {fields['generation']} part {fields['part']}")
    seed_at = own.offsetof("journal_file_head", "crc_seed")
    unseeded = head[:seed_at] + bytes(4) + head[seed_at + 4 :]
    padded = -(-len(text) // fields["record_size"]) * fields["record_size"]
    return JournalFile(
        path=path,
        generation=generation,
        part=part,
        first_seq=fields["first_seq"],
        wall_offset_ns=fields["wall_offset_ns"],
        record_size=fields["record_size"],
        seed=fields["crc_seed"],
        seed_of_head=google_crc32c.extend(google_crc32c.value(unseeded), text),
        data_offset=head_size + padded,
        instance=fields["instance"],
        version=fields["version"],
        layout=layout,
    )


def _layout_of(path: Path, text: bytes, text_size: int, record_size: int) -> Layout:
    if len(text) != text_size:
        raise JournalError(str(path), f"ends inside its header text, {len(text)} of {text_size} bytes")
    try:
        layout = journal_layout(text.decode("utf-8"))
        size = layout.sizeof("journal_record")
    except Exception as error:  # cffi raises many kinds for a text that is no C
        raise JournalError(str(path), f"its header text cannot be read: {error}") from error
    if size != record_size:
        raise JournalError(str(path), f"record_size = {record_size}, its header text says {size}")
    return layout


def chain_length(records: Records, generation: int, first_seq: int, seed: int) -> int:
    """How many leading records are whole and in sequence.

    Args:
        records: of dtype journal_record.
        first_seq, seed: what the first of them must carry, and the CRC of the record before it.
    """
    wanted = np.arange(first_seq, first_seq + len(records), dtype=np.uint64)
    wrong = np.flatnonzero((records["seq"] != wanted) | (records["generation"] != generation))
    count = int(wrong[0]) if len(wrong) else len(records)
    stored = records["crc32c"][:count].tolist()
    blanked = records[:count].copy()
    blanked["crc32c"] = 0
    data, size, extend = blanked.tobytes(), records.dtype.itemsize, google_crc32c.extend
    previous = seed
    for index in range(count):
        if extend(previous, data[index * size : (index + 1) * size]) != stored[index]:
            return index
        previous = stored[index]
    return count


def payloads(records: Records, layout: Layout, type_name: str) -> Records:
    """Payloads of all records of one type as a structured array, e.g. payloads(records, layout, "FILL").

    Fields are raw integers and NUL-padded bytes as in journal.h; the result is a copy.
    """
    code = layout.enums["journal_type"][f"JOURNAL_{type_name}"]
    chosen = records["payload"][records["type"] == code]
    if f"journal_{type_name.lower()}" not in layout.structs:
        raise ValueError(f"type {type_name} has no payload")
    dtype = layout.dtype(f"journal_{type_name.lower()}")
    return np.ascontiguousarray(chosen[:, : dtype.itemsize]).reshape(-1).view(dtype)


__all__ = [
    "JournalFile",
    "Records",
    "chain_length",
    "journal_layout",
    "journal_parts",
    "journal_path",
    "open_journal_file",
    "own_journal_layout",
    "payloads",
    "text_of",
]
