"""Ids of DOM nodes: "<page>-<what>", made in one place. `assets/live.js` writes into the nodes that carry
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def ids_of(page: str) -> Callable[[str], str]:
    """The id maker of one page."""

    def make(what: str) -> str:
        return f"{page}-{what}"

    return make


def attributes(named: dict[str, str]) -> dict[str, Any]:
    """Attributes whose names are no identifiers ("aria-label"), to be passed with ** to a component."""
    return dict(named)
