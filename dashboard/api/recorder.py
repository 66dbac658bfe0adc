"""How far the recorder is, and the sums of what it recorded: said also while the database is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashboard.api.port import Row
from dashboard.db.recorder_status import recorder_status


def recorder_row(home: Path, instance: str | None, mode: str | None, totals: dict[str, Any] | None) -> Row:
    """Unknown is None, never 0. totals: None, the database could not be asked."""
    row: Row = {
        "instance": instance,
        "mode": mode,
        "running": False,
        "state": None,
        "error": None,
        "error_ns": None,
        "last_ns": None,
        "lag_records": None,
        "lag_s": None,
        "totals": None if totals is None else {name: value for name, value in totals.items() if name != "recorder"},
    }
    status = None if instance is None else recorder_status(home, instance)
    if status is None:
        return row
    failing = status.state == "error"
    return {
        **row,
        "running": not status.silent,
        "state": status.state,
        "error": status.last_error if failing or status.silent else None,
        "error_ns": status.last_error_ns if failing or status.silent else None,
        "last_ns": status.updated_ns,
        # Of a recorder that is gone these figures are old: how far it is behind is not known.
        "lag_records": None if status.silent else status.lag_records,
        "lag_s": None if status.silent else status.lag_s,
    }
