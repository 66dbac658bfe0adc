"""The static tables of a segment's header: names and scales of symbols, assets, venues and strategies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .layout import abi_layout

E8 = 1e8  # money and asset amounts are integers of 1e-8
BPS_E4 = 1e4  # edges are integers of 1e-4 basis points


@dataclass(frozen=True)
class SymbolInfo:
    name: str
    price_scale: float  # price = integer / price_scale, in quote units
    qty_scale: float  # quantity = integer / qty_scale, in base units
    base: str
    quote: str
    venue_mask: int


@dataclass(frozen=True)
class VenueInfo:
    name: str
    kind: str
    endpoint: str
    taker_fee_bps: float


@dataclass(frozen=True)
class StrategyInfo:
    name: str
    kind: str


@dataclass(frozen=True)
class Tables:
    symbols: tuple[SymbolInfo, ...]
    assets: tuple[str, ...]
    venues: tuple[VenueInfo, ...]
    strategies: tuple[StrategyInfo, ...]

    @cached_property
    def quote_places(self) -> tuple[tuple[int, int], ...]:
        """(venue index, symbol index) of everything that is traded, venue by venue."""
        return tuple(
            (venue, index)
            for venue in range(len(self.venues))
            for index, symbol in enumerate(self.symbols)
            if symbol.venue_mask >> venue & 1
        )

    @cached_property
    def balance_places(self) -> tuple[tuple[int, int], ...]:
        """(venue index, asset index), venue by venue."""
        return tuple((venue, index) for venue in range(len(self.venues)) for index in range(len(self.assets)))

    @cached_property
    def symbol_index(self) -> dict[str, int]:
        return {symbol.name: index for index, symbol in enumerate(self.symbols)}

    @cached_property
    def asset_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.assets)}

    def symbol(self, index: int) -> SymbolInfo:
        """An index outside the table (a damaged record) yields a visible placeholder, not an exception."""
        return self.symbols[index] if index < len(self.symbols) else _placeholder_symbol(index)

    def venue_name(self, index: int) -> str:
        return self.venues[index].name if index < len(self.venues) else f"venue {index}"

    def asset_name(self, index: int) -> str:
        return self.assets[index] if index < len(self.assets) else f"asset {index}"

    def strategy_name(self, index: int) -> str:
        return self.strategies[index].name if index < len(self.strategies) else f"strategy {index}"


def _placeholder_symbol(index: int) -> SymbolInfo:
    return SymbolInfo(f"symbol {index}", 1.0, 1.0, "?", "?", 0)


def read_tables(header: bytes) -> Tables:
    """Tables from the bytes of struct abi_header."""
    layout = abi_layout()
    counts = layout.decoder("abi_header").unpack(header)

    def rows(field: str, struct: str, count: str) -> list[dict[str, int | str]]:
        limit = layout.constants[f"ABI_{field.upper()}_MAX"]
        return layout.decoder(struct).unpack_array(
            header, min(counts[count], limit), layout.offsetof("abi_header", field)
        )

    assets = tuple(str(row["name"]) for row in rows("asset", "abi_asset", "asset_count"))
    return Tables(
        tuple(_symbol(row, assets) for row in rows("symbol", "abi_symbol", "symbol_count")),
        assets,
        tuple(
            VenueInfo(str(row["name"]), str(row["kind"]), str(row["endpoint"]), int(row["taker_fee_ppm"]) / 100)
            for row in rows("venue", "abi_venue_info", "venue_count")
        ),
        tuple(
            StrategyInfo(str(row["name"]), str(row["kind"]))
            for row in rows("strategy", "abi_strategy_info", "strategy_count")
        ),
    )


def _symbol(row: dict[str, int | str], assets: tuple[str, ...]) -> SymbolInfo:
    def asset(field: str) -> str:
        index = int(row[field])
        return assets[index] if index < len(assets) else f"asset {index}"

    return SymbolInfo(
        str(row["name"]),
        10.0 ** int(row["price_digits"]),
        10.0 ** int(row["qty_digits"]),
        asset("base_asset"),
        asset("quote_asset"),
        int(row["venue_mask"]),
    )
