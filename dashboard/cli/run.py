"""The commands that start, stop and restart the processes, and the one that signs in."""

from __future__ import annotations

import os
import signal
import time
import xmlrpc.client
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from supervisor.xmlrpc import SupervisorTransport

from dashboard.cli.deck import deck_read, replay_check
from dashboard.cli.home import DeckLock, Home, HomeError, config_prepare
from dashboard.cli.signin import sign_in_link
from dashboard.cli.supervision import procfile_read
from dashboard.cli.target import fail, target_of
from dashboard.cli.up import Up
from dashboard.paths import procfile as shipped_procfile
from dashboard.security.token import TokenFileError

PORT_DEFAULT = 8050
DOWN_WAIT_S = 45.0
Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="Of the dashboard.")]


def up(
    context: typer.Context,
    port: Port = PORT_DEFAULT,
    host: Annotated[str, typer.Option(envvar="HOST", help="Address the dashboard listens on.")] = "127.0.0.1",
    config: Annotated[
        Path | None,
        typer.Option(envvar="ARBDECK_CONFIG", help="Configuration folder; default ./config, else the home's."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(envvar="REPLAY", help="Recorded quotes or candles (Parquet) for the venues."),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(envvar="SPEED", min=0.01, max=10000, help="Times real speed, with --replay."),
    ] = None,
    map: Annotated[
        str,
        typer.Option(envvar="MAP", help="NAME=TARGET,... of --replay: plays that venue or symbol as TARGET."),
    ] = "",
    procfile: Annotated[
        Path | None, typer.Option(help="Other processes than the shipped Procfile's: lines of name: command.")
    ] = None,
    wait: Annotated[float, typer.Option(min=1, help="Seconds until all must be healthy.")] = 45.0,
) -> None:
    """Starts venues, engine and dashboard, waits until they are healthy, stops them on Ctrl-C."""
    home = target_of(context).home
    try:
        home.prepare()
        folder = config_prepare(config, home)
        deck = deck_read(home, folder, host=host, port=port, replay=replay, speed=speed, replay_map=map)
        if replay is not None:
            print(f"Replaying {replay_check(deck)}", flush=True)
        processes = procfile_read(procfile or shipped_procfile())
        code = Up(deck, processes, Console(), wait).run(DeckLock(home))
    except (HomeError, TokenFileError, OSError, ValueError) as error:
        fail(str(error))
    raise typer.Exit(code)


def down(context: typer.Context) -> None:
    """Stops what `arbdeck up` started, from another terminal."""
    lock = DeckLock(target_of(context).home)
    holder = lock.holder()
    if holder is None:
        print("arbdeck is not running.")
        return
    os.kill(holder[0], signal.SIGTERM)
    deadline = time.monotonic() + DOWN_WAIT_S
    while lock.holder() == holder:
        if time.monotonic() > deadline:
            fail(f"Process {holder[0]} has not stopped within {DOWN_WAIT_S:g} s.")
        time.sleep(0.1)
    print("Stopped.")


def restart(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="venues, engine or web")] = "engine",
) -> None:
    """Restarts one process, or starts it again after it was shut down."""
    supervisor = _supervisor(target_of(context).home).supervisor
    try:
        try:
            supervisor.stopProcess(name)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise
        supervisor.startProcess(name)
    except xmlrpc.client.Fault as fault:
        fail(f"{name} was not restarted: {fault.faultString}")
    except OSError as error:
        fail(f"The supervisor does not answer ({error}): is arbdeck running? Start it with `arbdeck up`.")
    print(f"{name} was restarted.")


def login(context: typer.Context, port: Port = PORT_DEFAULT) -> None:
    """Prints again how to sign in to the dashboard."""
    home = target_of(context).home
    holder = DeckLock(home).holder()
    try:
        print(sign_in_link(home, holder[1] if holder else port))
    except (TokenFileError, OSError) as error:
        fail(str(error))
    if holder is None:
        print("arbdeck is not running now: start it with `make run` or `arbdeck up`.")


def _supervisor(home: Home) -> xmlrpc.client.ServerProxy:
    # The host is not looked at: the transport goes over the Unix socket.
    transport = SupervisorTransport(None, None, f"unix://{home.supervisor_socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
