"""`arbdeck backtest`: one run over history, printed or as JSON."""

from __future__ import annotations

import json
import sys

import typer

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
    numbers_of,
    service_of,
)
from dashboard.cli.target import target_of


def backtest(
    context: typer.Context,
    strategy: Strategy = "cross_exchange",
    symbols: Symbols = None,
    exchanges: Exchanges = None,
    date_from: From = None,
    date_to: To = None,
    param: Params = None,
    capital_usd: Capital = None,
    taker_fee_bps: Fees = None,
    as_json: AsJson = False,
) -> None:
    """Runs a strategy over history; without dates, over the last 7 days on disk."""
    with input_errors():
        from dashboard.services.default_data import choose_data

        params, given = (
            numbers_of("--param", param),
            data_of(symbols, exchanges, date_from, date_to, capital_usd, taker_fee_bps),
        )
        service = service_of(target_of(context))
        values, phrase = choose_data(service, strategy, given)
        request = service.request(strategy=strategy, params=params, **values)
        if not as_json:
            print(f"{', '.join(request.symbols)} on {', '.join(request.exchanges)}: {phrase}", file=sys.stderr)
        result = service.run(request)
    if as_json:
        print(json.dumps(result.to_dict()))
    else:
        print(result)
