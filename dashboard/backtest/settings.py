"""Where the desk's configuration is: the only place of the backtest that reads the environment."""

from __future__ import annotations

import os
from pathlib import Path

from dashboard.paths import default_config_dir


def config_dir() -> Path:
    """$ARBDECK_CONFIG, else the home's config folder where it has an engine.json, else the shipped configuration."""
    named = os.environ.get("ARBDECK_CONFIG")
    if named:
        return Path(named).expanduser()
    home = Path(os.environ.get("ARBDECK_HOME") or "~/.arbdeck").expanduser() / "config"
    return home if (home / "engine.json").is_file() else default_config_dir()
