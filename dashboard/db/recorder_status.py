"""How the recorder is: a small file that it writes all the time, readable also while the database is away."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dashboard.db.base import now_ns
from dashboard.db.settings import status_path

SILENT_AFTER_S = 5.0


@dataclass(frozen=True)
class RecorderStatus:
    """state: "waiting" (no journal yet), "recording", "current" (nothing left to read), "error" (see last_error)."""

    instance: str
    database: str
    pid: int
    state: str
    generation: int | None
    seq: int | None
    records: int
    lag_records: int  # on disk and not in the database yet
    lag_s: float  # how old the last record in the database is, when there are later ones; else 0
    last_error: str | None
    last_error_ns: int | None
    updated_ns: int

    @property
    def age_s(self) -> float:
        return max(0.0, (now_ns() - self.updated_ns) / 1e9)

    @property
    def silent(self) -> bool:
        """The recorder has not said anything for so long that it must be taken for dead."""
        return self.age_s > SILENT_AFTER_S


def write_status(path: Path, status: RecorderStatus) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(status)))
    os.replace(unfinished, path)


def recorder_status(home: Path, instance: str) -> RecorderStatus | None:
    """What the recorder of that instance said last; None: it has never run here."""
    try:
        found = json.loads(status_path(home, instance).read_text())
        return RecorderStatus(**{item.name: found[item.name] for item in fields(RecorderStatus)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
