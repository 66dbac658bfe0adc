"""What every page has: header with mode, state and KILL, banner, rail, dialogs, answers."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.ids import attributes

# Name, address and sign of each page, in the order of the rail; the API's description last.
PAGES = (
    ("Overview", "/", "◉"),
    ("Backtest", "/backtest", "◷"),
    ("Optimizer", "/optimizer", "▦"),
    ("History", "/history", "≡"),
    ("API", "/docs", "{ }"),
)


def shell(content: Any, here: str) -> html.Div:
    """The frame around a page's content; `here` is the page's address."""
    return html.Div(
        [
            html.Div(id="mode-line", className="mode-line"),
            _header(),
            html.Div([_rail(here), html.Main([_banner(), content], id="main")], className="frame"),
            _kill_dialog(),
            _confirm_dialog(),
            html.Div(id="answers", className="answers", role="status", **attributes({"aria-live": "polite"})),
            _phone_bar(),
        ],
        id="shell",
        className="shell",
    )


def _header() -> html.Header:
    return html.Header(
        [
            html.Span("–", id="head-mode", className="mode"),
            html.Span("–", id="head-instance", className="instance"),
            html.Span("connecting", id="head-state", className="state"),
            html.Span("", id="head-since", className="soft wide"),
            html.Span("beat –", id="head-beat", className="soft num"),
            html.Span("alarms –", id="head-alarms", className="soft"),
            html.Span("", className="spring"),
            html.Span("", id="head-clock", className="num clock"),
            html.Button("Theme", id="theme-button", className="quiet wide", title="Dark or light"),
            html.Button("Sign out", id="sign-out-button", className="quiet wide"),
            html.Button("KILL", id="kill-button", className="kill", title="Kill all trading (Alt+K)"),
        ],
        className="header",
    )


def _rail(here: str) -> html.Nav:
    return html.Nav(
        [_rail_item(name, address, sign, address == here) for name, address, sign in PAGES],
        className="rail",
        **attributes({"aria-label": "Pages"}),
    )


def _rail_item(name: str, address: str, sign: str, current: bool) -> html.A:
    return html.A(
        [html.Span(sign, className="rail-icon", **attributes({"aria-hidden": "true"})), html.Span(name)],
        href=address,
        className="rail-item here" if current else "rail-item",
        **attributes({"aria-current": "page"} if current else {}),
    )


def _banner() -> html.Div:
    return html.Div(
        [
            html.Span("", id="banner-shape", className="shape", **attributes({"aria-hidden": "true"})),
            html.Span("", id="banner-text"),
            html.Span("", id="banner-more", className="soft"),
            html.Span("", id="banner-action"),
        ],
        id="banner",
        className="banner",
        role="alert",
        hidden=True,
    )


def _kill_dialog() -> html.Dialog:
    return html.Dialog(
        [
            html.H2("Kill all trading?", id="kill-title"),
            html.Ul(id="kill-facts"),
            html.P("", id="kill-answer", className="dialog-answer", role="status"),
            html.Div(
                [
                    html.Button("Close", id="kill-close", className="quiet"),
                    html.Button("Kill trading", id="kill-confirm", className="kill"),
                ],
                className="dialog-buttons",
            ),
        ],
        id="kill-dialog",
        **attributes({"aria-labelledby": "kill-title"}),
    )


def _confirm_dialog() -> html.Dialog:
    return html.Dialog(
        [
            html.H2("", id="confirm-title"),
            html.P("", id="confirm-text"),
            html.Label(
                [html.Span("", id="confirm-label"), html.Span(id="confirm-field")],
                id="confirm-typed",
                hidden=True,
            ),
            html.P("", id="confirm-answer", className="dialog-answer", role="status"),
            html.Div(
                [
                    html.Button("Cancel", id="confirm-close", className="quiet"),
                    html.Button("", id="confirm-do", className="primary"),
                ],
                className="dialog-buttons",
            ),
        ],
        id="confirm-dialog",
        **attributes({"aria-labelledby": "confirm-title"}),
    )


def _phone_bar() -> html.Div:
    return html.Div(
        [
            html.Button("Pause all", id="phone-pause", className="quiet"),
            html.Button("KILL", id="phone-kill", className="kill"),
        ],
        className="phone-bar",
    )
