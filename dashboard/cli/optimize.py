"""`arbdeck optimize`: a grid search over history, its best put to work, and that taken back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge import CEngineBridge
from dashboard.cli.research import (
    AsJson,
    Capital,
    Exchanges,
    Fees,
    From,
    Params,
    Strategy,
    Symbols,
    To,
    data_of,
    input_errors,
    number_of,
    numbers_of,
    pair_of,
    service_of,
)
from dashboard.cli.target import ACTOR, EXIT_FAILED, EXIT_USAGE, engine_of, fail, target_of

if TYPE_CHECKING:
    from dashboard.optimizer import StudyResult
    from dashboard.services.deploy import Plan

Yes = Annotated[bool, typer.Option("--yes", help="Confirms without asking; not in LIVE.")]
Confirm = Annotated[str | None, typer.Option(help="The instance's name, instead of typing it when asked in LIVE.")]

optimize = typer.Typer(help="Searches for parameters over history and puts them to work.", invoke_without_command=True)


@optimize.callback()
def search(
    context: typer.Context,
    grid: Annotated[
        list[str] | None, typer.Option(metavar="KEY=V1,V2,...", help="Values to try; once a parameter.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What is best: a figure of the backtest.")] = "sharpe_ratio",
    strategy: Strategy = "cross_exchange",
    symbols: Symbols = None,
    exchanges: Exchanges = None,
    date_from: From = None,
    date_to: To = None,
    param: Params = None,
    capital_usd: Capital = None,
    taker_fee_bps: Fees = None,
    as_json: AsJson = False,
    put_to_work: Annotated[bool, typer.Option("--put-to-work", help="Sends the best to the running engine.")] = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Backtests every combination of the grid; `arbdeck optimize rollback` takes back what was put to work."""
    if context.invoked_subcommand is not None:
        if grid:
            fail(f"--grid does not go with {context.invoked_subcommand}: leave one out.", EXIT_USAGE)
        return
    with input_errors():
        from dashboard.services.optimizer import StrategyOptimizer

        listed, params = _grid_of(grid), numbers_of("--param", param)
        given = data_of(symbols, exchanges, date_from, date_to, capital_usd, taker_fee_bps)
        optimizer = StrategyOptimizer(service_of(target_of(context)), show=None if as_json else print)
        _, result = optimizer.grid_search(strategy, listed, metric, params=params or None, **given)
    document: dict[str, Any] = result.to_dict()
    if put_to_work:
        document["deployed"] = _put_to_work(context, result, yes, confirm, as_json)
    if as_json:
        print(json.dumps(document))


@optimize.command()
def rollback(context: typer.Context, yes: Yes = False, confirm: Confirm = None, as_json: AsJson = False) -> None:
    """Brings back the values from before the last ones that were put to work."""
    from dashboard.services import deploy

    with _deploy_errors(), engine_of(target_of(context)) as bridge:
        plan = deploy.rollback(bridge)
        done = _apply(bridge, plan, yes, confirm, as_json)
    if as_json:
        print(json.dumps(done))


def _put_to_work(
    context: typer.Context, result: StudyResult, yes: bool, confirm: str | None, as_json: bool
) -> dict[str, Any]:
    from dashboard.optimizer import NO_EDGE
    from dashboard.services import deploy

    if not result.edge:
        fail(f"{NO_EDGE}: nothing is put to work.")
    with _deploy_errors(), engine_of(target_of(context)) as bridge:
        plan = deploy.plan_trial(bridge, result.to_dict(), result.best_params, study_id=result.study_id)
        return _apply(bridge, plan, yes, confirm, as_json)


def _apply(bridge: CEngineBridge, plan: Plan, yes: bool, confirm: str | None, as_json: bool) -> dict[str, Any]:
    """Shows the difference, asks, sends; the engine's answer."""
    from dashboard.backtest.plain import plain
    from dashboard.services import deploy

    print(plan, file=sys.stderr if as_json else sys.stdout)
    done = deploy.apply(bridge, plan, _confirmed(plan, yes, confirm) if plan.changes else None, actor=ACTOR)
    if not as_json:
        print(f"{done.message} It was {done.config_hash_before[:12]}.")
    answer = plain(done)
    assert isinstance(answer, dict)
    return answer


def _confirmed(plan: Plan, yes: bool, confirm: str | None) -> str | bool | None:
    if confirm is not None:
        return confirm
    if plan.mode != "LIVE" and yes:
        return True
    if not sys.stdin.isatty():
        option = f"--confirm {plan.instance}" if plan.mode == "LIVE" else "--yes"
        fail(f"To put this to work ({plan.mode}), confirm it: {option}", EXIT_USAGE)
    if plan.mode == "LIVE":
        return str(typer.prompt(f"This is LIVE. Type the instance's name ({plan.instance})", err=True))
    return typer.confirm("Put this to work?", err=True)


@contextmanager
def _deploy_errors() -> Iterator[None]:
    from dashboard.services.deploy import DeployError

    try:
        yield
    except DeployError as error:
        fail(str(error), EXIT_FAILED)


def _grid_of(texts: list[str] | None) -> dict[str, list[float]]:
    if not texts:
        fail("--grid is missing: allowed is KEY=V1,V2,..., such as --grid min_spread_bps=10,20,30", EXIT_USAGE)
    found: dict[str, list[float]] = {}
    for text in texts:
        key, values = pair_of("--grid", text)
        if key in found:
            fail(f"--grid {key} is given twice: allowed is once, with all its values.", EXIT_USAGE)
        found[key] = [number_of(f"--grid {key}", value) for value in values.split(",")]
    return found
