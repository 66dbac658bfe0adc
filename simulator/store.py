"""A venue's memory: an append-only file of JSON lines, so that orders, fills and balances survive kill -9.

Each change is written before the answer that speaks of it. A line cut short by a death is dropped at the next
start: nobody was told of it. One process per file: the file is locked while in use.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from simulator.errors import StoreError


class Store:
    """Owns `path` from `open` to `close`."""

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise StoreError(
                f"{path} is in use by another simulator; stop that one or set ARBDECK_HOME."
            ) from error
        if fresh:
            os.ftruncate(self._fd, 0)

    def append(self, record: dict[str, object]) -> None:
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        if os.write(self._fd, line) != len(line):
            raise StoreError(f"{self.path}: the disk is full.")

    def load(self) -> Iterator[dict[str, object]]:
        """All records so far; cuts off a last line that was not finished."""
        good_bytes = 0
        with open(self.path, "rb") as file:
            for index, line in enumerate(file):
                if not line.endswith(b"\n"):
                    break
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise StoreError(
                        f"{self.path} line {index + 1} is not JSON; start with --fresh."
                    ) from error
                good_bytes += len(line)
                yield record
        os.ftruncate(self._fd, good_bytes)

    def close(self) -> None:
        os.close(self._fd)
