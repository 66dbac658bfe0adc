"""History: what the recorder copied from the journal into the database, over all generations of the engine.

assets/page-history.js fills the slots through the API and says how far the recorder is behind.
"""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.ids import ids_of
from dashboard.components.panel import panel, slot, switches
from dashboard.components.shell import shell

PATH = "/history"
TITLE = "History · arbdeck"
page_id = ids_of("history")

_RANGES = [("1h", "1 h", False), ("24h", "24 h", True), ("7d", "7 d", False), ("30d", "30 d", False)]
_TABLES = [
    ("fills", "Fills", True),
    ("orders", "Orders", False),
    ("opportunities", "Opportunities", False),
    ("configs", "Configuration versions", False),
]


def layout(**_: Any) -> html.Div:
    """The page's skeleton. Anything in the query string is ignored."""
    curve = html.Div(
        [
            switches(page_id("range"), _RANGES, "Time range"),
            switches(page_id("show"), [("trading", "Trading", True), ("holding", "Holding", False)], "Which P&L"),
        ],
        className="tools wrap",
    )
    records = panel(
        page_id("records"),
        "Records",
        [slot(page_id("filters"), "filters"), slot(page_id("table"))],
        css="w12",
        tools=switches(page_id("list"), _TABLES, "Which records"),
    )
    return shell(
        html.Div(
            [
                html.H1("History", className="hidden"),
                slot(page_id("status"), "status-line wide-row"),
                slot(page_id("tiles"), "tiles"),
                panel(
                    page_id("curve"),
                    "P&L after fees, USD",
                    slot(page_id("curve-plot"), "plot"),
                    css="w12 h-plot",
                    tools=curve,
                ),
                records,
            ],
            className="grid",
        ),
        PATH,
    )
