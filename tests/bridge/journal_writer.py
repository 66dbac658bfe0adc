"""Writes journal files by hand, byte for byte as engine/journal.h and engine/ctl/journal_file.h say, with a
CRC of its own (bit by bit, from the polynomial), so that reader and writer are two readings of the same text.
"""

from __future__ import annotations

import struct
from pathlib import Path

from bridge.layout import header_path

HEAD_SIZE = 112
WALL_OFFSET_NS = 1_700_000_000_000_000_000
TYPE_QUOTE, TYPE_FILL, TYPE_TIMER = 11, 15, 26

_TABLE = []
for byte in range(256):
    crc = byte
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    _TABLE.append(crc)


def crc32c(seed: int, data: bytes) -> int:
    crc = seed ^ 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def fill_payload(order_id: int, trade_id: str = "t") -> bytes:
    numbers = struct.pack("<12q6I", 0, order_id, 6_000_000, 7, 15, 0, 0, 0, 0, 1, 2, 3, 0, 1, 2, 1, 0, 1)
    return numbers + trade_id.encode().ljust(40, b"\0") + b"USDT".ljust(16, b"\0")


class JournalWriter:
    """Appends to one generation. Attributes: path, of the current part; seq, of the last record."""

    def __init__(self, directory: Path, generation: int = 1, text: str | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.generation, self.part, self.seq = directory, generation, 0, 0
        self.text = (header_path("journal.h").read_text() if text is None else text).encode()
        self.crc = self._begin(None)

    def _begin(self, seed: int | None) -> int:
        self.path = self.directory / f"{self.generation:010}-{self.part:05}.aj"

        def head(crc_seed: int) -> bytes:
            return struct.pack(
                "<QQQqIIII32s32s", 0x314A4B4445425241, self.generation, self.seq + 1, WALL_OFFSET_NS, 256,
                len(self.text), crc_seed, self.part, b"sim", b"1.0",
            )  # fmt: skip

        assert len(head(0)) == HEAD_SIZE
        chosen = crc32c(crc32c(0, head(0)), self.text) if seed is None else seed
        unfinished = self.path.with_suffix(".new")
        unfinished.write_bytes(head(chosen) + self.text + bytes(-len(self.text) % 256))
        unfinished.rename(self.path)
        return chosen

    def roll(self) -> None:
        self.part += 1
        self.crc = self._begin(self.crc)

    def record(self, kind: int = TYPE_TIMER, payload: bytes = b"") -> bytes:
        """The next record's bytes; counts as appended."""
        self.seq += 1
        fields = (self.seq, 0, self.seq * 1000)
        tail = struct.pack("<HHQ", kind, 1, self.generation) + payload.ljust(216, b"\0")
        self.crc = crc32c(self.crc, struct.pack("<QQqI", *fields, 0) + tail)
        return struct.pack("<QQqI", *fields, self.crc) + tail

    def append(self, count: int = 1, kind: int = TYPE_TIMER) -> None:
        with self.path.open("ab") as file:
            for _ in range(count):
                payload = fill_payload(self.seq + 1, f"t{self.seq + 1}") if kind == TYPE_FILL else b""
                file.write(self.record(kind, payload))

    def record_offset(self, seq_in_file: int) -> int:
        """Byte offset of the n-th record of the current part, counted from 0."""
        return HEAD_SIZE + -(-len(self.text) // 256) * 256 + 256 * seq_in_file
