"""Where each generation keeps what a catalogue holds: its items, their offers, their names and places.

What is published is told as it was published, also what this software does not trade in; so only the
shape of a catalogue is known here, and not what its attributes mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trading.excerpt import Excerpt
from trading.mapping.find import Json, find, find_object, find_objects, find_text
from trading.mapping.v1_1.tags import write_group


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueForm:
    """The keys of one generation's catalogue.

    `offered` is where an offer names its items, `short` where a descriptor describes in short. `sites` are
    lists beside the items that they name by `sited`: v1.1 has places so.
    """

    items: str
    offers: str
    id: str
    offered: str
    descriptor: str
    short: str
    provider: str | None = None
    place: str | None = None
    sites: str | None = None
    sited: str | None = None

    def split(self, catalogue: Mapping[str, Any]) -> SplitCatalogue:
        """Return a catalogue in its parts; what is no object, or an item without an id, is passed over."""
        items = [item for item in find_objects(catalogue, self.items) if find_text(item, self.id)]
        beside = (self.items, self.offers, *([self.sites] if self.sites else []))
        return SplitCatalogue(
            form=self,
            head={key: value for key, value in catalogue.items() if key not in beside},
            items=items,
            offers=find_objects(catalogue, self.offers),
            sites=find_objects(catalogue, self.sites) if self.sites else [],
        )

    def id_of(self, thing: Json) -> str:
        return find_text(thing, self.id) or ""

    def named_by(self, thing: Json, key: str | None) -> set[str]:
        """Return the ids that stand in a list under a key."""
        found = find(thing, key) if key else None
        return {entry for entry in found if isinstance(entry, str)} if isinstance(found, list) else set()

    def cut(self, catalogue: Json, excerpt: Excerpt) -> Json:
        """Return a catalogue that says beside its own description that not all that fits is told."""
        descriptor = find_object(catalogue, self.descriptor)
        said = excerpt.after(find_text(descriptor, self.short))
        return catalogue | {self.descriptor: descriptor | {self.short: said}}

    def texts(self, thing: object) -> Iterator[str]:
        """Return what a thing is called and how it is described in short."""
        descriptor = find(thing, self.descriptor)
        if isinstance(descriptor, Mapping):
            for key, value in descriptor.items():
                if isinstance(value, str) and not key.startswith("@"):
                    yield value


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCatalogue:
    """A catalogue in its parts; `head` is what stands beside items and offers."""

    form: CatalogueForm
    head: Json
    items: list[Json]
    offers: list[Json]
    sites: list[Json]

    def text_of(self, item: Json, offers: Iterable[Json]) -> str:
        """Return the words that an item can be found by: its own, its seller's and its offers'."""
        form = self.form
        provider = find(item, form.provider) if form.provider else None
        things = [item, provider or find(self.head, "provider") or self.head, *offers]
        return " ".join(text for thing in things for text in form.texts(thing))

    def place_of(self, item: Json) -> Json | None:
        """Return the geometry of where an item is, as GeoJSON."""
        if self.form.place is None:
            return None
        own = find(item, self.form.place, 0, "geo")
        geometry = own or find(self.head, "provider", self.form.place, 0, "geo")
        return geometry if isinstance(geometry, dict) else None

    def joined(self, items: list[Json], offers: list[Json]) -> Json:
        """Return the catalogue with some of its items and their offers only."""
        form = self.form
        whole = self.head | {form.items: items, form.offers: offers}
        if form.sites is None:
            return whole
        named = set().union(*(form.named_by(item, form.sited) for item in items))
        sites = [site for site in self.sites if form.id_of(site) in named]
        return whole | ({form.sites: sites} if sites else {})


_RC: Final = CatalogueForm(
    items="beckn:items",
    offers="beckn:offers",
    id="beckn:id",
    offered="beckn:items",
    descriptor="beckn:descriptor",
    short="beckn:shortDesc",
    provider="beckn:provider",
    place="beckn:availableAt",
)
_LTS: Final = CatalogueForm(
    items="resources",
    offers="offers",
    id="id",
    offered="resourceIds",
    descriptor="descriptor",
    short="shortDesc",
    place="availableAt",
)
_V1_1: Final = CatalogueForm(
    items="items",
    offers="offers",
    id="id",
    offered="item_ids",
    descriptor="descriptor",
    short="short_desc",
    sites="locations",
    sited="location_ids",
)
FORMS: Final[Mapping[str, CatalogueForm]] = {"v1_1": _V1_1, "v2_rc": _RC, "v2_lts": _LTS}
"""By the name of the profile; in v1.1 a provider with its items is a catalogue."""

SELLER: Final = "seller"
"""The group of tags that says at which platform a provider of v1.1 sells."""


def with_seller(provider: Json, *, bpp_id: str, bpp_url: str) -> Json:
    """Return a provider of v1.1 with the platform that it sells at, for which v1.1 has no field."""
    group = write_group(SELLER, [("bpp_id", bpp_id), ("bpp_uri", bpp_url)])
    return provider | {"tags": [*find_objects(provider, "tags"), group]}
