"""Where the database is and which instance is recorded: the only reader of the environment in this package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.settings import bridge_settings

SQLITE_NAME = "arbdeck.db"
# Written out, psycopg 3 is what runs; other spellings of the same database are common.
_SPELLINGS = ("postgres://", "postgresql://")
_DRIVER = "postgresql+psycopg://"


def home_of(environ: Mapping[str, str] | None = None) -> Path:
    env = os.environ if environ is None else environ
    return Path(env.get("ARBDECK_HOME") or "~/.arbdeck").expanduser()


def url_of(text: str) -> str:
    """A database URL as SQLAlchemy wants it. Raises ValueError for a database that is not supported."""
    for spelling in _SPELLINGS:
        if text.startswith(spelling):
            return _DRIVER + text.removeprefix(spelling)
    if text.startswith((_DRIVER, "sqlite:")):
        return text
    shown = text.split(":", 1)[0]  # never the rest: it can hold a password
    raise ValueError(f"DATABASE_URL begins with {shown!r}: allowed are sqlite:///path and postgresql://...")


def database_url(environ: Mapping[str, str] | None = None) -> str:
    """DATABASE_URL, else the SQLite file of ARBDECK_HOME."""
    env = os.environ if environ is None else environ
    given = env.get("DATABASE_URL")
    return url_of(given) if given else f"sqlite:///{home_of(env) / SQLITE_NAME}"


@dataclass(frozen=True)
class RecorderSettings:
    instance: str
    journal: Path
    status: Path
    url: str


def recorder_settings() -> RecorderSettings:
    """ARBDECK_HOME, ARBDECK_INSTANCE, DATABASE_URL. Raises ValueError naming the one that is not usable."""
    bridge = bridge_settings()
    return RecorderSettings(
        bridge.instance, bridge.journal_default, status_path(bridge.home, bridge.instance), database_url()
    )


def status_path(home: Path, instance: str) -> Path:
    """Where the recorder says how it is, also while the database is away."""
    return home / "state" / instance / "recorder.json"
