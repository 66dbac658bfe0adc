"""`arbdeck logs`: what the processes wrote."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from dashboard.cli.supervision import LogFollower
from dashboard.cli.target import fail, target_of

POLL_S = 0.3
TAIL_BYTES_MAX = 1_000_000


def logs(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="venues, engine, web or supervisord; default: all.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=10000, help="How many of each.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Goes on until Ctrl-C.")] = False,
) -> None:
    """The end of the processes' logs."""
    folder = target_of(context).home.log_dir
    paths = sorted(path for path in folder.glob("*.log") if name is None or path.stem == name)
    if not paths:
        there = ", ".join(sorted(path.stem for path in folder.glob("*.log"))) or "none"
        fail(f"No log{'' if name is None else f' of {name}'} in {folder}; there are: {there}.")
    followers = {path: LogFollower(path) for path in paths}
    width = max(len(path.stem) for path in paths)
    for path in paths:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES_MAX))
            tail = file.read().decode(errors="replace").splitlines()[-lines:] if lines else []
        for line in tail:
            print(f"{path.stem:<{width}}  {line}")
    while follow:
        for path, follower in followers.items():
            for line in follower.lines():
                print(f"{path.stem:<{width}}  {line}", flush=True)
        try:
            time.sleep(POLL_S)
        except KeyboardInterrupt:
            return
