"""How far the recorder is, from what it wrote last and how far the engine's journal is."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bridge.types import Snapshot
from dashboard.api.port import Row
from dashboard.db.settings import status_path

ALIVE_S = 5.0  # the recorder says how it is once a second
STATUS_SIZE_MAX = 65536


def recorder_row(
    home: Path, instance: str | None, mode: str | None, totals: dict[str, Any], engine: Snapshot | None
) -> Row:
    """State of the recorder and the sums of what is recorded. Unknown is None, never 0."""
    cursor = next((row for row in totals["recorder"] if row["instance"] == instance), None)
    status = _status(home, instance)
    lag_records = _behind(cursor, engine)
    lag_s: float | None = None
    if cursor is not None:
        lag_s = 0.0 if lag_records == 0 else max(0.0, (time.time_ns() - cursor["wall_ns"]) / 1e9)
    return {
        "instance": instance,
        "mode": mode,
        **status,
        "last_ns": None if cursor is None else cursor["written_ns"],
        "lag_records": lag_records,
        "lag_s": lag_s,
        "totals": {name: value for name, value in totals.items() if name != "recorder"},
    }


def _behind(cursor: Row | None, engine: Snapshot | None) -> int | None:
    if cursor is None or engine is None or engine.identity.generation != cursor["generation"]:
        return None
    return max(0, int(engine.status.journal_disk_seq) - int(cursor["seq"]))


def _status(home: Path, instance: str | None) -> Row:
    """Is its process there, and what it last complained about."""
    nothing: Row = {"running": False, "error": None}
    if instance is None:
        return nothing
    path = status_path(home, instance)
    try:
        age_s = time.time() - path.stat().st_mtime
        with path.open("rb") as file:
            found = json.loads(file.read(STATUS_SIZE_MAX))
    except (OSError, ValueError):
        return nothing
    if not isinstance(found, dict):
        return nothing
    return {"running": age_s < ALIVE_S, "error": found.get("error")}
