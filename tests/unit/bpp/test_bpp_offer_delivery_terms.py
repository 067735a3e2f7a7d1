"""Matching, metering interval, losses and penalties in the catalogue file, and what cannot be agreed on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bpp.catalog_file.reader import CatalogueInvalid, read_catalogue
from kernel.currency import Currency
from tests.support.seller_world import CATALOGUE_FILE
from trading.matching import NO_LOSSES, Billed, Losses, Matching
from trading.penalties import Counted, Payee, ShortfallPenalty, Tolerance
from trading.rates import METERING_GRID, Price
from trading.terms import Terms
from trading.wheeling import Side

TEXT = CATALOGUE_FILE.read_text(encoding="utf-8")
PRICE = "    price_per_kwh: 0.15\n"
USD = Currency("USD")


def terms(offer: str, *, price: str = PRICE) -> Terms:
    """Return the terms of the tests' offer, with these lines after its price."""
    return read_catalogue(TEXT.replace(PRICE, price + offer), name="shop.yaml").offers[0].terms


def test_what_an_offer_does_not_say_is_as_it_was_before_it_could() -> None:
    agreed = terms("")
    assert (agreed.matching, agreed.metering) == (Matching.WINDOW, METERING_GRID)
    assert (agreed.losses, agreed.penalties) == (NO_LOSSES, ())


@pytest.mark.parametrize("word", ["interval", "INTERVAL"])
def test_matching_and_the_metering_interval_are_read(word: str) -> None:
    agreed = terms(f"    matching: {word}\n    metering_minutes: 30\n")
    assert (agreed.matching, agreed.metering) == (Matching.INTERVAL, timedelta(minutes=30))


def test_losses_are_read_exactly() -> None:
    assert terms("    losses: {percent: 4.25}\n").losses == Losses(Decimal("0.0425"))
    agreed = terms("    losses: {percent: 4.25, billed: SENT}\n")
    assert agreed.losses == Losses(Decimal("0.0425"), Billed.SENT)


def test_penalties_of_both_sides_are_read() -> None:
    agreed = terms(
        "    penalties:\n"
        "      - {side: SELLER, per_kwh: 0.05}\n"
        "      - {side: BUYER, percent_of_price: 40, tolerance_percent: 5, counted: EXCESS, "
        "payee: INJURED_SIDE}\n"
    )
    assert agreed.penalties == (
        ShortfallPenalty(side=Side.SELLER, price=Price(per_kwh=Decimal("0.05"), currency=USD)),
        ShortfallPenalty(
            side=Side.BUYER,
            percent_of_price=Decimal(40),
            payee=Payee.INJURED_SIDE,
            tolerance=Tolerance(percent=Decimal(5), counted=Counted.EXCESS),
        ),
    )


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        ("    matching: daily\n", "WINDOW or INTERVAL"),
        ("    metering_minutes: 61\n", "at most 60"),
        ("    losses: {percent: 100}\n", "less than 100"),
        ("    losses: {percent: 0}\n", "greater than 0"),
        ("    penalties: [{side: BUYER}]\n", "either per_kwh or percent_of_price"),
        ("    penalties: [{side: BUYER, per_kwh: 1, percent_of_price: 1}]\n", "either per_kwh or"),
        ("    penalties: [{side: GRID, per_kwh: 1}]\n", "BUYER or SELLER"),
        ("    penalties: [{side: BUYER, per_kwh: 1, tolerance_percent: 101}]\n", "at most 100"),
        (
            "    penalties: [{side: BUYER, per_kwh: 1}, {side: BUYER, per_kwh: 2}]\n",
            "a side has one penalty at most",
        ),
        ("    penalties: [{side: BUYER, percent_of_price: 10001}]\n", "a penalty in per cent"),
    ],
)
def test_terms_that_nobody_could_settle_by_are_refused(offer: str, said: str) -> None:
    with pytest.raises(CatalogueInvalid, match=said):
        terms(offer)


def test_a_per_cent_of_the_price_needs_one_price() -> None:
    with pytest.raises(CatalogueInvalid, match="energy that did not flow has no time"):
        terms(
            "    interval_prices: {start: 2026-01-09T10:00:00Z, prices: [0.1]}\n"
            "    penalties: [{side: SELLER, percent_of_price: 50}]\n"
        )
