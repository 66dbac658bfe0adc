"""strategies.json as it is on disk: read for display only, the engine alone writes it while it runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .types import StrategiesFile, StrategyConfig

FILE_NAME = "strategies.json"
SIZE_MAX = 1 << 20


def read_strategies(config_dir: str, config_hash: str) -> StrategiesFile:
    """Never raises for what is in the file: a broken edit by hand is reported in `error`."""
    path = Path(config_dir) / FILE_NAME
    try:
        with path.open("rb") as file:
            text = file.read(SIZE_MAX + 1)
    except OSError as error:
        return StrategiesFile(str(path), (), None, config_hash, True, f"cannot be read: {error.strerror}")
    if len(text) > SIZE_MAX:
        return StrategiesFile(str(path), (), None, config_hash, True, f"is larger than {SIZE_MAX} bytes")
    file_hash = hashlib.sha256(text).hexdigest()
    differs = file_hash != config_hash
    try:
        found = tuple(_strategy(item) for item in json.loads(text)["strategies"])
    except (ValueError, KeyError, TypeError) as error:
        return StrategiesFile(
            str(path), (), file_hash, config_hash, differs, f"is not valid ({type(error).__name__}: {error})"
        )
    return StrategiesFile(str(path), found, file_hash, config_hash, differs, None)


def _strategy(item: dict[str, Any]) -> StrategyConfig:
    return StrategyConfig(
        name=str(item["name"]),
        kind=str(item["kind"]),
        enabled=bool(item.get("enabled", True)),
        symbols=tuple(str(symbol) for symbol in item.get("symbols", ())),
        params=dict(item.get("params", {})),
    )
