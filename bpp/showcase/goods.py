"""A catalogue laid out for searching: which of its rows can be bought now, and what is told of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import simplejson

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.plain_text import searchable
from search.columns import Mask
from search.facts import Fact, Facts, covering, instant, instants
from search.items import Items
from trading.listing import Listing, list_catalogue
from trading.mapping.geojson import write_geometry
from trading.mapping.wire import Wire
from trading.offer import Catalogue, Offer, Resource

_ALWAYS: Final = 2**62

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSale:
    """What can be had at a moment: `left` Wh of each row, and which `offers` are open, by their places."""

    rows: Mask
    left: Numbers
    offers: Mask


class Goods:
    """One version of the catalogue, by row: the place of a resource among the catalogue's resources."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        resources, offers = catalogue.resources, catalogue.offers
        self._row_of = {resource.id: row for row, resource in enumerate(resources)}
        self._provider_of = {provider.id: provider for provider in catalogue.providers}
        self._available: Numbers = np.array([r.available.watt_hours for r in resources], dtype=np.int64)
        self._row_of_offer: Numbers = np.array([self._row_of[o.resource_id] for o in offers], dtype=np.int64)
        self._opens = instants([-_ALWAYS if o.validity is None else o.validity.start for o in offers])
        self._closes = instants([_ALWAYS if o.validity is None else o.validity.end for o in offers])
        self._delivered_from = instants(
            [-_ALWAYS if o.delivery is None else o.delivery.start for o in offers]
        )
        self._delivered_until = instants([_ALWAYS if o.delivery is None else o.delivery.end for o in offers])
        self._offers_of: dict[int, list[int]] = {}
        for place, row in enumerate(self._row_of_offer.tolist()):
            self._offers_of.setdefault(row, []).append(place)
        self.facts = Facts([self._fact(row) for row in range(len(resources))])

    def __len__(self) -> int:
        return len(self.catalogue.resources)

    def on_sale(
        self,
        left: Mapping[str, Energy],
        *,
        now: datetime,
        sells_past: bool,
        window: Interval | None = None,
    ) -> OnSale:
        """Return what can be bought: `left` is what is left of the resources that somebody has part of.

        With a `window` offers are open that are for the whole of it.
        """
        stock = self._available.copy()
        for resource_id, energy in left.items():
            if (row := self._row_of.get(resource_id)) is not None:
                stock[row] = energy.watt_hours
        moment = instant(now)
        open_ = (self._opens <= moment) & (moment < self._closes)
        if window is not None:
            open_ &= covering(self._delivered_from, self._delivered_until, window)
        offered = np.zeros(len(stock), dtype=np.bool_)
        offered[self._row_of_offer[open_]] = True
        rows = offered & (stock > 0)
        if not sells_past:
            rows &= self.facts.ends > moment
        return OnSale(rows=rows, left=stock, offers=open_)

    def changed(self, before: OnSale, after: OnSale) -> list[int]:
        """Return the rows of which other things are told after than before."""
        rows = before.left != after.left
        rows[self._row_of_offer[before.offers != after.offers]] = True
        found: list[int] = np.flatnonzero(rows & after.rows).tolist()
        return found

    def part(self, rows: Iterable[int], on_sale: OnSale) -> Listing:
        """Return what is told of some rows, in the catalogue's order."""
        chosen = list(rows)
        resources = [self._resource(row, on_sale) for row in chosen]
        sellers = {resource.provider_id for resource in resources}
        offers = sorted(place for row in chosen for place in self._open(row, on_sale))
        part = replace(
            self.catalogue,
            providers=tuple(p for p in self.catalogue.providers if p.id in sellers),
            resources=tuple(resources),
            offers=tuple(self.catalogue.offers[place] for place in offers),
        )
        return list_catalogue(part, left={})

    def items(self, wire: Wire, on_sale: OnSale) -> Items:
        """Return all items as `wire` writes them."""
        return Items(self.item(row, wire, on_sale) for row in range(len(self)))

    def item(self, row: int, wire: Wire, on_sale: OnSale) -> bytes:
        """Return one item as `wire` writes it."""
        resource = self._resource(row, on_sale)
        alone = replace(
            self.catalogue,
            providers=(self._provider_of[resource.provider_id],),
            resources=(resource,),
            offers=self._offers(row, on_sale),
        )
        [item] = wire.write_items(list_catalogue(alone, left={}))
        return simplejson.dumps(item, use_decimal=True).encode()

    def has_words(self, row: int, words: Sequence[str], on_sale: OnSale) -> bool:
        """Say whether all words occur in what is told of a row now."""
        text = searchable(self._text(self.catalogue.resources[row], self._offers(row, on_sale)))
        return all(word in text for word in words)

    def is_partly_open(self, row: int, on_sale: OnSale) -> bool:
        """Say whether an offer of the row is closed, whose words were looked at as well."""
        return not all(on_sale.offers[place] for place in self._offers_of.get(row, ()))

    def _resource(self, row: int, on_sale: OnSale) -> Resource:
        return replace(self.catalogue.resources[row], available=Energy(int(on_sale.left[row])))

    def _open(self, row: int, on_sale: OnSale) -> list[int]:
        return [place for place in self._offers_of.get(row, ()) if on_sale.offers[place]]

    def _offers(self, row: int, on_sale: OnSale) -> tuple[Offer, ...]:
        return tuple(self.catalogue.offers[place] for place in self._open(row, on_sale))

    def _fact(self, row: int) -> Fact:
        resource = self.catalogue.resources[row]
        offers = [self.catalogue.offers[place] for place in self._offers_of.get(row, ())]
        place = None
        if resource.place is not None:
            place = simplejson.dumps(write_geometry(resource.place.geometry), use_decimal=True)
        return Fact(text=self._text(resource, offers), place=place, production=resource.production)

    def _text(self, resource: Resource, offers: Sequence[Offer]) -> str:
        source, provider = resource.source, self._provider_of[resource.provider_id]
        texts = [resource.name, provider.name, *(offer.name for offer in offers)]
        texts += [source.source_type.value, source.delivery_mode.value]
        texts += [source.certification.status] if source.certification else []
        return " ".join(texts)
