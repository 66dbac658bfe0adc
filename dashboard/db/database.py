"""The database: one engine for SQLite or PostgreSQL, sessions, migrations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session

from dashboard.db.settings import database_url, url_of

BUSY_TIMEOUT_MS = 30_000  # SQLite has one writer at a time: how long another one waits for it
MIGRATION_LOCK = 0x61726264  # PostgreSQL: who migrates; any number that nobody else uses
CONNECT_TIMEOUT_S = 5
MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


class Database:
    """Args: url of the database, an Engine, a Session (its database is used), or None: DATABASE_URL, else the SQLite
    file of ARBDECK_HOME. Threads may share it; a process that forks makes its own.
    """

    def __init__(self, url: str | sa.Engine | Session | None = None) -> None:
        if isinstance(url, Session):
            bind = url.get_bind()
            self.engine = bind if isinstance(bind, sa.Engine) else bind.engine
        elif isinstance(url, sa.Engine):
            self.engine = url
        else:
            self.engine = _engine(database_url() if url is None else url_of(url))
        self._prepare_sqlite()
        self._writer = self.engine.execution_options(arbdeck_write=True)

    @property
    def sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def name(self) -> str:
        """For messages: without the password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction that reads: rolled back at the end. What changes rows uses `writing`."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes: committed at the end, rolled back by an exception."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Brings the tables to this program's version. Several processes may call it at once; one does it.

        Raises DatabaseError when the tables are of a newer program.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self._writer.begin() as connection:
            if not self.sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise DatabaseError(
                    f"{self.name} cannot be brought up to date ({error}): it was written by a newer arbdeck; "
                    "install that version, or name another database in DATABASE_URL."
                ) from error

    def dispose(self) -> None:
        """Closes the connections; the next use opens new ones."""
        self.engine.dispose()

    def _prepare_sqlite(self) -> None:
        if self.sqlite and not event.contains(self.engine, "begin", _sqlite_begin):
            event.listen(self.engine, "connect", _sqlite_connect)
            event.listen(self.engine, "checkout", _sqlite_checkout)
            event.listen(self.engine, "begin", _sqlite_begin)


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).expanduser().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return sa.create_engine(parsed)
    return sa.create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})


def _file_mark(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _sqlite_path(connection: Any) -> str:
    return str(connection.execute("PRAGMA database_list").fetchone()[2])


def _sqlite_connect(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, see _sqlite_begin
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    path = _sqlite_path(connection)
    record.info["file"] = (path, _file_mark(path)) if path else None


def _sqlite_checkout(_connection: Any, record: Any, _proxy: Any) -> None:
    """A connection to a file that was removed or replaced would write into nothing: a new one is opened."""
    place = record.info["file"]
    if place is not None and _file_mark(place[0]) != place[1]:
        raise DisconnectionError(f"{place[0]} is another file now")


def _sqlite_begin(connection: sa.Connection) -> None:
    # A reader that becomes a writer fails when somebody wrote in between; so a writer is one from the start.
    write = connection.get_execution_options().get("arbdeck_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
