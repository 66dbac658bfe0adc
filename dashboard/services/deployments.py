"""The record of what was deployed: $ARBDECK_HOME/state/<instance>/deployments.jsonl, only ever appended to.

Two lines a deployment: "sent" before the engine is told, with the values before and after, and then what came of it:
"done", "refused", or "unclear" when no answer came. A process that dies between the two leaves a "sent" alone, which
counts as unclear: whether it took effect shows in the values that the engine runs.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

FILE_NAME = "deployments.jsonl"
LINES_SIZE_MAX = 64 << 20

Values = dict[str, float]


@dataclass(frozen=True)
class Deployment:
    """before, after: only the parameters that it changed. undoes: the deployment that it rolls back, else None."""

    id: str
    strategy: str
    before: Values
    after: Values
    outcome: str  # "done", "refused", "unclear"
    undoes: str | None
    study_id: str | None
    actor: str
    sent_ns: int
    config_hash_before: str
    config_hash_after: str | None


class DeploymentLog:
    """One instance's file. Appending is safe among processes; a torn last line is ignored."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, line: dict[str, Any]) -> None:
        with self._locked() as file:
            # A torn line of a process that died must not swallow this one.
            torn = file.tell() > 0 and self._last_byte(file) != b"\n"
            file.write((b"\n" if torn else b"") + json.dumps(line, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Deployment]:
        """Oldest first."""
        found: dict[str, dict[str, Any]] = {}
        for line in self._lines():
            if line.get("event") == "sent":
                found[line["id"]] = {**line, "outcome": "unclear", "config_hash_after": None}
            elif line.get("id") in found:
                found[line["id"]] |= {
                    "outcome": line["event"],
                    "config_hash_after": line.get("config_hash_after"),
                }
        return [_deployment(item) for item in found.values()]

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            with self.path.open("rb") as file:
                text = file.read(LINES_SIZE_MAX)
        except FileNotFoundError:
            return
        for raw in text.splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0, os.SEEK_END)
            yield file

    @staticmethod
    def _last_byte(file: IO[bytes]) -> bytes:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def _deployment(item: dict[str, Any]) -> Deployment:
    return Deployment(
        id=str(item["id"]),
        strategy=str(item["strategy"]),
        before={name: float(value) for name, value in item["before"].items()},
        after={name: float(value) for name, value in item["after"].items()},
        outcome=str(item["outcome"]),
        undoes=item.get("undoes"),
        study_id=item.get("study_id"),
        actor=str(item["actor"]),
        sent_ns=int(item["sent_ns"]),
        config_hash_before=str(item["config_hash_before"]),
        config_hash_after=item["config_hash_after"],
    )


def last_standing(deployments: list[Deployment], took_effect: set[str]) -> Deployment | None:
    """The newest deployment that took effect and was not rolled back; None when there is none.

    Args: took_effect, ids among the unclear ones that are known to have been applied.
    """
    effective = [item for item in deployments if item.outcome == "done" or item.id in took_effect]
    undone = {item.undoes for item in effective if item.undoes is not None}
    standing = [item for item in effective if item.undoes is None and item.id not in undone]
    return standing[-1] if standing else None
