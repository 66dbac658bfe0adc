"""Where the history is: the only place of the package that reads the environment."""

from __future__ import annotations

import os
from pathlib import Path

from dashboard.paths import default_config_dir

SAMPLE_FOLDER = "history-sample"


def history_root() -> Path:
    """$ARBDECK_HOME/history; without ARBDECK_HOME, ~/.arbdeck/history."""
    return Path(os.environ.get("ARBDECK_HOME") or "~/.arbdeck").expanduser() / "history"


def sample_root() -> Path:
    """The invented history that is shipped; read only."""
    return default_config_dir() / SAMPLE_FOLDER
