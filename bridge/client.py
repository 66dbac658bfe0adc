"""The command socket's client: one request, one answer, a deadline. Protocol: docs/commands.md.

A request carries an id; the engine answers a repeated id with its first answer and does nothing twice. So
whoever got CommandTimeout repeats the very same request to learn what happened.
"""

from __future__ import annotations

import json
import socket
import struct
import time
import uuid
from pathlib import Path
from typing import Any

from .errors import CommandRejected, CommandTimeout, CommandUnclear, EngineDown
from .types import CommandAnswer

MESSAGE_SIZE_MAX = 65536
ID_SIZE_MAX = 39
TIMEOUT_S_DEFAULT = 5.0
_LENGTH = struct.Struct("<I")
_MEMBERS: tuple[tuple[str, type], ...] = (
    ("id", str),
    ("status", str),
    ("code", str),
    ("message", str),
    ("config_hash", str),
    ("state_version", int),
)


class _Unreadable(Exception):
    """The answer is not one."""


def new_request(
    command: str,
    args: dict[str, Any],
    *,
    actor: str,
    config_hash: str | None = None,
    state_version: int | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """A request as it goes over the socket; what is None is left out ("not said")."""
    chosen_id = uuid.uuid4().hex if request_id is None else request_id
    request: dict[str, Any] = {"id": chosen_id, "command": command, "args": args, "actor": actor}
    if not 1 <= len(chosen_id) <= ID_SIZE_MAX:
        raise CommandRejected("BAD_REQUEST", f"id has {len(chosen_id)} characters, 1 to {ID_SIZE_MAX} are allowed.")
    if config_hash is not None:
        request["config_hash"] = config_hash
    if state_version is not None:
        request["state_version"] = state_version
    return request


def send_request(
    path: Path, instance: str, request: dict[str, Any], timeout_s: float = TIMEOUT_S_DEFAULT
) -> CommandAnswer:
    """Sends one request on a connection of its own and waits for its answer.

    Raises EngineDown (nothing was sent), CommandRejected (the engine said no), CommandTimeout or
    CommandUnclear (sent; it may or may not have been done).
    """
    try:
        body = json.dumps(request, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise CommandRejected("BAD_REQUEST", f"Arguments of {request['command']} are no JSON: {error}.") from error
    if len(body) > MESSAGE_SIZE_MAX:
        raise CommandRejected("BAD_REQUEST", f"Request has {len(body)} bytes, at most {MESSAGE_SIZE_MAX} are allowed.")
    deadline_s = time.monotonic() + timeout_s
    with _connect(path, instance, timeout_s) as peer:
        # From the first byte on, the engine may have understood: an error no longer means "not done".
        try:
            peer.sendall(_LENGTH.pack(len(body)) + body)
            answer = _read_answer(peer, deadline_s)
            if answer.get("id") != request["id"]:
                raise _Unreadable(f"it is the answer to {answer.get('id')!r}")
            return _judge(answer)
        except TimeoutError:
            raise CommandTimeout(request["command"], request["id"], timeout_s, request) from None
        except (OSError, _Unreadable) as error:
            raise CommandUnclear(request["command"], request["id"], timeout_s, str(error), request) from error


def send_until_answered(
    path: Path, instance: str, request: dict[str, Any], *, attempts: int, timeout_s: float = TIMEOUT_S_DEFAULT
) -> CommandAnswer:
    """As send_request, repeating the same request (same id) up to `attempts` times while the outcome is
    unclear.
    """
    for _ in range(attempts - 1):
        try:
            return send_request(path, instance, request, timeout_s)
        except CommandTimeout:
            continue
    return send_request(path, instance, request, timeout_s)


def _connect(path: Path, instance: str, timeout_s: float) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    peer.settimeout(timeout_s)
    try:
        peer.connect(str(path))
    except TimeoutError:
        peer.close()
        raise EngineDown(instance, f"its command socket {path} took no connection within {timeout_s:.1f} s") from None
    except OSError as error:
        peer.close()
        raise EngineDown(instance, f"its command socket {path} cannot be reached: {error.strerror or error}") from error
    return peer


def _read_answer(peer: socket.socket, deadline_s: float) -> dict[str, Any]:
    (size,) = _LENGTH.unpack(_read(peer, _LENGTH.size, deadline_s))
    if not 1 <= size <= MESSAGE_SIZE_MAX:
        raise _Unreadable(f"its length is {size}, 1 to {MESSAGE_SIZE_MAX} are allowed")
    try:
        answer = json.loads(_read(peer, size, deadline_s))
    except ValueError as error:
        raise _Unreadable(f"it is no JSON: {error}") from error
    if not isinstance(answer, dict):
        raise _Unreadable("it is no JSON object")
    return answer


def _read(peer: socket.socket, size: int, deadline_s: float) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        peer.settimeout(left_s)
        part = peer.recv(size - len(parts))
        if not part:
            raise _Unreadable(f"the connection ended after {len(parts)} of {size} bytes")
        parts += part
    return bytes(parts)


def _judge(answer: dict[str, Any]) -> CommandAnswer:
    for name, wanted in _MEMBERS:
        if type(answer.get(name)) is not wanted:
            raise _Unreadable(f"its member {name} = {answer.get(name)!r} must be a {wanted.__name__}")
    data = answer.get("data") or {}
    if not isinstance(data, dict):
        raise _Unreadable(f"its member data = {data!r} must be an object")
    if answer["status"] == "refused":
        raise CommandRejected(
            answer["code"],
            answer["message"],
            state_version=answer["state_version"],
            config_hash=answer["config_hash"],
        )
    if answer["status"] not in ("done", "accepted"):
        raise _Unreadable(f"its status is {answer['status']!r}")
    return CommandAnswer(**{name: answer[name] for name, _ in _MEMBERS}, data=data)
