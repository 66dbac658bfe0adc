"""The `arbdeck` command: its options and its list of commands.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the engine is down.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated

import typer

from dashboard.cli import operate, run
from dashboard.cli.backtest import backtest
from dashboard.cli.bench import bench
from dashboard.cli.data import data
from dashboard.cli.home import Home
from dashboard.cli.journal import journal
from dashboard.cli.logs import logs
from dashboard.cli.optimize import optimize
from dashboard.cli.show import status
from dashboard.cli.target import Target

app = typer.Typer(
    name="arbdeck",
    help="Runs and operates the arbitrage desk. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 engine down.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[Path, typer.Option(envvar="ARBDECK_HOME", help="Where state, sockets and logs are.")] = Path(
        "~/.arbdeck"
    ),
    instance: Annotated[
        str | None,
        typer.Option(envvar="ARBDECK_INSTANCE", help="Which engine; default: the only one there is."),
    ] = None,
) -> None:
    context.obj = Target(Home(home.expanduser().resolve()), instance or None)


def version() -> None:
    """Prints the version."""
    print(f"arbdeck {package_version('arbdeck')}")


_COMMANDS: tuple[Callable[..., None], ...] = (
    run.up,
    run.down,
    run.restart,
    run.login,
    status,
    logs,
    journal,
    operate.start,
    operate.stop,
    operate.pause,
    operate.resume,
    operate.arm,
    operate.kill,
    operate.clear_kill,
    version,
)
for _function in _COMMANDS:
    app.command(_function.__name__.replace("_", "-"))(_function)
app.add_typer(operate.config, name="config")
app.add_typer(data, name="data")
app.command("backtest")(backtest)
app.add_typer(optimize, name="optimize")
app.add_typer(bench, name="bench")
