"""A stand-in for the engine's command socket: each connection gets the next scripted reaction."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Reaction = Callable[[socket.socket, Request], None]


def answer_of(request: Request, **changes: Any) -> dict[str, Any]:
    """The answer "done" to a request, with members replaced."""
    done = {
        "id": request["id"], "status": "done", "code": "OK", "message": "Done.", "data": {},
        "config_hash": "ab" * 32, "state_version": 18,
    }  # fmt: skip
    return {**done, **changes}


def framed(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def answer(**changes: Any) -> Reaction:
    return lambda peer, request: peer.sendall(framed(json.dumps(answer_of(request, **changes)).encode()))


def bytes_one_by_one(peer: socket.socket, request: Request) -> None:
    for byte in framed(json.dumps(answer_of(request)).encode()):
        peer.sendall(bytes([byte]))


def send(data: bytes) -> Reaction:
    return lambda peer, _: peer.sendall(data)


def close_at_once(peer: socket.socket, request: Request) -> None:
    return None


def stall(peer: socket.socket, request: Request) -> None:
    """Half an answer, then nothing until the client leaves."""
    peer.sendall(struct.pack("<I", 100) + b"{")
    peer.recv(1)


def drip(peer: socket.socket, request: Request) -> None:
    """One byte now and then: no single wait is long, the whole is."""
    peer.sendall(struct.pack("<I", 1000))
    try:
        while True:
            peer.sendall(b" ")
            time.sleep(0.05)
    except OSError:
        return


class CommandServer:
    """Context manager. requests: everything received, in order."""

    def __init__(self, path: Path, *reactions: Reaction) -> None:
        self.requests: list[Request] = []
        self._reactions = list(reactions)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen(16)
        self._path = path
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> CommandServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                self._one(peer)

    def _one(self, peer: socket.socket) -> None:
        stream = peer.makefile("rb")
        head = stream.read(4)
        if len(head) < 4:
            return
        request = json.loads(stream.read(struct.unpack("<I", head)[0]))
        self.requests.append(request)
        reaction = self._reactions.pop(0) if len(self._reactions) > 1 else self._reactions[0]
        reaction(peer, request)
