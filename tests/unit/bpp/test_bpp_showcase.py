"""What is for sale is searched as it stands at the moment, over an index that is made once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bpp.showcase.showcase import Showcase
from kernel.energy import Energy
from kernel.interval import Interval
from search.items import Items
from search.paging import Page
from tests.support.seller_world import NOW, WINDOW, catalogue
from trading.mapping import WIRES
from trading.mapping.wire import Wire
from trading.offer import Catalogue
from trading.request import Criteria

FILTERS = {
    "v1_1": "$[?@.itemAttributes.availableQuantity >= 20]",
    "v2_rc": "$[?@['beckn:itemAttributes'].availableQuantity >= 20]",
    "v2_lts": "$[?@.resourceAttributes.availableQuantity >= 20]",
}


def shop() -> Catalogue:
    """Return three roofs of 30.5 kWh; of the third one offer is over at noon and one begins then."""
    plain = catalogue()
    [resource], [offer] = plain.resources, plain.offers
    keys = ("one", "two", "three")
    offers = [replace(offer, id=f"for-{key}", resource_id=key) for key in keys]
    early, late = Interval(NOW, NOW + timedelta(hours=4)), Interval(NOW + timedelta(hours=4), WINDOW.end)
    offers[2] = replace(offers[2], name="Morning rate", validity=early)
    offers.append(replace(offers[2], id="later", name="Evening rate", validity=late))
    return replace(plain, resources=tuple(replace(resource, id=key) for key in keys), offers=tuple(offers))


async def found(
    showcase: Showcase, shop: Catalogue, wire: Wire, criteria: Criteria, **known: Any
) -> list[str]:
    now, left = known.get("now", NOW), known.get("left", {})
    page = await showcase.find(shop, criteria, wire=wire, left=left, now=now)
    return [resource.id for resource in page.listing.resources]


async def lay_out_all(showcase: Showcase, shop: Catalogue, usual: Wire) -> int:
    """Return in how many parts."""
    parts = 0
    while await showcase.lay_out(shop, usual=usual, now=NOW):
        parts += 1
    return parts


@pytest.mark.parametrize("generation", WIRES)
async def test_an_index_that_was_made_before_serves_the_first_search(
    generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpp.showcase.showcase._PART", 2)
    showcase, sold, wire = Showcase(), shop(), WIRES[generation]
    assert await lay_out_all(showcase, sold, wire) == 3  # the rows, two items, the last one
    monkeypatch.setattr(Items, "__init__", None)
    monkeypatch.setattr("bpp.showcase.goods.Goods.__init__", None)
    criteria = Criteria(expression=FILTERS[generation])
    assert await found(showcase, sold, wire, criteria, left={"two": Energy(0)}) == ["one", "three"]


async def test_a_search_that_comes_while_the_index_is_made_makes_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bpp.showcase.showcase._PART", 1)
    showcase, sold, wire = Showcase(), shop(), WIRES["v2_rc"]
    for _ in range(2):
        assert await showcase.lay_out(sold, usual=wire, now=NOW)
    criteria = Criteria(expression=FILTERS["v2_rc"])
    noon = NOW + timedelta(hours=4)
    assert await found(showcase, sold, wire, criteria, now=noon) == ["one", "two", "three"]
    assert not await showcase.lay_out(sold, usual=wire, now=noon)


async def test_another_catalogue_is_laid_out_in_every_generation_that_was_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    showcase, sold, usual, other = Showcase(), shop(), WIRES["v2_rc"], WIRES["v1_1"]
    assert await lay_out_all(showcase, sold, usual) == 2
    await found(showcase, sold, other, Criteria(expression=FILTERS["v1_1"]))
    fewer = replace(sold, resources=sold.resources[1:], offers=sold.offers[1:])
    assert await lay_out_all(showcase, fewer, usual) == 3
    monkeypatch.setattr(Items, "__init__", None)
    for wire, generation in ((usual, "v2_rc"), (other, "v1_1")):
        assert await found(showcase, fewer, wire, Criteria(expression=FILTERS[generation])) == [
            "two",
            "three",
        ]


@pytest.mark.parametrize("generation", WIRES)
async def test_what_is_left_counts_without_a_new_index(
    generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    showcase, sold, wire = Showcase(), shop(), WIRES[generation]
    criteria = Criteria(expression=FILTERS[generation])
    assert await found(showcase, sold, wire, criteria) == ["one", "two", "three"]
    monkeypatch.setattr(Items, "__init__", None)  # nobody makes another
    left = {"two": Energy(19_999), "three": Energy(0)}
    assert await found(showcase, sold, wire, criteria, left=left) == ["one"]
    listing = (await showcase.find(sold, Criteria(), wire=wire, left=left, now=NOW)).listing
    assert [resource.available.watt_hours for resource in listing.resources] == [30_500, 19_999]
    assert await found(showcase, sold, wire, criteria) == ["one", "two", "three"]


@pytest.mark.parametrize("generation", WIRES)
async def test_only_words_of_open_offers_are_found(generation: str) -> None:
    showcase, sold, wire = Showcase(), shop(), WIRES[generation]
    noon = NOW + timedelta(hours=5)
    evening, morning = Criteria(words=("evening",)), Criteria(words=("rate", "morning"))
    assert await found(showcase, sold, wire, evening) == []
    assert await found(showcase, sold, wire, morning) == ["three"]
    assert await found(showcase, sold, wire, evening, now=noon) == ["three"]
    assert await found(showcase, sold, wire, morning, now=noon) == []
    listing = (await showcase.find(sold, evening, wire=wire, left={}, now=noon)).listing
    assert [offer.id for offer in listing.offers] == ["later"]


async def test_the_price_of_an_item_is_that_of_the_offer_that_is_open_now() -> None:
    wire = WIRES["v1_1"]
    plain = shop()
    twice = replace(plain.offers[0], id="again", validity=Interval(WINDOW.start, WINDOW.end))
    sold, showcase = replace(plain, offers=(*plain.offers, twice)), Showcase()
    priced = Criteria(expression="$[?@.price]")
    assert await found(showcase, sold, wire, priced) == ["one", "two", "three"]
    # Of two offers that are open at once neither is the item's price.
    assert await found(showcase, sold, wire, priced, now=WINDOW.start) == ["two", "three"]


async def test_another_catalogue_is_searched_at_once() -> None:
    showcase, sold, wire = Showcase(), shop(), WIRES["v2_rc"]
    assert await found(showcase, sold, wire, Criteria(words=("rooftop",))) == ["one", "two", "three"]
    fewer = replace(sold, resources=sold.resources[1:], offers=sold.offers[1:])
    assert await found(showcase, fewer, wire, Criteria(words=("rooftop",))) == ["two", "three"]
    assert await found(showcase, fewer, wire, Criteria(), now=WINDOW.end) == []


async def test_a_page_holds_so_many_and_tells_how_many_there_are() -> None:
    showcase, wire = Showcase(), WIRES["v2_rc"]
    known: dict[str, Any] = {"wire": wire, "left": {}, "now": NOW}
    page = await showcase.find(shop(), Criteria(), page=Page(offset=1, limit=1), **known)
    assert [resource.id for resource in page.listing.resources] == ["two"]
    assert [offer.resource_id for offer in page.listing.offers] == ["two"]
    assert page.total == 3
    assert (
        await showcase.find(shop(), Criteria(), page=Page(offset=3, limit=1), **known)
    ).listing.resources == ()
