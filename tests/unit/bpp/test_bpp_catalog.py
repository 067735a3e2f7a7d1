"""The catalogue file: exact numbers in, sentences that help out."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bpp.catalog_file.exact_yaml import read_yaml
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
        ("available_kwh: 30.5", "available_kwh: .nan", 'available_kwh: ".nan" is not a'),
        ("price_per_kwh: 0.15", "price_per_kwh: 0.1500000000000000055", "offers.0: .*at most 6 decimals"),
        ("currency: USD", "currency: DOLLAR", "offers.0.currency: .*ISO 4217"),
        ("zone: UTC", "zone: Middle/Earth", "offers.0.zone: .*IANA"),
        ("amount: 2.50", "amount: 2.505", "offers.0: .*more than 2 decimals"),
        ('meter: "100200300"', "meter: kitchen", "resources.0.meter: .*no mRID"),
        ("name: Valley Solar\n", "", "name: name is missing"),
        ("price_per_kwh", "price_per_kw", "offers.0.price_per_kw: .*Did you mean price_per_kwh"),
        ("    price_per_kwh: 0.15\n", "", "offers.0: PER_KWH needs price_per_kwh"),
        ("minimum_kwh: 1", "minimum: 1", "offers.0.minimum: .*Did you mean minimum_kwh"),
        (
            "end: 2026-01-09T18:00:00Z",
            "end: 2026-01-09T08:00:00Z",
            "resources.0: .* and ends 2026-01-09T08:00:00Z is empty",
        ),
        ("end: 2026-01-09T18:00:00Z", "end: 2026-01-09T18:00:00", "production.end: .*an offset"),
        ("resource: rooftop-solar-07\n", "resource: cellar\n", "the resource 'cellar' is not in the file"),
        ("provider: valley-solar-cooperative", "provider: nobody", "the provider 'nobody'"),
        ("id: valley", "id: [valley", "is no YAML"),
        ("source_type: SOLAR", "source_type: COAL", "resources.0.source_type: .*Write SOLAR"),
        (
            "price_per_kwh: 0.15",
            "price_per_kwh: 0,15",
            '"0,15" is not a decimal number. Write a decimal number',
        ),
        ("price_per_kwh: 0.15", "price_per_kwh: -1", "price_per_kwh: -1 is not at least 0"),
        ("price_per_kwh: 0.15", "price_per_kwh: [1]", "price_per_kwh: a list stands where a decimal"),
        ("minimum_kwh: 1\n", "minimum_kwh: 21\n", "minimum_kwh 21 is more than maximum_kwh 20"),
        (
            "currency: USD",
            "currency: USD\n    currency: EUR",
            "line [0-9]+, column 5: the key 'currency' is there twice",
        ),
        (
            "    zone: UTC",
            "    payment: cash\n    zone: UTC",
            "offers.0.payment: .*Write postpaid",
        ),
        (
            "name: Valley Solar\n",
            'name: "a\\0b"\n',
            "'a\N{REPLACEMENT CHARACTER}b' holds a control character",
        ),
        ("name: Valley Solar\n", "name: 7\n", "name: a number stands where text must"),
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


def test_every_mistake_is_told_with_the_entry_that_it_is_in() -> None:
    text = TEXT.replace("price_per_kwh: 0.15", "price_per_kwh: cheap").replace("SOLAR", "COAL")
    with pytest.raises(CatalogueInvalid) as refused:
        read_catalogue(text.replace("id: valley-solar-catalogue\n", ""), name="shop.yaml")
    top, resource, offer = str(refused.value).splitlines()
    assert top == "shop.yaml: id: id is missing. Add it."
    assert resource.startswith('shop.yaml, rooftop-solar-07: resources.0.source_type: "COAL" is not')
    assert offer.startswith('shop.yaml, rooftop-solar-07-daytime: offers.0.price_per_kwh: "cheap" is not')
    assert refused.value.path == "id"


def test_of_very_many_mistakes_the_first_are_told() -> None:
    with pytest.raises(CatalogueInvalid) as refused:
        read_catalogue(TEXT + "".join(f"x{number}: 1\n" for number in range(50)), name="shop.yaml")
    *told, last = str(refused.value).splitlines()
    assert (len(told), last.split(". ")[0]) == (20, "shop.yaml: 30 more mistakes are not told here")


@pytest.mark.parametrize("content", ["", "- a", "7"], ids=["nothing", "list", "number"])
def test_what_is_no_catalogue_at_all_is_told_so(content: str) -> None:
    with pytest.raises(CatalogueInvalid, match=r"x: \(top\): .* stands where an object must"):
        read_catalogue(content, name="x")


def test_a_list_that_is_none_is_told_so() -> None:
    with pytest.raises(CatalogueInvalid, match=r"providers.0: a number stands where an object must"):
        read_catalogue("providers: [7]", name="x")
    with pytest.raises(CatalogueInvalid, match="providers: a number stands where a list must"):
        read_catalogue("providers: 7", name="x")


@pytest.mark.parametrize(
    ("written", "meter"), [("0100200300", "0100200300"), ("100200300", "100200300"), ("12E4", "12E4")]
)
def test_a_meter_without_quotes_stays_the_one_that_is_written(written: str, meter: str) -> None:
    text = TEXT.replace('meter: "100200300"', f"meter: {written}")
    assert read_catalogue(text, name="x").resources[0].source.meter_id == meter


def test_words_are_words_as_in_the_newer_yaml() -> None:
    assert read_yaml("[NO, on, yes, 22:00, 1_000, true, ~, 0.50]") == [
        *("NO", "on", "yes", "22:00", "1_000"),
        *(True, None, Decimal("0.50")),
    ]


def test_what_is_taken_over_from_another_mapping_may_be_written_otherwise() -> None:
    assert read_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
    }


def test_a_file_in_another_encoding_is_told_so_and_a_mark_of_utf_8_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(TEXT.replace("Valley Solar", "Tälwerk"), encoding="latin-1")
    with pytest.raises(CatalogueInvalid, match=r"no text in UTF-8. Save it as UTF-8"):
        load_catalogue(file)
    file.write_text(TEXT, encoding="utf-8-sig")
    assert load_catalogue(file).id


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
