"""The recorder as a process of its own, startable and killable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from dashboard.db import Database
from dashboard.db.journal_tables import RecorderCursorRow
from dashboard.db.journal_tail import records_after

ROOT = Path(__file__).resolve().parents[2]


class RecorderProcess:
    def __init__(self, home: Path, instance: str, url: str) -> None:
        self.home, self.instance, self.url = home, instance, url
        self.log = home / "recorder.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        return self.home / "state" / self.instance / "journal"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        environment = {
            **os.environ,
            "ARBDECK_HOME": str(self.home),
            "ARBDECK_INSTANCE": self.instance,
            "DATABASE_URL": self.url,
            "PYTHONPATH": str(ROOT),
        }
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dashboard.db.recorder"],
                cwd=self.home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def end(self, number: int = signal.SIGTERM) -> int | None:
        """Its exit code; None: it was not running."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.send_signal(number)
        return process.wait(timeout=20)

    def wait_until_current(self, db: Database, timeout_s: float = 60.0) -> None:
        """Until everything on disk is in the database."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                left = self.left(db)
            except sa.exc.SQLAlchemyError:
                left = -1
            if left == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"still behind after {timeout_s:g} s:\n{self.log.read_text()}")

    def left(self, db: Database) -> int:
        with db.session() as session:
            row = session.get(RecorderCursorRow, self.instance)
        return -1 if row is None else records_after(self.journal, (row.generation, row.seq))
