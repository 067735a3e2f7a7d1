"""EnergyTradeOffer: the terms that energy is sold on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from decimal import Decimal
from typing import Any, NamedTuple

from kernel.clock import format_instant, parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import CurrencyMismatch, Money
from schemas import iris
from trading.listing import ListedOffer, ListedTerms
from trading.mapping.bags.amounts import read_amount, read_span, write_amount, write_span
from trading.mapping.bags.charging_offer import (
    is_charging_offer,
    read_charging_offer,
    write_charging_offer,
)
from trading.mapping.bags.quantity import write_quantity
from trading.mapping.bags.stall_offer import is_stall_offer, read_stall_terms
from trading.mapping.find import Json, without_none
from trading.rates import IntervalPrices, Price, TimeOfDayRate
from trading.terms import PricingModel, SettlementType


class ToldPrice(NamedTuple):
    """What an offer says that it costs beside its terms: the price of a kWh, and what is due anyway.

    `by_interval` is told where the wire has room for it.
    """

    price: Price
    flat: Money | None = None
    by_interval: IntervalPrices | None = None

    @property
    def first_kwh(self) -> Decimal:
        """What one kWh costs with all that is due anyway, in major units."""
        return self.price.per_kwh if self.flat is None else self.price.per_kwh + self.flat.amount


def told_price(terms: ListedTerms) -> ToldPrice:
    """Return what an offer says that it costs."""
    return ToldPrice(terms.price, terms.flat)


def write_terms(terms: ListedTerms) -> Json:
    """Return terms as an EnergyTradeOffer, those of a session as a ChargingOffer; none has the price."""
    if terms.is_session:
        return write_charging_offer(terms)
    bag: Json = {
        "@context": iris.ENERGY_TRADE_OFFER_CONTEXT,
        "@type": iris.ENERGY_TRADE_OFFER,
        "pricingModel": terms.pricing_model.value,
        "settlementType": terms.settlement_type.value,
    }
    if terms.wheeling is not None:
        bag["wheelingCharges"] = {
            **write_amount("amount", terms.wheeling),
            "description": terms.wheeling_description,
        }
    if terms.hours:
        bag["timeOfDayRates"] = [_write_hours(hours, terms.price.currency) for hours in terms.hours]
    return bag


def write_offer_terms(offer: ListedOffer) -> Json:
    """Return the terms of an offer with how much and when it is open for.

    A ChargingOffer has no room for either: the wires have the one beside it, words have the other. One that
    is delivered in a window is an EnergyTradeOffer of the branch p2p-trading, which has a place for that.
    """
    if offer.terms.is_session:
        return write_terms(offer.terms)
    bounds: Json = {
        "minimumQuantity": offer.minimum and offer.minimum.kilowatt_hours,
        "maximumQuantity": offer.maximum and offer.maximum.kilowatt_hours,
    }
    if offer.delivery is None:
        bounds["validityWindow"] = offer.validity and write_span(offer.validity)
        return write_terms(offer.terms) | without_none(bounds)
    windows: Json = {
        "@context": iris.P2P_TRADE_OFFER_CONTEXT,
        "validityWindow": offer.validity and _write_period(offer.validity),
        "beckn:timeWindow": _write_period(offer.delivery),
        "beckn:maxQuantity": offer.maximum and write_quantity(offer.maximum),
    }
    return write_terms(offer.terms) | without_none(bounds | windows)


def read_offer(
    bag: Mapping[str, Any],
    *,
    offer_id: str,
    name: str,
    provider_id: str,
    resource_id: str,
    told: ToldPrice,
    description: str = "",
) -> ListedOffer:
    """Return the offer whose terms `bag` holds, at the price that is told beside it.

    Raises: LookupError, TypeError, ValueError.
    """
    validity, delivery = bag.get("validityWindow"), bag.get("beckn:timeWindow")
    return ListedOffer(
        id=offer_id,
        name=name,
        provider_id=provider_id,
        resource_id=resource_id,
        terms=_read_terms(bag, told),
        minimum=_read_bound(bag, "minimumQuantity"),
        maximum=_read_bound(bag, "maximumQuantity"),
        validity=validity and _read_period(validity),
        description=description,
        delivery=delivery and _read_period(delivery),
    )


def open_for(offer: ListedOffer, period: Interval | None) -> ListedOffer:
    """Return the offer with the validity that the wire has beside its bag, where that says nothing of it."""
    return offer if offer.validity is not None else replace(offer, validity=period)


def _read_terms(bag: Mapping[str, Any], told: ToldPrice) -> ListedTerms:
    if is_stall_offer(bag):
        stall = read_stall_terms(bag["terms"])
        return ListedTerms(
            price=stall.energy,
            pricing_model=PricingModel.PER_KWH,
            settlement_type=SettlementType.DAILY,
            is_session=True,
            stall=stall,
        )
    if is_charging_offer(bag):
        terms = read_charging_offer(bag, price=told.price)
        return replace(terms, flat=told.flat, by_interval=told.by_interval)
    wheeling = bag.get("wheelingCharges")
    return ListedTerms(
        price=told.price,
        pricing_model=PricingModel(bag["pricingModel"]),
        settlement_type=SettlementType(bag["settlementType"]),
        wheeling=wheeling and read_amount(wheeling, "amount"),
        wheeling_description=wheeling.get("description", "") if wheeling else "",
        flat=told.flat,
        by_interval=told.by_interval,
        hours=tuple(_read_hours(hours, told.price.currency) for hours in bag.get("timeOfDayRates", ())),
    )


def _write_hours(hours: TimeOfDayRate, currency: Currency) -> Json:
    span = {"start": f"{hours.start:%H:%M}", "end": f"{hours.end:%H:%M}"}
    return {"timeRange": span, "rate": hours.rate, "currency": currency.code}


def _read_hours(entry: Mapping[str, Any], currency: Currency) -> TimeOfDayRate:
    """Return the price of some hours, whose seconds and offset say nothing: they are on the offer's clock.

    Raises: LookupError, ValueError, CurrencyMismatch.
    """
    named = entry.get("currency", currency.code)
    if named != currency.code:
        raise CurrencyMismatch(f"hours at a rate in {named}, and a price in {currency}")
    span = entry["timeRange"]
    start, end = (time.fromisoformat(span[key]).replace(tzinfo=None) for key in ("start", "end"))
    return TimeOfDayRate(start=start, end=end, rate=Decimal(entry["rate"]))


def _write_period(interval: Interval) -> Json:
    """Return an interval as the branch p2p-trading writes it."""
    return {
        "@type": "beckn:TimePeriod",
        "schema:startTime": format_instant(interval.start),
        "schema:endTime": format_instant(interval.end),
    }


def _read_period(period: Mapping[str, Any]) -> Interval:
    """Return an interval of either form. Raises: LookupError, ValueError."""
    if "schema:startTime" not in period:
        return read_span(period)
    return Interval(parse_instant(period["schema:startTime"]), parse_instant(period["schema:endTime"]))


def _read_bound(bag: Mapping[str, Any], key: str) -> Energy | None:
    return Energy.from_kwh(bag[key]) if key in bag else None
