"""Whether a TCP port is free, and who has it when it is not."""

from __future__ import annotations

import errno
import socket

import psutil

COMMAND_LENGTH_MAX = 120


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do it: connections of an earlier run that are still timing out do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def port_owner(port: int) -> str:
    """The listening process in words: id and command line, as far as this user may see them."""
    try:
        listeners = [
            found.pid
            for found in psutil.net_connections("tcp")
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port
        ]
    except psutil.AccessDenied:
        listeners = []
    for pid in listeners:
        if pid is None:
            continue
        try:
            command = " ".join(psutil.Process(pid).cmdline())
        except psutil.Error:
            continue
        return f"process {pid} ({command[:COMMAND_LENGTH_MAX]})"
    return "a process of another user"
