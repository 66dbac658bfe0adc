"""Files that are whole or not there: written beside their place, synced, renamed; and a lock between two writers."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import HistoryError

LOCK_NAME = ".lock"
LOCK_WAIT_S = 30.0
LOCK_POLL_S = 0.02
UNFINISHED = ".unfinished"


def write_whole(path: Path, data: bytes) -> None:
    """After this the file is there with all of `data`, also after a power cut; before, it is as it was.

    Raises HistoryError, for a full disk for example; then the file is as it was.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with open(unfinished, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise HistoryError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def writer_lock(folder: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """One writer a folder; a dead writer's lock is free. Makes the folder. Raises HistoryError after `wait_s`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(folder / LOCK_NAME, "a")  # noqa: SIM115 - closed below
    except OSError as error:
        raise HistoryError(f"{folder} cannot be written: {error.strerror}") from error
    with file:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise HistoryError(
                        f"{folder} is being written by another process for {wait_s:g} s: try again"
                    ) from None
                time.sleep(LOCK_POLL_S)
        yield


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
