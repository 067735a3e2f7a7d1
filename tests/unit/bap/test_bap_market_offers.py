"""Offers are told as what their platform sells, whoever told of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bap.market.amounts import tell_span
from bap.market.offers import read_offers
from kernel.interval import Interval
from tests.support.seller_world import BPP_ID, BPP_URL, catalogue
from trading.listing import list_catalogue
from trading.mapping import WIRES, wire_of


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
