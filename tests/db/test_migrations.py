"""Protects the tables: what the models say is what the migrations make, from empty, again, and by many at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from dashboard.db import Database, DatabaseError
from dashboard.db.models import metadata
from dashboard.db.settings import database_url as url_from_environment


def test_migrations_make_the_tables_that_the_models_say(db: Database) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(db: Database) -> None:
    before = sa.inspect(db.engine).get_table_names()
    db.migrate()
    assert sa.inspect(db.engine).get_table_names() == before


def test_many_processes_migrate_an_empty_database_at_once(database_url: str) -> None:
    program = f"from dashboard.db import Database; Database({database_url!r}).migrate()"
    root = Path(__file__).resolve().parents[2]
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(subprocess.run, [sys.executable, "-c", program], cwd=root, capture_output=True, check=False)
            for _ in range(4)
        ]
    for run in runs:
        assert run.result().returncode == 0, run.result().stderr.decode()
    made = Database(database_url)
    assert "fills" in sa.inspect(made.engine).get_table_names()
    made.dispose()


def test_tables_of_a_newer_program_are_refused_with_what_to_do(db: Database) -> None:
    with db.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="newer arbdeck"):
        db.migrate()


def test_sqlite_is_opened_with_wal_busy_timeout_and_foreign_keys(tmp_path: Path) -> None:
    made = Database(f"sqlite:///{tmp_path}/x/arbdeck.db")
    with made.session() as session:
        pragmas = {
            name: session.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "busy_timeout", "foreign_keys")
        }
    made.dispose()
    assert pragmas == {"journal_mode": "wal", "busy_timeout": 30000, "foreign_keys": 1}


def test_a_sqlite_file_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "arbdeck.db"
    made = Database(f"sqlite:///{path}")
    made.migrate()
    for name in ("arbdeck.db", "arbdeck.db-wal", "arbdeck.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with made.session() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM sqlite_master")) == 0
    made.dispose()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_usual_spellings_of_a_url_are_understood(given: str, wanted: str) -> None:
    assert url_from_environment({"DATABASE_URL": given}) == wanted


def test_without_a_url_the_database_is_the_file_of_the_home() -> None:
    assert url_from_environment({"ARBDECK_HOME": "/x/y"}) == "sqlite:////x/y/arbdeck.db"


def test_an_unsupported_url_is_refused_without_showing_its_password() -> None:
    with pytest.raises(ValueError, match="DATABASE_URL begins with 'mysql'") as raised:
        url_from_environment({"DATABASE_URL": "mysql://u:secret@h/d"})
    assert "secret" not in str(raised.value)
