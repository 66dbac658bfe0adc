"""Which symbols and assets the live page shows when an engine has more of them than anybody can look at.

Up to ROWS_MAX all are shown, in the order of engine.json. Of more: symbols with an open exposure, then those with the
widest gap between two venues; assets of which ledger and venue differ, then those with something reserved, then those
that are owned at all. A choice stands for HOLD_S, so that rows can be read. The API gives all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bridge.market import BalanceRows, QuoteRows
from bridge.types import Balance, Quote, Snapshot

ROWS_MAX = 32
HOLD_S = 3.0
AGE_MAX_S = 10.0  # a gap against an older quote is none

Tree = dict[str, Any]


class _Choice:
    """Names chosen for a while; chosen anew at once when the engine behind them is another one."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._of: tuple[int, int] | None = None  # generation, count of all
        self._until_s = 0.0

    def names(self, generation: int, now_s: float, known: Sequence[str], choose: Callable[[], list[str]]) -> list[str]:
        if self._of != (generation, len(known)) or now_s >= self._until_s:
            chosen = set(choose())
            self._names = [name for name in known if name in chosen]
            self._of, self._until_s = (generation, len(known)), now_s + HOLD_S
        return self._names


class Shown:
    """The page's selection of quotes and balances."""

    def __init__(self) -> None:
        self._symbols, self._assets = _Choice(), _Choice()

    def quotes(self, snapshot: Snapshot, now_s: float) -> tuple[list[Quote], Tree]:
        """(quotes of the symbols shown, {"names": those, "of": how many there are})."""
        rows = snapshot.quotes
        if not isinstance(rows, QuoteRows) or len(rows.symbols) <= ROWS_MAX:
            names = list(dict.fromkeys(quote.symbol for quote in rows))
            return list(rows), _note(names, len(names))

        def choose() -> list[str]:
            exposed = dict.fromkeys(item.symbol for item in snapshot.exposures)
            return list(exposed | dict.fromkeys(rows.widest(ROWS_MAX, AGE_MAX_S)))[:ROWS_MAX]

        names = self._symbols.names(snapshot.identity.generation, now_s, rows.symbols, choose)
        return [quote for name in names for quote in rows.of(name)], _note(names, len(rows.symbols))

    def balances(self, snapshot: Snapshot, now_s: float) -> tuple[list[Balance], Tree]:
        """(balances of the assets shown, {"names": those, "of": how many there are})."""
        rows = snapshot.balances
        if not isinstance(rows, BalanceRows) or len(rows.assets) <= ROWS_MAX:
            names = list(dict.fromkeys(item.asset for item in rows))
            return list(rows), _note(names, len(names))
        names = self._assets.names(snapshot.identity.generation, now_s, rows.assets, lambda: rows.notable(ROWS_MAX))
        return [item for name in names for item in rows.of(name)], _note(names, len(rows.assets))


def _note(names: list[str], count: int) -> Tree:
    return {"names": names, "of": count}
