"""What the indexes in a generation's records mean: its symbols, venues, assets and strategies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bridge.journal_file import Records
from bridge.layout import Layout, text_of


@dataclass(frozen=True)
class Symbol:
    name: str
    price_digits: int
    qty_digits: int
    base: str
    quote: str


@dataclass
class Names:
    """Tables of one generation by index; an index that is in no table (a damaged record) gets a visible name."""

    symbols: dict[int, dict[str, Any]] = field(default_factory=dict)
    venues: dict[int, str] = field(default_factory=dict)
    assets: dict[int, str] = field(default_factory=dict)
    strategies: dict[int, str] = field(default_factory=dict)

    def symbol(self, index: int) -> Symbol:
        row = self.symbols.get(index)
        if row is None:
            return Symbol(f"symbol {index}", 0, 0, "", "")
        base, quote = self.asset(row["base_asset"]), self.asset(row["quote_asset"])
        return Symbol(row["name"], row["price_digits"], row["qty_digits"], base, quote)

    def symbols_of(self, indexes: list[int]) -> list[Symbol]:
        known = {index: self.symbol(index) for index in set(indexes)}
        return [known[index] for index in indexes]

    def venue(self, index: int) -> str:
        return self.venues.get(index) or f"venue {index}"

    def asset(self, index: int) -> str:
        return self.assets.get(index) or f"asset {index}"

    def strategy(self, index: int) -> str:
        return self.strategies.get(index) or f"strategy {index}"

    def read(self, records: Records, layout: Layout) -> bool:
        """Takes over the tables among the records; True: there were some."""
        tables: tuple[tuple[str, dict[int, Any]], ...] = (
            ("SYMBOL", self.symbols),
            ("VENUE", self.venues),
            ("ASSET", self.assets),
            ("STRATEGY", self.strategies),
        )
        found = False
        for type_name, table in tables:
            code = layout.enums["journal_type"][f"JOURNAL_{type_name}"]
            decoder = layout.decoder(f"journal_{type_name.lower()}")
            for payload in records["payload"][records["type"] == code]:
                row = decoder.unpack(payload.tobytes())
                table[row["index"]] = row if type_name == "SYMBOL" else row["name"]
                found = True
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            name: {str(index): row for index, row in getattr(self, name).items()}
            for name in ("symbols", "venues", "assets", "strategies")
        }

    @classmethod
    def from_json(cls, tables: dict[str, Any]) -> Names:
        return cls(**{name: {int(index): row for index, row in table.items()} for name, table in tables.items()})


def texts(values: Any) -> list[str]:
    """A column of NUL-padded texts."""
    return [text_of(value) for value in values.tolist()]
