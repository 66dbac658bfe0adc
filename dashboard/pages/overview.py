"""Overview: the live page. A stranger should see in five seconds: mode, working?, at risk?, earning?, why no
trade?

Everything that moves is written by assets/live.js from the WebSocket into the nodes laid out here; none of
these nodes is ever the output of a callback, so the framework and the script never write to the same place.
"""

from __future__ import annotations

from dash import html

from dashboard.components.ids import attributes, ids_of
from dashboard.components.panel import panel, table, tile
from dashboard.components.shell import shell

PATH = "/"
TITLE = "Overview · arbdeck"
page_id = ids_of("overview")

_TILES = (
    ("pnl", "P&L today, trading"),
    ("unhedged", "Unhedged"),
    ("taken", "Taken / seen, 1 h"),
    ("latency", "Tick to order"),
    ("venues", "Venues"),
    ("capital", "Capital in use"),
)
_OPPORTUNITY_COLUMNS = [
    ("Time UTC", ""),
    ("Symbol", ""),
    ("Buy", ""),
    ("Sell", ""),
    ("Gross bps", "num"),
    ("Net bps", "num"),
    ("Size USD", "num"),
    ("Outcome", ""),
    ("P&L USD", "num"),
    ("Why not taken", "reason"),
]
_ORDER_COLUMNS = [
    ("Sent UTC", ""),
    ("Symbol", ""),
    ("Venue", ""),
    ("Side", ""),
    ("Leg", ""),
    ("Limit", "num"),
    ("Quantity", "num"),
    ("Filled", "num"),
    ("State", ""),
    ("Answer us", "num"),
    ("Words", "reason"),
]
_FILL_COLUMNS = [
    ("Time UTC", ""),
    ("Symbol", ""),
    ("Venue", ""),
    ("Side", ""),
    ("Price", "num"),
    ("Quantity", "num"),
    ("Quote USDT", "num"),
    ("Fee", "num"),
    ("Trade id", "reason"),
]


def layout() -> html.Div:
    """The page's skeleton; figures arrive with the first message."""
    tiles = html.Div([tile(page_id(name), label) for name, label in _TILES], className="tiles")
    content = [html.H1("Overview", className="hidden"), tiles, *_panels(), *_tables()]
    return shell(html.Div(content, className="grid"), PATH)


def _panels() -> list[html.Section]:
    return [
        panel(
            page_id("curve"),
            "Trading P&L after fees, USD",
            html.Div(id=page_id("curve-plot"), className="plot"),
            css="w8 h-curve",
            tools=_ranges(),
        ),
        panel(page_id("why"), "Why no trade?", _why(), css="w4 h-curve"),
        panel(page_id("hist"), "Tick to order, µs", _latency(), css="w4 h-mid"),
        panel(page_id("scatter"), "Opportunities, net bps, 15 min", _scatter(), css="w4 h-mid"),
        panel(page_id("venue"), "Venues", html.Div(id=page_id("venue-rows"), className="rows"), css="w4 h-mid"),
        panel(
            page_id("strategy"),
            "Strategies",
            html.Div(id=page_id("strategy-rows"), className="rows"),
            css="w8 h-low",
            tools=html.Div(id=page_id("engine-actions"), className="tools"),
        ),
        panel(
            page_id("exposure"),
            "Exposure, open alarms",
            html.Div(id=page_id("exposure-rows"), className="rows"),
            css="w4 h-low",
        ),
        panel(
            page_id("quotes"),
            "Top of book",
            html.Div(id=page_id("quote-rows"), className="table-wrap"),
            css="w7",
            tools=html.Span(id=page_id("quotes-note"), className="soft"),
        ),
        panel(
            page_id("balances"),
            "Balances",
            html.Div(id=page_id("balance-rows"), className="table-wrap"),
            css="w5",
            tools=html.Span(id=page_id("balances-note"), className="soft"),
        ),
        panel(
            page_id("stages"),
            "Latency by stage since the engine's start, µs",
            html.Div(id=page_id("stage-rows"), className="table-wrap"),
            css="w12",
        ),
    ]


def _ranges() -> html.Div:
    """Buttons of the curve's time range; live.js reads their name."""
    buttons = [
        html.Button(text, id=page_id(f"range-{name}"), className="range", **attributes({"aria-pressed": pressed}))
        for name, text, pressed in (
            ("10m", "10 min", "true"),
            ("1h", "1 h", "false"),
            ("24h", "24 h", "false"),
        )
    ]
    return html.Div(buttons, className="tools", role="group", **attributes({"aria-label": "Time range"}))


def _why() -> html.Div:
    return html.Div(
        [
            html.P("–", id=page_id("why-sentence"), className="sentence"),
            html.Div(id=page_id("funnel"), className="funnel"),
            html.Div(id=page_id("reasons"), className="reasons"),
        ],
        className="why",
    )


def _latency() -> html.Div:
    return html.Div(
        [
            html.Div(id=page_id("hist-plot"), className="plot"),
            html.Div(id=page_id("hist-line"), className="plot-line"),
        ],
        className="stack",
    )


def _scatter() -> html.Div:
    legend = [
        html.Span([html.Span("●", className="c-normal"), " both legs"]),
        html.Span([html.Span("○", className="c-off"), " refused"]),
        html.Span([html.Span("▲", className="c-attention"), " one leg, partial"]),
        html.Span([html.Span("◆", className="c-unknown"), " unknown"]),
    ]
    return html.Div(
        [
            html.Div(id=page_id("scatter-plot"), className="plot"),
            html.Div(legend, className="plot-line legend"),
        ],
        className="stack",
    )


def _tables() -> list[html.Section]:
    return [
        panel(
            page_id("opportunities"),
            "Last 20 opportunities",
            table(page_id("opportunity-rows"), _OPPORTUNITY_COLUMNS, "Last 20 opportunities"),
            css="w12",
        ),
        panel(
            page_id("orders"),
            "Last 20 orders",
            table(page_id("order-rows"), _ORDER_COLUMNS, "Last 20 orders"),
            css="w12",
        ),
        panel(
            page_id("fills"),
            "Last 20 fills",
            table(page_id("fill-rows"), _FILL_COLUMNS, "Last 20 fills"),
            css="w12",
        ),
    ]
