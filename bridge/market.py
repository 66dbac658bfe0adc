"""Tops of book and balances of all venues, as sequences of records that are built when they are looked at.

Both lie in shared memory as pages of a few dozen (abi.h), up to 8 x 1024 quotes and 8 x 2048 balances. A snapshot
copies the pages, which takes microseconds; building a record of each takes a hundred times as long, and whoever looks
at a snapshot looks at a few.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np

from .layout import abi_layout
from .tables import E8, Tables
from .types import Balance, Quote

if TYPE_CHECKING:
    from .segment import Records

Pages = list[list[bytes | None]]  # [venue][page]; None: never written
Item = TypeVar("Item")


@dataclass(frozen=True)
class Paging:
    """How the things of one venue are spread over pages: thing n is item n % size of page n // size."""

    size: int
    count: int  # pages of a venue in the segment

    def used(self, thing_count: int) -> int:
        return -(-thing_count // self.size)


@cache
def book_paging() -> Paging:
    constants = abi_layout().constants
    return Paging(constants["ABI_BOOK_PAGE"], constants["ABI_BOOK_PAGES"])


@cache
def balances_paging() -> Paging:
    constants = abi_layout().constants
    return Paging(constants["ABI_BALANCES_PAGE"], constants["ABI_BALANCES_PAGES"])


class _Rows(Sequence[Item]):
    """Records by place (venue index, index of the symbol or asset); what was never written is left out."""

    def __init__(self, pages: Pages, places: Sequence[tuple[int, int]], page_size: int) -> None:
        self._pages = pages
        self._page_size = page_size
        if all(page is not None for venue in pages for page in venue):
            self._places = places
        else:
            self._places = [(v, i) for v, i in places if pages[v][i // page_size] is not None]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self._at(*place) for place in self._places[index]]
        return self._at(*self._places[index])

    def __iter__(self) -> Iterator[Item]:
        return (self._at(*place) for place in self._places)

    @abstractmethod
    def _at(self, venue_index: int, index: int) -> Item:
        """The record of one place."""

    def _written(self, index: int) -> list[int]:
        """Venues whose page with this symbol or asset was written."""
        page = index // self._page_size
        return [venue for venue, pages in enumerate(self._pages) if pages[page] is not None]

    def _rows(self, item: str, count: int) -> Records:
        """Raw items [venue, symbol or asset]; zeros where nothing was written."""
        size = abi_layout().sizeof(item) * self._page_size
        data = b"".join(page if page is not None else bytes(size) for pages in self._pages for page in pages)
        rows: Records = np.frombuffer(data, abi_layout().dtype(item)).reshape(len(self._pages), -1)
        return rows[:, :count]

    def _page(self, venue_index: int, index: int) -> tuple[bytes, int]:
        """The page that holds a thing, and the thing's place on it."""
        page, place = divmod(index, self._page_size)
        data = self._pages[venue_index][page]
        assert data is not None, "places name written pages only"
        return data, place


class QuoteRows(_Rows[Quote]):
    """One Quote per venue and symbol traded there, in the order of the tables."""

    def __init__(self, tables: Tables, pages: Pages, now_mono_ns: int) -> None:
        super().__init__(pages, tables.quote_places, book_paging().size)
        self._tables = tables
        self._now_mono_ns = now_mono_ns
        layout = abi_layout()
        self._decoder = layout.decoder("abi_quote")
        self._crossed = layout.enums["abi_quote_flag"]["ABI_QUOTE_CROSSED"]

    def _at(self, venue_index: int, index: int) -> Quote:
        data, place = self._page(venue_index, index)
        row = self._decoder.unpack(data, place * self._decoder.size)
        symbol = self._tables.symbols[index]
        bid, ask, scale = row["bid_price"], row["ask_price"], symbol.price_scale
        return Quote(
            venue=self._tables.venues[venue_index].name,
            symbol=symbol.name,
            bid=bid / scale if bid else None,
            bid_qty=row["bid_qty"] / symbol.qty_scale if bid else None,
            ask=ask / scale if ask else None,
            ask_qty=row["ask_qty"] / symbol.qty_scale if ask else None,
            age_s=age_s(row["recv_mono_ns"], self._now_mono_ns),
            venue_seq=row["venue_seq"],
            count=row["count"],
            crossed=bool(row["flags"] & self._crossed),
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """All names of the tables, whether quoted yet or not."""
        return tuple(self._tables.symbol_index)

    def of(self, symbol: str) -> list[Quote]:
        """The quotes of one symbol, in the order of the venues."""
        index = self._tables.symbol_index.get(symbol)
        if index is None:
            return []
        traded = self._tables.symbols[index].venue_mask
        venues = [venue for venue in self._written(index) if traded >> venue & 1]
        return [self._at(venue, index) for venue in venues]

    def widest(self, count: int, age_max_s: float) -> list[str]:
        """Names of the symbols with the widest gap between two venues now, widest first.

        The gap is gross, (greatest bid - least ask) / least ask over all venues, negative where no two venues
        cross. Quotes older than `age_max_s`, crossed ones and one-sided symbols do not count; what has no gap
        comes last, in the order of the tables.
        """
        return [self._tables.symbols[index].name for index in np.argsort(-self._gaps(age_max_s), kind="stable")[:count]]

    def _gaps(self, age_max_s: float) -> np.typing.NDArray[np.float64]:
        """float64[symbols]: gross gap as a fraction; -inf: none."""
        book = self._rows("abi_quote", len(self._tables.symbols))
        live = (self._now_mono_ns - book["recv_mono_ns"] <= age_max_s * 1e9) & (book["flags"] == 0)
        bid = np.where(live & (book["bid_price"] > 0), book["bid_price"], 0).max(axis=0)
        most = np.iinfo(np.int64).max
        ask = np.where(live & (book["ask_price"] > 0), book["ask_price"], most).min(axis=0)
        return np.where((bid > 0) & (ask < most), (bid - ask) / ask, -np.inf)


class BalanceRows(_Rows[Balance]):
    """One Balance per venue and asset, in the order of the tables."""

    def __init__(self, tables: Tables, pages: Pages) -> None:
        super().__init__(pages, tables.balance_places, balances_paging().size)
        self._tables = tables
        self._decoder = abi_layout().decoder("abi_balance")

    def _at(self, venue_index: int, index: int) -> Balance:
        data, place = self._page(venue_index, index)
        row = self._decoder.unpack(data, place * self._decoder.size)
        return Balance(
            venue=self._tables.venues[venue_index].name,
            asset=self._tables.assets[index],
            total=row["total_e8"] / E8,
            reserved=row["reserved_e8"] / E8,
            venue_total=row["venue_e8"] / E8 if row["venue_wall_ns"] else None,
            venue_ns=or_none(row["venue_wall_ns"]),
            total_e8=row["total_e8"],
            frac_e19=row["frac_e19"],
        )

    @property
    def assets(self) -> tuple[str, ...]:
        return self._tables.assets

    def of(self, asset: str) -> list[Balance]:
        """The balances of one asset, in the order of the venues."""
        index = self._tables.asset_index.get(asset)
        return [] if index is None else [self._at(venue, index) for venue in self._written(index)]

    def notable(self, count: int) -> list[str]:
        """Names of the assets to look at first: ledger and venue differ, something is reserved, something is owned.

        Within each group in the order of the tables; what is owned nowhere comes last.
        """
        rows = self._rows("abi_balance", len(self._tables.assets))
        differs = ((rows["venue_wall_ns"] != 0) & (rows["venue_e8"] != rows["total_e8"])).any(axis=0)
        reserved, owned = (rows["reserved_e8"] != 0).any(axis=0), (rows["total_e8"] != 0).any(axis=0)
        order = np.lexsort((~owned, ~reserved, ~differs))
        return [self._tables.assets[index] for index in order[:count]]


def or_none(value: int) -> int | None:
    return None if value == 0 else value


def age_s(mono_ns: int, now_mono_ns: int) -> float | None:
    """Age of a CLOCK_MONOTONIC stamp; None for "never". A stamp from after `now` was taken has age 0."""
    return None if mono_ns == 0 else max(0, now_mono_ns - mono_ns) / 1e9
