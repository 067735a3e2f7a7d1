"""How a resource's meter is shared in the catalogue file, and what nobody could be sold by."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bpp.catalog_file.reader import CatalogueInvalid, load_catalogue, read_catalogue
from tests.support.seller_world import CATALOGUE_FILE
from trading.offer import Catalogue

TEXT = CATALOGUE_FILE.read_text(encoding="utf-8")
METER = "    inverter: inverter-07\n"
PRICE = "    price_per_kwh: 0.15\n"
STATIC = "    sharing: {rule: STATIC_KEY}\n"
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "catalog" / "community-solar.yaml"
SECOND = """
  - id: barn-solar
    provider: valley-solar-cooperative
    name: The same meter once more
    source_type: SOLAR
    meter: "0100200300"
    available_kwh: 10
    production: {start: %s, end: 2026-01-10T10:00:00Z}
"""


def read(*, resource: str = "", offer: str = "") -> Catalogue:
    """Return the tests' catalogue with these lines in its resource and its offer."""
    text = TEXT.replace(METER, METER + resource).replace(PRICE, PRICE + offer)
    return read_catalogue(text, name="shop.yaml")


def test_a_meter_that_nothing_is_said_of_serves_who_bought_first() -> None:
    assert read().offers[0].terms.share_percent is None
    assert read(resource="    sharing: {rule: FIFO}\n") == read()


@pytest.mark.parametrize("rule", ["STATIC_KEY", "static_key"])
def test_a_share_is_read_exactly(rule: str) -> None:
    sold = read(resource=f"    sharing: {{rule: {rule}}}\n", offer="    share_percent: 33.333333\n")
    assert sold.offers[0].terms.share_percent == Decimal("33.333333")


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ("0", r"shop\.yaml, .*: offers\.0\.share_percent: .*greater than 0"),
        ("-5", r"offers\.0\.share_percent: .*greater than 0"),
        ("100.1", r"offers\.0\.share_percent: .*at most 100"),
        ("0.0000001", r"offers\.0\.share_percent: .*more than 6 decimals"),
        ("a lot", r"offers\.0\.share_percent: .*a decimal number"),
        (".nan", r"offers\.0\.share_percent: \".nan\" is not a"),
    ],
)
def test_what_is_no_share_of_a_meter_is_refused_with_its_place(share: str, said: str) -> None:
    with pytest.raises(CatalogueInvalid, match=said):
        read(resource=STATIC, offer=f"    share_percent: {share}\n")


def test_only_rules_that_a_node_knows_are_let_in() -> None:
    with pytest.raises(CatalogueInvalid, match=r"resources\.0\.sharing\.rule: .*FIFO or STATIC_KEY"):
        read(resource="    sharing: {rule: PRO_RATA}\n")


def test_a_share_and_its_rule_go_together() -> None:
    with pytest.raises(CatalogueInvalid, match=r"offers\.0\.share_percent: .*needs a share_percent"):
        read(resource=STATIC)
    with pytest.raises(CatalogueInvalid, match=r"offers\.0\.share_percent: .*rule: STATIC_KEY") as refused:
        read(offer="    share_percent: 50\n")
    assert refused.value.path == "offers.0.share_percent"


def test_one_meter_is_not_shared_by_two_rules_at_one_time() -> None:
    def with_second(start: str) -> Catalogue:
        text = TEXT.replace("\noffers:", SECOND % start + "\noffers:").replace(METER, METER + STATIC)
        return read_catalogue(text.replace(PRICE, PRICE + "    share_percent: 50\n"), name="shop.yaml")

    with pytest.raises(
        CatalogueInvalid, match=r"resources\.1\.sharing: the meter 0100200300 is shared by STAT"
    ):
        with_second("2026-01-09T17:59:59Z")
    assert len(with_second("2026-01-09T18:00:00Z").resources) == 2


def test_the_example_of_community_solar_is_sold_by_eighths_and_fortieths() -> None:
    shares = {offer.id: offer.terms.share_percent for offer in load_catalogue(EXAMPLE).offers}
    assert shares == {"school-roof-eighth": Decimal("12.5"), "school-roof-fortieth": Decimal("2.5")}


@pytest.mark.parametrize(
    ("resource", "offer", "said"),
    [
        ("", "    losses: {percent: 5}\n", "nothing of it is lost"),
        (STATIC, "    share_percent: 50\n", "nobody has a share of that"),
    ],
)
def test_a_meter_that_counts_for_both_sides_has_no_losses_and_no_shares(
    resource: str, offer: str, said: str
) -> None:
    plug = TEXT.replace("GRID_INJECTION", "EV_CHARGING")
    text = plug.replace(METER, METER + resource).replace(PRICE, PRICE + offer)
    with pytest.raises(CatalogueInvalid, match=rf"offers\.0: energy by EV_CHARGING .*{said}"):
        read_catalogue(text, name="shop.yaml")
