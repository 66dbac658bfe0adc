"""What `arbdeck up` starts: the processes of the Procfile, their ports, their environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dashboard.cli.home import Home, HomeError
from dashboard.cli.leftovers import RUN_MARK
from dashboard.cli.ports import port_is_free, port_owner

T = TypeVar("T")


@dataclass(frozen=True)
class Deck:
    """One run. replay: recorded quotes or candles, None for an invented market; speed: times real time."""

    home: Home
    config: Path
    instance: str
    mode: str
    host: str
    port: int
    control_port: int
    venue_ports: Mapping[str, int]
    replay: Path | None
    speed: float | None
    replay_map: str = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """For the processes: this one's, with the interpreter's programs first on the path, and the run's."""
        env = dict(os.environ)
        env["PATH"] = f"{Path(sys.executable).parent}:{env.get('PATH', os.defpath)}"
        env["PYTHONUNBUFFERED"] = "1"
        env["ARBDECK_HOME"] = str(self.home.path)
        env[RUN_MARK] = str(self.home.path)
        env["ARBDECK_CONFIG"] = str(self.config)
        env["ARBDECK_INSTANCE"] = self.instance
        env["HOST"], env["PORT"] = self.host, str(self.port)
        env.pop("REPLAY", None)
        env.pop("SPEED", None)
        env["MAP"] = self.replay_map
        if self.replay is not None:
            env["REPLAY"] = str(self.replay)
        if self.speed is not None:
            env["SPEED"] = f"{self.speed:g}"
        return env


def deck_read(
    home: Home,
    config: Path,
    *,
    host: str,
    port: int,
    replay: Path | None,
    speed: float | None,
    replay_map: str = "",
) -> Deck:
    """Instance and ports out of engine.json and simulator.json; raises HomeError naming file and field."""
    engine, simulator = _read(config / "engine.json"), _read(config / "simulator.json")
    if speed is not None and replay is None:
        raise HomeError("SPEED needs REPLAY=FILE: the invented market runs at real speed only.")
    if replay_map and replay is None:
        raise HomeError("MAP needs REPLAY=FILE: it names venues and symbols of that file.")
    if replay is not None and not replay.is_file():
        raise HomeError(f"REPLAY={replay}: there is no such file.")
    venues = _field(config / "simulator.json", simulator, "venues", list)
    return Deck(
        home=home,
        config=config,
        instance=_field(config / "engine.json", engine, "instance", str),
        mode=_field(config / "engine.json", engine, "mode", str),
        host=host,
        port=port,
        control_port=_field(config / "simulator.json", simulator, "control_port", int),
        venue_ports={
            _field(config / "simulator.json", venue, "name", str): _field(config / "simulator.json", venue, "port", int)
            for venue in venues
        },
        replay=replay.resolve() if replay else None,
        speed=speed,
        replay_map=replay_map,
    )


def replay_check(deck: Deck) -> str:
    """What the venues would play, in words; raises HomeError with their own sentence when they cannot."""
    command = [sys.executable, "-m", "simulator", "--check"]
    asked = subprocess.run(command, env=deck.environment(), capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise HomeError((asked.stderr.strip().splitlines() or ["The replay file cannot be read."])[-1])
    return asked.stdout.strip()


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise HomeError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise HomeError(f"{path} must hold one JSON object.")
    return found


def _field(path: Path, holder: Any, name: str, kind: type[T]) -> T:
    value = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise HomeError(f"{path}: {name} = {value!r}, must be {kind.__name__}.")
    return value


def busy_ports(deck: Deck) -> list[str]:
    """One sentence for each port that someone else has."""
    wanted = {
        f"the {name} venue": (port, "127.0.0.1", f"port of {name} in {deck.config / 'simulator.json'}")
        for name, port in deck.venue_ports.items()
    }
    wanted["the venues' control"] = (
        deck.control_port,
        "127.0.0.1",
        f"control_port in {deck.config / 'simulator.json'}",
    )
    wanted["the dashboard"] = (deck.port, deck.host, f"PORT=, as in: make run PORT={deck.port + 1}")
    return [
        f"Port {port}, for {what}, is taken by {port_owner(port)}. Stop that, or choose another with {how}."
        for what, (port, host, how) in wanted.items()
        if not port_is_free(port, host)
    ]
