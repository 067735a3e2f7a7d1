"""What a seller would take in place of an order: less of it, or at another price, never more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from tests.support.charging_world import CHARGE, NOON, PLUG, TARIFF, station_catalogue
from tests.support.seller_world import ITEM, OFFER, WINDOW, catalogue
from trading.charges import Discount
from trading.promotion import Promotion, PromotionNotMet
from trading.request import Selection
from trading.seller_counter import CounterInvalid, Off, SellerCounter, counter_selection, describe_counter
from trading.terms import PricingModel

HOUR = timedelta(hours=1)


def wanted(**terms: Any) -> Selection:
    sold = catalogue()
    offer = sold.get_offer(ITEM, OFFER)
    offer = replace(offer, terms=replace(offer.terms, **terms))
    return Selection(resource=sold.get_resource(ITEM), offer=offer, quantity=Energy(10_000), window=WINDOW)


def session() -> Selection:
    sold = station_catalogue()
    window = Interval(NOON, NOON + HOUR)
    assert CHARGE.quantity is not None
    return Selection(
        resource=sold.get_resource(PLUG),
        offer=sold.get_offer(PLUG, TARIFF),
        quantity=CHARGE.quantity,
        window=window,
    )


def test_another_price_is_among_the_terms_that_are_frozen() -> None:
    agreed = counter_selection(wanted(), SellerCounter(price_per_kwh=Decimal("0.128")))
    assert agreed.offer.terms == replace(
        wanted().offer.terms, price=replace(wanted().offer.terms.price, per_kwh=Decimal("0.128"))
    )
    assert agreed == replace(wanted(), offer=agreed.offer)
    assert describe_counter(wanted(), agreed) == "0.15 USD per kWh became 0.128 USD per kWh"


@pytest.mark.parametrize(
    "off",
    [Off(title="Neighbours", percent=Decimal("12.5")), Off(title="Neighbours", amount=Decimal("0.50"))],
)
def test_a_discount_stands_behind_those_of_the_offer(off: Off) -> None:
    agreed = counter_selection(wanted(), SellerCounter(discount=off))
    assert agreed.offer.terms.promotions == (off.to_domain(wanted().offer.terms.currency),)
    assert describe_counter(wanted(), agreed) == "Neighbours came off"


BULK = Promotion(off=Discount(title="Bulk", percent=Decimal(20)), minimum=Energy(10_000))
LETTER = Promotion(off=Discount(title="Letter", percent=Decimal(5)), code="SPRING-26")


def promoted(*promotions: Promotion) -> Selection:
    selection = wanted(promotions=(Discount(title="For all", percent=Decimal(1)),))
    return replace(selection, offer=selection.offer.promoted(promotions))


def test_a_promotion_for_more_than_is_left_of_an_order_falls_away() -> None:
    offered, off = promoted(BULK, LETTER), Off(title="Neighbours", percent=Decimal(2))
    agreed = counter_selection(offered, SellerCounter(most=Energy(9_999), discount=off))
    assert [each.title for each in agreed.offer.terms.promotions] == ["For all", "Letter", "Neighbours"]
    assert agreed.offer.promotions == (LETTER,)
    words = "10 kWh became 9.999 kWh, Bulk fell away, Neighbours came off"
    assert describe_counter(offered, agreed) == words
    as_much = counter_selection(offered, SellerCounter(most=Energy(10_000), discount=off))
    assert as_much.offer.promotions == (BULK, LETTER)


def test_a_code_that_is_for_more_than_is_left_of_an_order_is_refused() -> None:
    offered = promoted(replace(BULK, code="MUCH-26"))
    with pytest.raises(PromotionNotMet, match="6 kWh can be had, and the code is for 10 kWh or more"):
        counter_selection(offered, SellerCounter(most=Energy(6_000)))


def test_the_quantity_is_bounded_and_the_window_cut() -> None:
    counter = SellerCounter(most=Energy(6_000), start=WINDOW.start + HOUR, end=WINDOW.end - HOUR)
    agreed = counter_selection(wanted(), counter)
    assert agreed.quantity == Energy(6_000)
    assert agreed.window == Interval(WINDOW.start + HOUR, WINDOW.end - HOUR)
    assert describe_counter(wanted(), agreed) == (
        "10 kWh became 6 kWh, 2026-01-09 10:00:00+00:00 became 2026-01-09 11:00:00+00:00, "
        "2026-01-09 18:00:00+00:00 became 2026-01-09 17:00:00+00:00"
    )


def test_a_bound_above_what_is_asked_for_changes_nothing() -> None:
    agreed = counter_selection(wanted(), SellerCounter(most=Energy(12_000)))
    assert agreed == wanted()
    assert describe_counter(wanted(), agreed) is None


def test_a_session_may_cost_something_else() -> None:
    agreed = counter_selection(session(), SellerCounter(price_per_kwh=Decimal(12)))
    assert agreed.offer.terms.price.per_kwh == 12
    assert agreed.window == session().window


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"price_per_kwh": Decimal(-1)}, "from 0 to"),
        ({"price_per_kwh": Decimal("0.1234567")}, "six|6 decimals|decimals"),
        ({"discount": Off(title="None", percent=Decimal(0))}, "is none"),
        ({"discount": Off(title="All and more", percent=Decimal(101))}, "from 0 to 100"),
        ({"discount": Off(title="Fine", amount=Decimal("0.001"))}, "more than 2 decimals"),
        ({"discount": Off(title="Nothing", amount=Decimal(0))}, "more than nothing"),
        ({"most": Energy(0)}, "0 kWh is too little for the offer rooftop-solar-07-daytime"),
        ({"most": Energy(999)}, "too little"),
        ({"start": WINDOW.end}, "ends before it starts"),
        ({"end": WINDOW.end + HOUR}, "no part of the one asked for, 2026-01-09T10:00:00Z until 2026"),
        ({"start": WINDOW.start - HOUR}, "no part of the one asked for"),
    ],
)
def test_what_cannot_be_agreed_on_is_told(values: dict[str, Any], why: str) -> None:
    with pytest.raises(CounterInvalid, match=why):
        counter_selection(wanted(), SellerCounter(**values))


@pytest.mark.parametrize("values", [{"most": Energy(1_000)}, {"start": NOON}, {"end": NOON + HOUR}])
def test_how_much_and_when_is_charged_is_the_driver_s_to_say(values: dict[str, Any]) -> None:
    with pytest.raises(CounterInvalid, match="its buyer's to say"):
        counter_selection(session(), SellerCounter(**values))


def test_one_price_is_no_counter_to_many() -> None:
    fixed = wanted().offer.terms
    fixed = replace(
        fixed,
        pricing_model=PricingModel.FIXED,
        fixed=Money(400, fixed.currency),
        price=replace(fixed.price, per_kwh=Decimal(0)),
    )
    selection = replace(wanted(), offer=replace(wanted().offer, terms=fixed))
    with pytest.raises(CounterInvalid, match="more than a price per kWh: name a discount"):
        counter_selection(selection, SellerCounter(price_per_kwh=Decimal(1)))


def test_a_counter_says_something() -> None:
    with pytest.raises(CounterInvalid, match="names what is to be otherwise"):
        SellerCounter()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"title": "Both", "percent": Decimal(1), "amount": Decimal(1)}, "either a percent or an amount"),
        ({"title": "Neither"}, "either a percent or an amount"),
        ({"title": " ", "percent": Decimal(1)}, "a title of 1 to 100"),
        ({"title": "two\nlines", "percent": Decimal(1)}, "printable"),
        ({"title": "x" * 101, "percent": Decimal(1)}, "1 to 100"),
    ],
)
def test_a_discount_is_named_and_is_one_thing(values: dict[str, Any], why: str) -> None:
    with pytest.raises(CounterInvalid, match=why):
        Off(**values)
