"""A panel: heading, age of its data at the right, body."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.ids import attributes


def panel(identifier: str, title: str, children: Any, *, css: str = "", tools: Any = None) -> html.Section:
    """A titled box. Its age is written by live.js into "<identifier>-age"."""
    head = [html.H2(title, id=f"{identifier}-title"), *([tools] if tools is not None else [])]
    head.append(html.Span("–", id=f"{identifier}-age", className="age"))
    body = html.Div(children, className="panel-body")
    return html.Section(
        [html.Div(head, className="panel-head"), body],
        id=identifier,
        className=f"panel {css}".strip(),
        **attributes({"aria-labelledby": f"{identifier}-title"}),
    )


def tile(identifier: str, label: str) -> html.Div:
    """One figure with a line under it; live.js fills value, line and drawing."""
    return html.Div(
        [
            html.Div(label, className="tile-label"),
            html.Div("–", id=f"{identifier}-value", className="tile-value"),
            html.Div("waiting for the engine", id=f"{identifier}-line", className="tile-line"),
            html.Div(id=f"{identifier}-mark", className="tile-mark"),
        ],
        id=identifier,
        className="tile",
    )


def table(identifier: str, columns: list[tuple[str, str]], caption: str) -> html.Div:
    """A table whose rows live.js writes. `columns`: heading and CSS class ("num" for figures)."""
    head = html.Tr([html.Th(text, className=css, scope="col") for text, css in columns])
    return html.Div(
        html.Table(
            [html.Caption(caption, className="hidden"), html.Thead(head), html.Tbody(id=identifier)],
        ),
        className="table-wrap",
        tabIndex=0,
        role="region",
        **attributes({"aria-label": caption}),
    )


def slot(identifier: str, css: str = "") -> html.Div:
    """An empty place that the page's script fills."""
    return html.Div(id=identifier, className=css)


def switches(prefix: str, named: list[tuple[str, str, bool]], label: str) -> html.Div:
    """Buttons that stay pressed, in one group. `named`: id part, text, pressed at first."""
    buttons = [
        html.Button(text, id=f"{prefix}-{name}", className="range", **attributes({"aria-pressed": str(on).lower()}))
        for name, text, on in named
    ]
    return html.Div(buttons, className="tools", role="group", **attributes({"aria-label": label}))
