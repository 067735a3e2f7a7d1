"""The catalogue file: exact numbers in, sentences that help out."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bpp.catalog_file.reader import CatalogueInvalid, load_catalogue, read_catalogue
from kernel.energy import Energy
from tests.support.seller_world import CATALOGUE_FILE, ITEM, catalogue
from trading.refusals import OfferAmbiguous

TEXT = CATALOGUE_FILE.read_text(encoding="utf-8")


def test_the_example_is_read_exactly() -> None:
    shop = catalogue()
    [resource], [offer] = shop.resources, shop.offers
    assert resource.available == Energy(30_500)
    assert offer.terms.price.per_kwh == Decimal("0.15")
    assert offer.terms.wheeling is not None
    assert str(offer.terms.wheeling.amount) == "2.50 USD"
    assert resource.source.certification is not None


def test_a_number_is_never_a_float_on_its_way() -> None:
    text = TEXT.replace("price_per_kwh: 0.15", "price_per_kwh: 0.150")
    assert str(read_catalogue(text, name="x").offers[0].terms.price.per_kwh) == "0.150"


def test_a_discount_and_a_validity_are_read() -> None:
    more = (
        "    discount: {title: Early bird, percent: 2.5}\n"
        "    validity: {start: 2026-01-01T00:00:00Z, end: 2026-02-01T00:00:00Z}\n    zone:"
    )
    offer = read_catalogue(TEXT.replace("    zone:", more), name="x").offers[0]
    assert offer.terms.discount is not None
    assert offer.terms.discount.percent == Decimal("2.5")
    assert offer.validity is not None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("available_kwh: 30.5", "available_kwh: 30.5005", "resources.0.available_kwh: .*finer than 1 Wh"),
        ("available_kwh: 30.5", "available_kwh: 0", "resources.0.available_kwh"),
        ("available_kwh: 30.5", "available_kwh: .nan", "no decimal number"),
        ("price_per_kwh: 0.15", "price_per_kwh: 0.1500000000000000055", "offers.0: .*at most 6 decimals"),
        ("currency: USD", "currency: DOLLAR", "offers.0.currency: .*ISO 4217"),
        ("zone: UTC", "zone: Middle/Earth", "offers.0.zone: .*IANA"),
        ("amount: 2.50", "amount: 2.505", "offers.0: .*more than 2 decimals"),
        ('meter: "100200300"', "meter: kitchen", "resources.0.meter: .*no mRID"),
        ("name: Valley Solar\n", "", "name: name is missing"),
        ("price_per_kwh", "price_per_kw", "offers.0.price_per_kw: .*Did you mean price_per_kwh"),
        ("    price_per_kwh: 0.15\n", "", "offers.0: PER_KWH needs price_per_kwh"),
        ("minimum_kwh: 1", "minimum: 1", "offers.0.minimum: .*Did you mean minimum_kwh"),
        ("end: 2026-01-09T18:00:00Z", "end: 2026-01-09T08:00:00Z", "resources.0: .*is empty"),
        ("end: 2026-01-09T18:00:00Z", "end: 2026-01-09T18:00:00", "production.end: .*an offset"),
        ("resource: rooftop-solar-07\n", "resource: cellar\n", "the resource 'cellar' is not in the file"),
        ("provider: valley-solar-cooperative", "provider: nobody", "the provider 'nobody'"),
        ("id: valley", "id: [valley", "is no YAML"),
        ("source_type: SOLAR", "source_type: COAL", "resources.0.source_type"),
        (
            "    zone: UTC",
            "    window: {start: 2026-01-09T09:00:00Z, end: 2026-01-09T11:00:00Z}\n    zone: UTC",
            "offers.0.window: the window is not all within the production, from 2026-01-09T10:00:00Z",
        ),
    ],
)
def test_what_cannot_be_traded_is_refused_with_file_key_and_reason(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(CatalogueInvalid, match=message) as refused:
        read_catalogue(TEXT.replace(old, new), name="shop.yaml")
    assert "shop.yaml" in str(refused.value)


def test_an_id_that_is_there_twice_is_refused() -> None:
    head, _, offers = TEXT.partition("offers:\n")
    with pytest.raises(CatalogueInvalid, match="is there twice"):
        read_catalogue(f"{head}offers:\n{offers}{offers}", name="x")


def test_of_several_offers_one_has_to_be_named() -> None:
    head, _, offers = TEXT.partition("offers:\n")
    second = offers.replace("id: rooftop-solar-07-daytime", "id: another")
    shop = read_catalogue(f"{head}offers:\n{offers}{second}", name="x")
    with pytest.raises(OfferAmbiguous, match="rooftop-solar-07-daytime, another"):
        shop.get_offer(ITEM, None)
    assert shop.get_offer(ITEM, "another").id == "another"


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueInvalid, match="cannot be read"):
        load_catalogue(tmp_path / "none.yaml")
    with pytest.raises(CatalogueInvalid):
        read_catalogue("", name="empty.yaml")
