"""One mapped shared-memory segment: refuses what is not the engine's, and copies blocks out without tearing.

Reading follows abi.h: a latch is two slots, each led by a sequence word; a cell is one record with one. The
word is read, one slice is copied, the word is read again; equal and even means the copy is whole. Loads are
not reordered with loads on x86-64, the only processor the engine is built for, so no fence is needed between
the three steps.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import posix_ipc  # type: ignore[import-not-found,import-untyped,unused-ignore]

from .errors import EngineDown, LayoutMismatch, SegmentRefused
from .instance import refuse_foreign
from .layout import Decoder, abi_hash, abi_layout

READ_RETRIES_MAX = 64
FIRST_READ_RETRIES_MAX = 4096  # while there is no last good copy to fall back on
RING_RETRIES_MAX = 8
_WORD = struct.Struct("@Q")  # native: one aligned 8-byte load
_NANOSECONDS = 1_000_000_000

Records = npt.NDArray[np.void]


@dataclass(frozen=True)
class Block:
    """Where a latched block lies: slots first..first+1 of `count` pairs, and how its value is read."""

    name: str
    offset: int
    slot_size: int
    pair_count: int
    decoder: Decoder
    words: struct.Struct  # the sequence words of both slots, from the first on


def _blocks() -> dict[str, Block]:
    layout = abi_layout()
    of = layout.constants
    pairs = {
        "venue": of["ABI_VENUE_MAX"],
        "book": of["ABI_VENUE_MAX"] * of["ABI_BOOK_PAGES"],
        "balances": of["ABI_VENUE_MAX"] * of["ABI_BALANCES_PAGES"],
        "strategy": of["ABI_STRATEGY_MAX"],
    }
    names = (
        "status",
        "counters",
        "pnl",
        "risk",
        "exposures",
        "alarms",
        "venue",
        "book",
        "balances",
        "strategy",
    )
    return {
        name: Block(
            name,
            layout.offsetof("abi_segment", name),
            layout.sizeof(f"abi_{name}_slot"),
            pairs.get(name, 1),
            layout.decoder(f"abi_{name}"),
            struct.Struct(f"@Q{layout.sizeof(f'abi_{name}_slot') - 8}xQ"),
        )
        for name in names
    }


class Segment:
    """A mapped segment. Not thread-safe: its owner holds a lock around every call.

    Args:
        instance: for error messages.
        name: shared-memory name, e.g. "/arbdeck-sim-7".

    Raises EngineDown (absent, not ready, shut down), SegmentRefused, LayoutMismatch.
    """

    def __init__(self, instance: str, name: str) -> None:
        self.instance = instance
        self.name = name
        self._map = _map(instance, name)
        layout = abi_layout()
        self._blocks = _blocks()
        self._last: dict[tuple[str, int], tuple[bytes, int]] = {}
        self._dtypes = {
            ring: layout.dtype(f"abi_{cell}_cell")
            for ring, cell in (
                ("opportunity", "opportunity"),
                ("order", "order"),
                ("fill", "fill"),
                ("pnl_ring", "pnl"),
            )
        }
        self._offsets = {field: layout.offsetof("abi_segment", field) for field in (*self._dtypes, "heads", "stage")}
        self._buckets = layout.constants["ABI_HISTOGRAM_BUCKETS"]
        try:
            self.header_bytes = self._map[: layout.sizeof("abi_header")]
            self.header = layout.decoder("abi_header").unpack(self.header_bytes)
        except BaseException:
            self._map.close()
            raise

    def close(self) -> None:
        # A numpy view of the map may still be in a caller's hands for a moment; then the map goes with it.
        with contextlib.suppress(BufferError):
            self._map.close()

    @property
    def ready(self) -> bool:
        """False once the engine has cleared the magic: it has shut down in order."""
        return bool(_WORD.unpack_from(self._map, 0)[0] == abi_layout().constants["ABI_MAGIC"])

    def block(self, name: str, index: int = 0) -> tuple[bytes, int] | None:
        """Newest whole value of a latched block.

        Returns (bytes of the value, age in ns of that copy) or None when the block was never written. The age
        is 0 except where the writer overtook all tries: then it is the last good copy and how long ago it was
        made. Raises EngineDown when there is no such copy either.
        """
        block = self._blocks[name]
        if not 0 <= index < block.pair_count:
            raise IndexError(f"{name}[{index}]: least 0, greatest {block.pair_count - 1}")
        last = self._last.get((name, index))
        data = self._latch(block, index, READ_RETRIES_MAX if last is not None else FIRST_READ_RETRIES_MAX)
        if data:
            self._last[name, index] = data, time.monotonic_ns()
            return data, 0
        if data is not None:
            return None
        if last is None:
            raise EngineDown(self.instance, f"{name} could not be read in {FIRST_READ_RETRIES_MAX} tries")
        return last[0], time.monotonic_ns() - last[1]

    def _latch(self, block: Block, index: int, retries_max: int) -> bytes | None:
        """A whole value; b"" when never written; None when the writer overtook every try."""
        first = block.offset + 2 * index * block.slot_size
        second = first + block.slot_size
        source, words, word = self._map, block.words.unpack_from, _WORD.unpack_from
        value_first, value_second = slice(first + 8, second), slice(second + 8, second + block.slot_size)
        for _ in range(retries_max):
            seq_first, seq_second = words(source, first)
            # An odd slot is being written, or its writer died inside.
            if seq_second & 1 or (seq_first > seq_second and not seq_first & 1):
                seq, at, value = seq_first, first, value_first
            else:
                seq, at, value = seq_second, second, value_second
            if seq & 1 or seq == 0:
                if seq_first == 0 and seq_second == 0:
                    return b""
                continue
            data: bytes = source[value]
            if word(source, at)[0] == seq:
                return data
        return None

    def heads(self) -> dict[str, int]:
        """Greatest id written to each ring."""
        layout = abi_layout()
        at = self._offsets["heads"]
        return layout.decoder("abi_heads").unpack(self._map[at : at + layout.sizeof("abi_heads")])

    def ring(self, name: str, limit: int) -> Records:
        """Newest whole records of a ring ("opportunity", "order", "fill", "pnl_ring"), oldest first.

        Records that are being written, or whose writer died inside, are left out.
        """
        newest = self._head(name)
        for _ in range(RING_RETRIES_MAX):
            found = self._newest(name, newest, limit)
            moved_to = self._head(name)
            # Nothing at all although the head moved: the writer went once round while this process was not running.
            if len(found) or moved_to == newest:
                break
            newest = moved_to
        return found

    def _head(self, name: str) -> int:
        return self.heads()["pnl" if name == "pnl_ring" else name]

    def _newest(self, name: str, newest: int, limit: int) -> Records:
        size = self.header["pnl_ring_size" if name == "pnl_ring" else "ring_size"]
        first = max(newest - min(limit, size) + 1, 1)
        if first > newest:
            return np.empty(0, self._dtypes[name]["value"])
        ids = np.arange(first, newest + 1, dtype=np.uint64)
        cells = self._cells(name, (ids % np.uint64(size)).astype(np.intp))
        found: Records = cells["value"][(cells["seq"] != 0) & (cells["value"]["id"] == ids)]
        return found

    def _cells(self, name: str, places: npt.NDArray[np.intp]) -> Records:
        """Copies of the cells at `places`; seq 0 where no whole copy was to be had."""
        dtype = self._dtypes[name]
        size = self.header["pnl_ring_size" if name == "pnl_ring" else "ring_size"]
        live = np.frombuffer(self._map, dtype, size, self._offsets[name])
        cells = np.zeros(len(places), dtype)
        open_at = np.arange(len(places))
        for _ in range(READ_RETRIES_MAX):
            before = live["seq"][places[open_at]]
            copies = live[places[open_at]]
            after = live["seq"][places[open_at]]
            whole = (before == after) & (before & np.uint64(1) == 0)
            copies["seq"] = before
            cells[open_at[whole]] = copies[whole]
            open_at = open_at[~whole]
            if not len(open_at):
                break
        return cells

    def histograms(self, first: int, count: int) -> npt.NDArray[np.uint64]:
        """Bucket counts of stages first..first+count-1: uint64[count, ABI_HISTOGRAM_BUCKETS], copied."""
        stride = self._buckets * 8
        at = self._offsets["stage"] + first * stride
        data = self._map[at : at + count * stride]
        return np.frombuffer(data, np.uint64).reshape(count, self._buckets)


def _map(instance: str, name: str) -> mmap.mmap:
    try:
        memory = posix_ipc.SharedMemory(name, read_only=True)
    except posix_ipc.ExistentialError:
        raise EngineDown(instance, f"its shared memory {name} is gone") from None
    except (OSError, posix_ipc.Error, ValueError) as error:
        raise SegmentRefused(instance, f"{name} cannot be opened: {error}") from error
    try:
        found = os.fstat(memory.fd)
        refuse_foreign(instance, name, found)
        _check_head(instance, name, os.pread(memory.fd, 24, 0), found.st_size)
        return mmap.mmap(memory.fd, found.st_size, mmap.MAP_SHARED, mmap.PROT_READ)
    except OSError as error:
        raise SegmentRefused(instance, f"{name} cannot be mapped: {error.strerror}") from error
    finally:
        memory.close_fd()


def _check_head(instance: str, name: str, head: bytes, file_size: int) -> None:
    layout = abi_layout()
    if len(head) < 24:
        raise SegmentRefused(instance, f"{name} has {file_size} bytes, too short for a header")
    magic, found_hash, size = struct.unpack("<3Q", head)
    if magic == 0:
        raise EngineDown(instance, f"{name} is not ready: still starting, or shut down")
    if magic != layout.constants["ABI_MAGIC"]:
        raise SegmentRefused(instance, f"{name} does not begin with the magic of a segment (found {magic:016x})")
    if found_hash != abi_hash():
        raise LayoutMismatch(f"{abi_hash():016x}", f"{found_hash:016x}")
    wanted = layout.sizeof("abi_segment")
    if size != wanted or file_size < size:
        raise SegmentRefused(instance, f"{name} has {file_size} bytes and says it has {size}; this layout has {wanted}")
