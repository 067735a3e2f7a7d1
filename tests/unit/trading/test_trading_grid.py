"""Which utilities serve a trade, as buyers are told before they order."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpp.catalog_file.reader import load_catalogue
from trading.grid import GridAccess
from trading.listing import list_catalogue
from trading.mapping import wire_of

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "catalog" / "inter-utility.yaml"
WORDS = (
    "The utility valley-grid.example serves the seller and is asked first; its customers can buy, and so can "
    "those of hill-grid.example, who name their utility in the order."
)


@pytest.mark.parametrize("name", ["v1_1", "v2_rc", "v2_lts"])
def test_an_offer_tells_on_every_generation_whose_customers_can_buy(name: str) -> None:
    wire, listing = wire_of(name), list_catalogue(load_catalogue(EXAMPLE), left={})
    message = wire.write_catalog(listing, bpp_id="bpp.example", bpp_url="https://bpp.example")
    [read] = wire.read_catalog(message)
    assert [offer.description for offer in read.offers] == [offer.description for offer in listing.offers]
    assert all(offer.description.endswith(WORDS) for offer in read.offers)


@pytest.mark.parametrize(
    ("partners", "told"),
    [
        ((), "its customers can buy."),
        (("a.example", "b.example"), "and so can those of a.example and b.example, who name"),
        (("a.example", "b.example", "c.example"), "those of a.example, b.example and c.example, who"),
    ],
)
def test_partners_are_told_one_by_one(partners: tuple[str, ...], told: str) -> None:
    assert told in GridAccess(utility="valley-grid.example", partners=partners).words
