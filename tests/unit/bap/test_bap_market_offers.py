"""Offers are told as what their platform sells, whoever told of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bap.market.amounts import tell_span
from bap.market.offers import OfferView, read_offers
from bpp.catalog_file.reader import load_catalogue, read_catalogue
from kernel.interval import Interval
from tests.support.seller_world import BPP_ID, BPP_URL, CATALOGUE_FILE, catalogue
from trading.listing import list_catalogue
from trading.mapping import WIRES, wire_of

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "catalog").glob("*.yaml"))
PLACES = ["{lat: 39.0639, lon: -108.5506}", "{lat: 1, lon: 2, address: {country: US}}"]


@pytest.mark.parametrize(
    "file", [each for each in EXAMPLES if "tariff" not in each.name], ids=lambda p: p.stem
)
def test_every_example_can_be_kept_without_what_is_not_told_and_read_again(file: Path) -> None:
    found = list(read_offers([list_catalogue(load_catalogue(file), left={})], bpp_id=BPP_ID))
    assert found
    for offer in found:
        assert OfferView(**offer.view.model_dump(exclude_none=True)) == offer.view


@pytest.mark.parametrize("place", PLACES, ids=["no address", "address"])
def test_a_place_needs_no_address(place: str) -> None:
    told = CATALOGUE_FILE.read_text(encoding="utf-8").replace(
        "  - id: rooftop-solar-07\n", f"  - id: rooftop-solar-07\n    location: {place}\n"
    )
    shop = read_catalogue(told, name="shop.yaml")
    [offer] = read_offers([list_catalogue(shop, left={})], bpp_id=BPP_ID)
    assert OfferView(**offer.view.model_dump(exclude_none=True)).place == offer.view.place


@pytest.mark.parametrize("wire", ["v2_rc", "v2_lts"])
def test_an_offer_of_an_index_is_bought_where_its_catalogue_says(wire: str) -> None:
    written = wire_of(wire).write_catalog(
        list_catalogue(catalogue(), left={}), bpp_id=BPP_ID, bpp_url=BPP_URL
    )
    [found] = read_offers(wire_of(wire).read_catalog(written), bpp_id="index.example")
    assert (found.view.seller.platform, found.names["bpp_id"]) == (BPP_ID, BPP_ID)


@pytest.mark.parametrize("wire", WIRES)
def test_an_offer_has_the_same_id_whoever_told_of_it(wire: str) -> None:
    written = wire_of(wire).write_catalog(
        list_catalogue(catalogue(), left={}), bpp_id=BPP_ID, bpp_url=BPP_URL
    )
    [once] = read_offers(wire_of(wire).read_catalog(written), bpp_id=BPP_ID)
    [again] = read_offers([list_catalogue(catalogue(), left={})], bpp_id=BPP_ID)
    assert once.view.id == again.view.id


def test_an_offer_of_nothing_that_is_told_is_passed_over() -> None:
    listing = list_catalogue(catalogue(), left={})
    assert list(read_offers([replace(listing, resources=())], bpp_id=BPP_ID)) == []
    assert list(read_offers([replace(listing, providers=())], bpp_id=BPP_ID)) == []


def test_an_offer_for_a_part_of_the_time_says_within_what_it_is_ordered() -> None:
    listing = list_catalogue(catalogue(), left={})
    (offer,), production = listing.offers, listing.resources[0].production
    noon = production.start + production.duration / 2
    halves = [Interval(production.start, noon), Interval(noon, production.end + production.duration)]
    told = replace(
        listing, offers=tuple(replace(offer, delivery=each) for each in (*halves, production, None))
    )
    morning, afternoon, whole, usual = read_offers([told], bpp_id=BPP_ID)
    assert morning.view.window == tell_span(halves[0])
    assert afternoon.view.window == tell_span(Interval(noon, production.end))
    assert (whole.view.window, usual.view.window) == (None, None)
    assert usual.delivery == production
