"""Optimizer: search a grid of parameters, compare the trials, put one to work, take it back.

assets/page-optimizer.js fills the slots through the API.
"""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.ids import ids_of
from dashboard.components.panel import panel, slot
from dashboard.components.shell import shell

PATH = "/optimizer"
TITLE = "Optimizer · arbdeck"
page_id = ids_of("optimizer")


def layout(**_: Any) -> html.Div:
    """The page's skeleton. Anything in the query string is ignored."""
    side = html.Div([panel(page_id("setup"), "What to search", slot(page_id("form"), "form"))], className="side")
    rollback = html.Button("Roll back last deployment", id=page_id("rollback"), className="quiet small")
    results = html.Div(
        [
            slot(page_id("status"), "status-line"),
            html.Div(
                [
                    slot(page_id("tiles"), "tiles"),
                    panel(page_id("best"), "Best so far", slot(page_id("best-rows")), css="w4"),
                    panel(page_id("heat"), "Heat map", slot(page_id("heat-map")), css="w8"),
                    panel(page_id("trials"), "Trials", slot(page_id("trial-table")), css="w12"),
                ],
                id=page_id("result"),
                className="grid",
                hidden=True,
            ),
            panel(page_id("studies"), "Studies", slot(page_id("study-table")), tools=rollback),
        ],
        className="results",
    )
    return shell(html.Div([html.H1("Optimizer", className="hidden"), side, results], className="research"), PATH)
