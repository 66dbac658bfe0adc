"""Everything the web process is told from outside; the only module of the dashboard that reads the
environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashboard.paths import assets_dir

PORT_DEFAULT = 8050
HOST_DEFAULT = "127.0.0.1"
INSTANCE_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class SettingsError(ValueError):
    """A setting that stops the start. The message names the variable, its value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """What one web process runs with.

    Attributes: home, the directory of this installation's state; instance, the engine's name or None for the
    only one there is; host and port, where the server listens; assets, the folder of scripts and style
    sheets; database_url, None: the SQLite file of `home`.
    """

    home: Path
    instance: str | None
    host: str
    port: int
    assets: Path
    database_url: str | None = None

    @property
    def run_dir(self) -> Path:
        """Where sockets, the sign-in token and the sessions live (mode 0700)."""
        return self.home / "run"

    @property
    def database(self) -> str:
        """The database's address, for SQLAlchemy."""
        return self.database_url or f"sqlite:///{self.home / 'arbdeck.db'}"

    @property
    def hosts(self) -> frozenset[str]:
        """Values of the Host header that this server answers to: a foreign one is a DNS rebinding attempt."""
        names = {*LOOPBACK_NAMES}
        if self.host not in {"0.0.0.0", "::"}:
            names.add(f"[{self.host}]" if ":" in self.host else self.host)
        return frozenset(f"{name}:{self.port}" for name in names) | (names if self.port == 80 else frozenset())


def _port_of(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingsError(f"PORT is {text!r}: must be a whole number from 1 to 65535.")
    return int(text)


def settings_read(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment: ARBDECK_HOME, ARBDECK_INSTANCE, HOST, PORT, DATABASE_URL.

    Raises SettingsError when one is not usable.
    """
    env = os.environ if environ is None else environ
    instance = env.get("ARBDECK_INSTANCE") or None
    if instance is not None and INSTANCE_PATTERN.fullmatch(instance) is None:
        raise SettingsError(
            f"ARBDECK_INSTANCE is {instance!r}: must be 1 to 31 of a-z, 0-9 and '-', not starting with '-'."
        )
    return Settings(
        home=Path(env.get("ARBDECK_HOME") or "~/.arbdeck").expanduser(),
        instance=instance,
        host=env.get("HOST") or HOST_DEFAULT,
        port=_port_of(env.get("PORT") or str(PORT_DEFAULT)),
        assets=assets_dir(),
        database_url=env.get("DATABASE_URL") or None,
    )
