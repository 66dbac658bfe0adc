"""python -m dashboard.db.recorder: copies the journal of one instance into the database, exactly once.

It needs no engine: it waits for one. It may be killed at any time. While the database is away it tries again and the
journal waits on disk; nothing is lost but time. Settings: ARBDECK_HOME, ARBDECK_INSTANCE, DATABASE_URL.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError

from bridge import JournalError
from dashboard.db.base import now_ns
from dashboard.db.database import Database, DatabaseError
from dashboard.db.journal_tail import JournalTail, first_file, newest_generation, records_after
from dashboard.db.recorder_status import RecorderStatus, write_status
from dashboard.db.recording import CursorMoved, JournalReplaced, Recording, replaced_text
from dashboard.db.settings import RecorderSettings, recorder_settings

BATCH_RECORDS = 4096
POLL_S = 0.05
STATUS_EVERY_S = 0.5
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0

log = logging.getLogger("arbdeck.recorder")


class Recorder:
    """Args: stop, asked between batches; True ends run()."""

    def __init__(self, settings: RecorderSettings, stop: Callable[[], bool]) -> None:
        self._settings = settings
        self._stop = stop
        self._db = Database(settings.url)
        self._recording = Recording(self._db, settings.instance)
        self._state = "waiting"
        self._error: str | None = None  # what keeps it from recording now
        self._last_error: tuple[str, int] | None = None
        self._retry_s = RETRY_S_MIN
        self._status_at = 0.0

    def run(self) -> None:
        """Records until stop; whatever fails is tried again."""
        while not self._stop():
            try:
                self._connect()
                self._tail()
            except CursorMoved as moved:
                log.info("%s; going on from where the database is", moved)
            except (SQLAlchemyError, DatabaseError, JournalError, JournalReplaced, OSError) as error:
                self._failed(error)
                self._wait(self._retry_s)
                self._retry_s = min(self._retry_s * 2, RETRY_S_MAX)
        self._db.dispose()

    def _connect(self) -> None:
        self._db.migrate()
        self._recording.load()
        cursor, directory = self._recording.cursor, self._settings.journal
        if cursor is None:
            return
        newest = newest_generation(directory)
        if newest is not None and newest < cursor.generation:
            raise JournalReplaced(replaced_text(self._settings.instance, newest))
        file = first_file(directory, cursor.generation)
        if file is not None and file.wall_offset_ns != self._recording.wall_offset_ns:
            raise JournalReplaced(replaced_text(self._settings.instance, cursor.generation))

    def _tail(self) -> None:
        cursor = self._recording.cursor
        after = None if cursor is None else (cursor.generation, cursor.seq)
        tail = JournalTail(self._settings.journal, after)
        while not self._stop():
            batch = tail.batch(BATCH_RECORDS)
            for generation, why in tail.passed:
                log.warning("generation %d cannot be read to its end: %s", generation, why)
                self._recording.note_damage(generation, why)
            tail.passed.clear()
            if batch is not None:
                self._recording.record(batch.records, batch.layout, batch.generation, batch.wall_offset_ns)
            self._well("current" if batch is None and self._recording.cursor else "recording", tail)
            if batch is None:
                self._wait(POLL_S)

    def _well(self, state: str, tail: JournalTail) -> None:
        if self._error is not None:
            log.info("records again")
            self._error = None
        self._retry_s = RETRY_S_MIN
        self._state = "waiting" if self._recording.cursor is None else state
        if tail.damage is not None:
            self._note_error(f"the journal cannot be read on: {tail.damage}")
            self._state = "error"
        self._tell()

    def _failed(self, error: Exception) -> None:
        """Says once what is wrong, not at every attempt."""
        text = _sentence(error)
        if text != self._error:
            log.error("%s; trying again until it works", text)
        self._error, self._state = text, "error"
        self._note_error(text)
        self._db.dispose()
        self._tell()

    def _note_error(self, text: str) -> None:
        self._last_error = (text, now_ns())

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._status_at < STATUS_EVERY_S:
            return
        self._status_at = now
        cursor, settings = self._recording.cursor, self._settings
        try:
            left = records_after(settings.journal, None if cursor is None else (cursor.generation, cursor.seq))
            status = RecorderStatus(
                instance=settings.instance,
                database=self._db.name,
                pid=os.getpid(),
                state=self._state,
                generation=None if cursor is None else cursor.generation,
                seq=None if cursor is None else cursor.seq,
                records=0 if cursor is None else cursor.records,
                lag_records=left,
                lag_s=max(0.0, (now_ns() - cursor.wall_ns) / 1e9) if left and cursor else 0.0,
                last_error=None if self._last_error is None else self._last_error[0],
                last_error_ns=None if self._last_error is None else self._last_error[1],
                updated_ns=now_ns(),
            )
            write_status(settings.status, status)
        except (OSError, JournalError) as error:
            log.warning("cannot say how it is in %s: %s", settings.status, error)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stop() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, POLL_S))


def _sentence(error: Exception) -> str:
    """The first line: the driver's own words, without the statement and its values."""
    text = str(getattr(error, "orig", None) or error)
    return f"{type(error).__name__}: {text.strip().splitlines()[0] if text.strip() else 'no reason given'}"


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s recorder %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings = recorder_settings()
        ended = threading.Event()

        def end(_signal: int, _frame: FrameType | None) -> None:
            ended.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        recorder = Recorder(settings, ended.is_set)
    except ValueError as error:
        print(f"recorder: {error}", file=sys.stderr)
        return 2
    log.info("records %s from %s into %s", settings.instance, settings.journal, Database(settings.url).name)
    recorder.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
