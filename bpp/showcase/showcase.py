"""Searching what is for sale, off the event loop, over an index that is made once for each catalogue.

It is made part by part before anybody searches; a search that comes earlier makes the rest.

What is held or sold changes what is left, and time opens and closes offers: then only the items that
are told otherwise now are written anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from bpp.showcase.goods import Goods, OnSale
from kernel.energy import Energy
from search.finding import Index, find
from search.items import Items
from search.own_thread import OwnThread
from search.paging import EVERYTHING, Page
from trading.listing import Listing
from trading.mapping.wire import Wire
from trading.offer import Catalogue
from trading.request import Criteria

_PART: Final = 1_000
"""How many items are written before others who search have their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of what was found, and how many items there are in all."""

    listing: Listing
    total: int


@dataclass(slots=True)
class _Told:
    """The items of one generation, and what could be bought when they were written."""

    items: Items
    on_sale: OnSale


@dataclass(slots=True)
class _Draft:
    """The first of the items of one generation, and what could be bought when the writing began."""

    on_sale: OnSale
    written: list[bytes] = field(default_factory=list)

    def write(self, goods: Goods, wire: Wire, *, most: int) -> None:
        rows = islice(range(len(self.written), len(goods)), most)
        self.written.extend(goods.item(row, wire, self.on_sale) for row in rows)


class Showcase:
    """The catalogue as buyers search it; one thread at a time works with it."""

    def __init__(self) -> None:
        self._thread = OwnThread()
        self._goods: Goods | None = None
        self._told: dict[int, _Told] = {}
        self._drafts: dict[int, _Draft] = {}
        self._wires: dict[int, Wire] = {}

    async def find(
        self,
        catalogue: Catalogue,
        criteria: Criteria,
        *,
        wire: Wire,
        left: Mapping[str, Energy],
        now: datetime,
        sells_past: bool = False,
        page: Page = EVERYTHING,
    ) -> Found:
        """Return a page of what can be bought at `now` and matches all of the criteria.

        `left` is what is left of the resources that somebody has part of. Words are looked for in what
        things are called; a JSONPath is applied to the items as `wire` writes them, and so are those of
        geometries. Raises: FilterUnreadable, FieldInvalid, SearchesCrowded.
        """

        def search() -> Found:
            goods = self._laid_out(catalogue)
            on_sale = goods.on_sale(left, now=now, sells_past=sells_past, window=criteria.window)
            rows = self._search(goods, criteria, wire, on_sale)
            return Found(listing=goods.part(page.part(rows), on_sale), total=len(rows))

        return await self._thread.search(search)

    async def lay_out(
        self, catalogue: Catalogue, *, usual: Wire, now: datetime, sells_past: bool = False
    ) -> bool:
        """Make the next part of what searches of `catalogue` need; say whether there may be more to make.

        That is in the `usual` generation and in those that were searched with filters before.
        """

        def lay_out() -> bool:
            if self._goods is None or self._goods.catalogue is not catalogue:
                self._laid_out(catalogue)
                return True
            wires = {id(usual): usual} | self._wires
            wire = next((wire for key, wire in wires.items() if key not in self._told), None)
            if wire is None:
                return False
            self._write(self._goods, wire, self._goods.on_sale({}, now=now, sells_past=sells_past))
            return True

        return await self._thread.run(lay_out)

    def _laid_out(self, catalogue: Catalogue) -> Goods:
        if self._goods is None or self._goods.catalogue is not catalogue:
            self._goods = Goods(catalogue)
            self._told.clear()
            self._drafts.clear()
        return self._goods

    def _search(self, goods: Goods, criteria: Criteria, wire: Wire, on_sale: OnSale) -> list[int]:
        index = Index(
            facts=goods.facts, items=lambda: self._items(goods, wire, on_sale), example=wire.FILTER_EXAMPLE
        )
        rows: list[int] = find(index, criteria, among=on_sale.rows).tolist()
        if criteria.words:
            rows = [
                row
                for row in rows
                if not goods.is_partly_open(row, on_sale) or goods.has_words(row, criteria.words, on_sale)
            ]
        return rows

    def _items(self, goods: Goods, wire: Wire, on_sale: OnSale) -> Items:
        """Return the items as they are told now."""
        self._wires[id(wire)] = wire
        while (told := self._told.get(id(wire))) is None:
            self._write(goods, wire, on_sale)
        for row in goods.changed(told.on_sale, on_sale):
            told.items.replace(row, goods.item(row, wire, on_sale))
        told.on_sale = on_sale
        return told.items

    def _write(self, goods: Goods, wire: Wire, on_sale: OnSale) -> None:
        """Write the next items of a generation, as they are told now if they are the first."""
        draft = self._drafts.setdefault(id(wire), _Draft(on_sale))
        draft.write(goods, wire, most=_PART)
        if len(draft.written) == len(goods):
            self._told[id(wire)] = _Told(items=Items(draft.written), on_sale=draft.on_sale)
            del self._drafts[id(wire)]
