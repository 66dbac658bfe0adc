"""The commands that act on a running engine. Safe ones need no view of it; risky ones say what they saw."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from dashboard.cli.target import ACTOR, EXIT_USAGE, command, engine_of, fail, target_of

Name = Annotated[str, typer.Argument(help="The strategy's name, as in strategies.json.")]
Confirm = Annotated[str | None, typer.Option(help="The instance's name, instead of typing it when asked.")]


def start(context: typer.Context, name: Name) -> None:
    """Starts a strategy."""
    command(target_of(context), lambda engine: engine.start_strategy(name, actor=ACTOR))


def stop(context: typer.Context, name: Name) -> None:
    """Stops a strategy."""
    command(target_of(context), lambda engine: engine.stop_strategy(name, actor=ACTOR), view=False)


def pause(context: typer.Context) -> None:
    """No new arbitrage; hedges and cancels go on."""
    command(target_of(context), lambda engine: engine.pause(actor=ACTOR), view=False)


def resume(context: typer.Context) -> None:
    """Trades again after a pause."""
    command(target_of(context), lambda engine: engine.resume(actor=ACTOR))


def kill(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Written to the journal.")] = "arbdeck kill",
) -> None:
    """No new order from now on, until clear-kill. Asks nothing."""
    command(target_of(context), lambda engine: engine.kill(reason, actor=ACTOR), view=False)


def clear_kill(context: typer.Context, confirm: Confirm = None) -> None:
    """Takes a kill back; the engine is HALTED then, until it is armed."""
    target = target_of(context)
    with engine_of(target) as engine:
        typed = _confirmed(confirm, engine.snapshot().identity.instance, "clear the kill")
    command(target, lambda engine: engine.clear_kill(typed, actor=ACTOR))


def arm(context: typer.Context, confirm: Confirm = None) -> None:
    """Lets a halted engine trade. Outside of SIM the instance's name must be typed."""
    target = target_of(context)
    with engine_of(target) as engine:
        identity = engine.snapshot().identity
    typed = confirm if identity.mode == "SIM" else _confirmed(confirm, identity.instance, f"arm it ({identity.mode})")
    command(target, lambda engine: engine.arm(typed, actor=ACTOR))


def _confirmed(given: str | None, instance: str, what: str) -> str:
    if given is not None:
        return given
    if not sys.stdin.isatty():
        fail(f"To {what}, type the instance's name: --confirm {instance}", EXIT_USAGE)
    return str(typer.prompt(f"To {what}, type the instance's name ({instance})"))


config = typer.Typer(help="Shows and changes the strategies' parameters.", no_args_is_help=True)


@config.command("show")
def config_show(context: typer.Context) -> None:
    """The strategies as the engine runs them, and whether the file was edited since."""
    with engine_of(target_of(context)) as engine:
        found = engine.strategies()
    if found.error is not None:
        fail(f"{found.path} {found.error}")
    print(json.dumps([dict(strategy) for strategy in found.strategies], indent=2))
    if found.file_differs:
        print(f"{found.path} was edited since: the engine runs what it read before.", file=sys.stderr)


@config.command("update")
def config_update(
    context: typer.Context,
    updates: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="Such as min_spread_bps=80")],
    strategy: Annotated[str | None, typer.Option(help="Needed where several strategies have the key.")] = None,
) -> None:
    """Changes parameters while it trades; refused whole when one is not valid."""
    values = dict(_update_of(text) for text in updates)
    command(target_of(context), lambda engine: engine.update_config(values, strategy, actor=ACTOR))


def _update_of(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        fail(f"{text!r} must be KEY=VALUE, such as min_spread_bps=80", EXIT_USAGE)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
