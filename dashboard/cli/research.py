"""What `arbdeck backtest` and `arbdeck optimize` share: reading what was typed, and errors as one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge import BridgeError
from dashboard.cli.target import EXIT_FAILED, EXIT_USAGE, Target, fail

if TYPE_CHECKING:
    from dashboard.services.backtest import BacktestService

Strategy = Annotated[str, typer.Option(help="The strategy's name, as in strategies.json.")]
Symbols = Annotated[str | None, typer.Option(help="Such as BTCUSDT,ETHUSDT; default: those on disk.")]
Exchanges = Annotated[str | None, typer.Option(help="Such as binance,mexc; default: the configured ones.")]
From = Annotated[str | None, typer.Option("--from", help="First moment, UTC: 2026-01-31 or 2026-01-31T12:00.")]
To = Annotated[str | None, typer.Option("--to", help="The moment after the last, UTC; a date is its midnight.")]
Params = Annotated[list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="May be repeated.")]
Capital = Annotated[float | None, typer.Option(help="Total, in USD.")]
Fees = Annotated[
    list[str] | None,
    typer.Option("--taker-fee-bps", metavar="EXCHANGE=BPS", help="Instead of engine.json's; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def service_of(target: Target) -> BacktestService:
    """The backtests of this home, with its database brought up to date."""
    # Loaded here: the commands that operate the engine need none of it and must be quick.
    from dashboard.db import Database
    from dashboard.services.backtest import BacktestService

    os.environ["ARBDECK_HOME"] = str(target.home.path)  # --home, for the settings of database and history
    db = Database()
    db.migrate()
    return BacktestService(db)


def data_of(
    symbols: str | None,
    exchanges: str | None,
    date_from: str | None,
    date_to: str | None,
    capital_usd: float | None,
    fees: list[str] | None,
) -> dict[str, Any]:
    """What was typed, without what was not."""
    given = {
        "symbols": None if symbols is None else names_of("--symbols", symbols),
        "exchanges": None if exchanges is None else names_of("--exchanges", exchanges),
        "start_date": date_from,
        "end_date": date_to,
        "capital_usd": capital_usd,
        "taker_fee_bps": numbers_of("--taker-fee-bps", fees) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def names_of(option: str, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        fail(f"{option} is {text!r}: allowed are names with commas between them.", EXIT_USAGE)
    return names


def pair_of(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals or not value:
        fail(f"{option} is {text!r}: allowed is KEY=VALUE, such as min_spread_bps=20.", EXIT_USAGE)
    return key.strip(), value


def numbers_of(option: str, texts: list[str] | None) -> dict[str, float]:
    """Of an option that may be repeated. Exits with 2 for one that is no number or comes twice."""
    found: dict[str, float] = {}
    for text in texts or []:
        key, value = pair_of(option, text)
        if key in found:
            fail(f"{option} {key} is given twice: allowed is once.", EXIT_USAGE)
        found[key] = number_of(f"{option} {key}", value)
    return found


def number_of(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        fail(f"{field} is {text.strip()!r}: allowed is a number.", EXIT_USAGE)


@contextmanager
def input_errors() -> Iterator[None]:
    """What cannot be run, in one sentence: exit code 2 for what was typed, 1 for what is not there."""
    from sqlalchemy.exc import SQLAlchemyError

    from dashboard.backtest.history import HistoryError
    from dashboard.db import DatabaseError
    from dashboard.db.paging import NotFound

    try:
        yield
    except (HistoryError, DatabaseError, NotFound) as error:
        fail(str(error), EXIT_FAILED)
    except SQLAlchemyError as error:
        fail(f"The database cannot be used: {str(error).splitlines()[0]}", EXIT_FAILED)
    except OSError as error:
        fail(f"{error.filename or 'A file'}: {error.strerror}", EXIT_FAILED)
    except BridgeError as error:  # the core's library is not there
        fail(str(error), EXIT_FAILED)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
