"""A PostgreSQL server of our own in a folder: created, started, stopped, killed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psycopg


def postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class PostgresServer:
    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._port = port

    def _run(self, *command: str) -> None:
        # The server refuses to run as root.
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*as_user, *command],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server keeps the pipe open
            stderr=subprocess.PIPE if "initdb" in command[0] else subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr!r}")

    def create(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run(
            str(self._binaries / "initdb"), "-D", str(self._data), "-U", "arbdeck", "--auth=trust", "-E", "UTF8"
        )  # fmt: skip

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self._port} -c unix_socket_directories= -c max_connections=60"
        control = str(self._binaries / "pg_ctl")
        self._run(control, "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        if (self._data / "postmaster.pid").exists():
            self._run(str(self._binaries / "pg_ctl"), "-D", str(self._data), "-w", "-m", how, "stop")

    def sql(self, statement: str) -> None:
        address = f"host=127.0.0.1 port={self._port} user=arbdeck dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, name: str) -> str:
        return f"postgresql://arbdeck@127.0.0.1:{self._port}/{name}"
