"""Where the bridge looks: the only place of the package that reads the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

INSTANCE_DEFAULT = "sim"
_INSTANCE_FORM = re.compile(r"[a-z0-9_]{1,31}")


@dataclass(frozen=True)
class BridgeSettings:
    """home: ARBDECK_HOME; instance: name of the engine instance."""

    home: Path
    instance: str

    @property
    def run_directory(self) -> Path:
        return self.home / "run"

    @property
    def run_file(self) -> Path:
        return self.run_directory / f"{self.instance}.json"

    @property
    def socket_default(self) -> Path:
        """The socket's place when there is no run file to name it: `kill` must find the engine anyway."""
        return self.run_directory / f"{self.instance}.sock"

    @property
    def journal_default(self) -> Path:
        """The journal's place when the engine has ended in order and taken its run file along."""
        return self.home / "state" / self.instance / "journal"


def bridge_settings(instance: str | None = None, home: str | os.PathLike[str] | None = None) -> BridgeSettings:
    """Settings of one bridge.

    Args:
        instance: name; None: ARBDECK_INSTANCE, else the only instance with a run file, else "sim".
        home: directory; None: ARBDECK_HOME, else ~/.arbdeck.

    Raises ValueError when the name is not 1 to 31 of a-z, 0-9 and "_" (it becomes part of paths).
    """
    home_path = Path(home if home is not None else os.environ.get("ARBDECK_HOME") or "~/.arbdeck").expanduser()
    name = instance or os.environ.get("ARBDECK_INSTANCE") or _only_instance(home_path) or INSTANCE_DEFAULT
    if _INSTANCE_FORM.fullmatch(name) is None:
        raise ValueError(f"instance = {name!r}: allowed are 1 to 31 of a-z, 0-9 and '_'")
    return BridgeSettings(home_path, name)


def _only_instance(home: Path) -> str | None:
    names = [path.stem for path in (home / "run").glob("*.json")]
    return names[0] if len(names) == 1 else None


def core_library_named() -> Path | None:
    """ARBDECK_CORE: the decision core's library, where it is not beside the package."""
    named = os.environ.get("ARBDECK_CORE")
    return Path(named).expanduser() if named else None
