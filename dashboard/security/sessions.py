"""Signed-in browsers: opaque random ids, kept as hashes in SQLite so that a restart of the web process keeps
them.

A session ends by sign-out, after 30 minutes without use (an open live page is use), 12 hours after sign-in,
or when the sign-in token is replaced. Every failure of the store is "not signed in": it fails closed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

SESSION_FILE = "sessions.sqlite"
SESSION_ID_BYTES = 32
IDLE_S = 30 * 60
ABSOLUTE_S = 12 * 3600
TOUCH_EVERY_S = 30
SESSION_COUNT_MAX = 200

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id_hash TEXT PRIMARY KEY, token_fingerprint TEXT NOT NULL, created_s REAL NOT NULL, used_s REAL NOT NULL
)
"""


def _hash_of(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()


class Sessions:
    """The store of one web process. All calls are from its event loop's thread."""

    def __init__(self, run_dir: Path, fingerprint: str, clock: Callable[[], float] = time.time) -> None:
        path = run_dir / SESSION_FILE
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        os.chmod(path, 0o600)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_SCHEMA)
        self._fingerprint = fingerprint
        self._clock = clock
        self._forget_dead()

    def open(self) -> str:
        """A new session; returns the id for the cookie, which is stored nowhere."""
        self._forget_dead()
        session_id = secrets.token_urlsafe(SESSION_ID_BYTES)
        now = self._clock()
        self._database.execute(
            "INSERT INTO session VALUES (?, ?, ?, ?)", (_hash_of(session_id), self._fingerprint, now, now)
        )
        self._database.execute(
            "DELETE FROM session WHERE id_hash NOT IN (SELECT id_hash FROM session ORDER BY used_s DESC LIMIT ?)",
            (SESSION_COUNT_MAX,),
        )
        return session_id

    def valid(self, session_id: str | None) -> bool:
        """Whether this id is signed in; counts as use."""
        if not session_id:
            return False
        now = self._clock()
        id_hash = _hash_of(session_id)
        try:
            row = self._database.execute(
                "SELECT created_s, used_s FROM session WHERE id_hash = ? AND token_fingerprint = ?",
                (id_hash, self._fingerprint),
            ).fetchone()
            if row is None or now - row[0] > ABSOLUTE_S or now - row[1] > IDLE_S:
                return False
            if now - row[1] > TOUCH_EVERY_S:
                self._database.execute("UPDATE session SET used_s = ? WHERE id_hash = ?", (now, id_hash))
        except sqlite3.Error:
            return False
        return True

    def close(self, session_id: str) -> None:
        """Sign out; live connections of this session end at their next check."""
        self._database.execute("DELETE FROM session WHERE id_hash = ?", (_hash_of(session_id),))

    def _forget_dead(self) -> None:
        now = self._clock()
        self._database.execute(
            "DELETE FROM session WHERE created_s < ? OR used_s < ? OR token_fingerprint <> ?",
            (now - ABSOLUTE_S, now - IDLE_S, self._fingerprint),
        )
