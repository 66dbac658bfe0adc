"""Backtest: choose parameters, symbols, venues and a period; see what the engine's own decision core would have done.

assets/page-backtest.js builds the form from the strategy's schema and fills the result through the API; the slots here
are never the output of a callback.
"""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.ids import ids_of
from dashboard.components.panel import panel, slot, switches
from dashboard.components.shell import shell

PATH = "/backtest"
TITLE = "Backtest · arbdeck"
page_id = ids_of("backtest")


def layout(**_: Any) -> html.Div:
    """The page's skeleton. Anything in the query string is ignored."""
    side = html.Div([panel(page_id("setup"), "What to test", slot(page_id("form"), "form"))], className="side")
    return shell(html.Div([html.H1("Backtest", className="hidden"), side, _result()], className="research"), PATH)


def _result() -> html.Div:
    return html.Div(
        [
            slot(page_id("status"), "status-line"),
            html.Div(
                [
                    slot(page_id("tiles"), "tiles"),
                    panel(
                        page_id("equity"),
                        "P&L after fees, USD",
                        slot(page_id("equity-plot"), "plot"),
                        css="w12 h-plot",
                        tools=switches(
                            page_id("show"), [("trading", "Trading", True), ("holding", "Holding", False)], "Which P&L"
                        ),
                    ),
                    panel(
                        page_id("drawdown"),
                        "Drawdown of trading P&L, USD",
                        slot(page_id("drawdown-plot"), "plot"),
                        css="w12 h-low-plot",
                    ),
                    panel(page_id("trades"), "Trades", slot(page_id("trade-table")), css="w12"),
                    panel(page_id("refusals"), "Why not more trades?", slot(page_id("refusal-rows")), css="w4"),
                    panel(page_id("assumptions"), "Assumptions and notes", slot(page_id("assumption-rows")), css="w8"),
                    panel(page_id("data"), "Data used", slot(page_id("data-table")), css="w12"),
                ],
                id=page_id("result"),
                className="grid",
                hidden=True,
            ),
            panel(page_id("runs"), "Earlier runs", slot(page_id("run-table"))),
        ],
        className="results",
    )
