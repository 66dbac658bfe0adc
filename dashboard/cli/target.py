"""Which engine a command means, how its errors become exit codes, and how answers are printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from bridge import (
    BridgeError,
    CEngineBridge,
    CommandAnswer,
    CommandRejected,
    EngineDown,
)
from dashboard.cli.home import Home

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_ENGINE_DOWN = 3
ACTOR = "cli"


@dataclass(frozen=True)
class Target:
    """instance: None means the only one that has run in this home."""

    home: Home
    instance: str | None


def target_of(context: typer.Context) -> Target:
    found = context.find_object(Target)
    assert found is not None, "the callback of the app sets the target"
    return found


def fail(text: str, code: int = EXIT_FAILED) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(code)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turns the bridge's errors into one sentence and an exit code."""
    try:
        yield
    except EngineDown as error:
        fail(str(error), EXIT_ENGINE_DOWN)
    except CommandRejected as error:
        fail(f"Refused: {error}")
    except (BridgeError, ValueError) as error:
        fail(str(error))


@contextmanager
def engine_of(target: Target, *, view: bool = True) -> Iterator[CEngineBridge]:
    """A bridge to the engine; with `view` connected, so that risky commands say which state they saw."""
    with engine_errors():
        bridge = CEngineBridge(instance=target.instance, home=Path(target.home.path))
        try:
            if view:
                bridge.connect()
                bridge.snapshot()
            yield bridge
        finally:
            bridge.close()


def command(target: Target, send: Callable[[CEngineBridge], CommandAnswer], *, view: bool = True) -> None:
    """Sends one command and prints the engine's own sentence.

    view: False for the safe direction, which must work when shared memory does not.
    """
    with engine_of(target, view=view) as bridge:
        answer = send(bridge)
    print(answer.message if answer.status == "done" else f"Accepted: {answer.message}")
