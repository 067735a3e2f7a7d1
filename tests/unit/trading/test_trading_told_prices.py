"""Prices as buyers are told of them, and what is refused of what others tell."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any

import pytest

from kernel.currency import Currency
from kernel.money import CurrencyMismatch, Money
from trading.listing import ListedOffer, ListedTerms
from trading.mapping.bags.amounts import DoesNotAddUp
from trading.mapping.bags.offer import ToldPrice, read_offer, write_offer_terms
from trading.mapping.v1_1 import catalog as v1_1
from trading.mapping.v1_1.price import read_price as read_v1_1_price
from trading.mapping.v2_rc import catalog as v2_rc
from trading.mapping.v2_rc.catalog import read_price as read_rc_price
from trading.rates import Price, TimeOfDayRate
from trading.terms import PricingModel, SettlementType

USD = Currency("USD")
TOLD = ToldPrice(Price(per_kwh=Decimal("0.15"), currency=USD), Money.of("9.90", USD))
Json = dict[str, Any]


def offer(terms: ListedTerms) -> ListedOffer:
    return ListedOffer(id="o", name="Offer", provider_id="p", resource_id="r", terms=terms)


BY_THE_HOUR = ListedTerms(
    price=TOLD.price,
    pricing_model=PricingModel.TIME_OF_DAY,
    settlement_type=SettlementType.HOURLY,
    hours=(TimeOfDayRate(start=time(22), end=time(6), rate=Decimal("0.1")),),
)


def read_terms(bag: Json) -> ListedTerms:
    read = read_offer(bag, offer_id="o", name="Offer", provider_id="p", resource_id="r", told=TOLD)
    return read.terms


def test_rates_by_the_hour_are_told_as_hours_and_minutes() -> None:
    bag = write_offer_terms(offer(BY_THE_HOUR))
    assert (bag["pricingModel"], bag["settlementType"]) == ("TIME_OF_DAY", "HOURLY")
    assert bag["timeOfDayRates"] == [
        {"timeRange": {"start": "22:00", "end": "06:00"}, "rate": Decimal("0.1"), "currency": "USD"}
    ]


@pytest.mark.parametrize(("start", "end"), [("22:00", "06:00"), ("22:00:00Z", "06:00:00+05:30")])
def test_hours_are_read_with_or_without_seconds_and_offset(start: str, end: str) -> None:
    hours = {"timeRange": {"start": start, "end": end}, "rate": Decimal("0.1")}
    bag = {"pricingModel": "TIME_OF_DAY", "settlementType": "HOURLY", "timeOfDayRates": [hours]}
    assert read_terms(bag).hours == BY_THE_HOUR.hours


def test_hours_in_another_currency_are_refused() -> None:
    hours = {"timeRange": {"start": "22:00", "end": "06:00"}, "rate": 1, "currency": "INR"}
    bag = {"pricingModel": "TIME_OF_DAY", "settlementType": "HOURLY", "timeOfDayRates": [hours]}
    with pytest.raises(CurrencyMismatch, match="a rate in INR, and a price in USD"):
        read_terms(bag)


def test_a_fee_stands_beside_the_price_of_a_kwh_and_the_first_kwh_costs_both() -> None:
    listed = ListedTerms(
        price=TOLD.price,
        pricing_model=PricingModel.SUBSCRIPTION,
        settlement_type=SettlementType.DAILY,
        flat=TOLD.flat,
    )
    rc = v2_rc.write_offer(offer(listed))["beckn:price"]
    assert (rc["value"], [part["type"] for part in rc["components"]]) == (Decimal("10.05"), ["UNIT", "FEE"])
    assert read_rc_price(rc) == TOLD
    old = v1_1.write_offer(offer(listed))
    assert old["price"] == {"currency": "USD", "value": "10.05"}
    assert read_v1_1_price(old["price"], beside=old) == TOLD
    with pytest.raises(DoesNotAddUp, match=r"add up to 10\.05, not to 9"):
        read_rc_price(rc | {"value": 9})
    with pytest.raises(DoesNotAddUp, match=r"add up to 10\.05, not to 9"):
        read_v1_1_price({"currency": "USD", "value": "9"}, beside=old)
