"""Who holds a port: for one clear sentence when it is busy."""

from __future__ import annotations

import os
import socket
from pathlib import Path

LISTEN = "0A"


def port_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def port_owner(port: int) -> str:
    """'name (pid 123)' of the process that listens, or '' when /proc does not tell."""
    inode = _listener_inode(port)
    if not inode:
        return ""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and _holds(process, f"socket:[{inode}]"):
            return f"{_command(process)} (pid {process.name})"
    return ""


def _listener_inode(port: int) -> str:
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            row = line.split()
            if row[3] == LISTEN and int(row[1].rpartition(":")[2], 16) == port:
                return row[9]
    return ""


def _holds(process: Path, link: str) -> bool:
    try:
        return any(os.readlink(entry) == link for entry in (process / "fd").iterdir())
    except OSError:
        return False


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:120]
    except OSError:
        return "a process"
