"""EnergyTradeOffer: the terms that energy is sold on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.energy import Energy
from schemas import iris
from trading.listing import ListedOffer, ListedTerms
from trading.mapping.bags.amounts import read_amount, read_span, write_amount, write_span
from trading.mapping.find import Json, without_none
from trading.terms import Price, PricingModel, SettlementType


def write_terms(terms: ListedTerms) -> Json:
    """Return terms as an EnergyTradeOffer; it has no room for the price."""
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
    return bag


def write_offer_terms(offer: ListedOffer) -> Json:
    """Return the terms of an offer with how much and when it is open for."""
    return write_terms(offer.terms) | without_none(
        {
            "minimumQuantity": offer.minimum and offer.minimum.kilowatt_hours,
            "maximumQuantity": offer.maximum and offer.maximum.kilowatt_hours,
            "validityWindow": offer.validity and write_span(offer.validity),
        }
    )


def read_offer(
    bag: Mapping[str, Any], *, offer_id: str, name: str, provider_id: str, resource_id: str, price: Price
) -> ListedOffer:
    """Return the offer whose terms `bag` holds. Raises: LookupError, TypeError, ValueError."""
    validity = bag.get("validityWindow")
    return ListedOffer(
        id=offer_id,
        name=name,
        provider_id=provider_id,
        resource_id=resource_id,
        terms=_read_terms(bag, price=price),
        minimum=_read_bound(bag, "minimumQuantity"),
        maximum=_read_bound(bag, "maximumQuantity"),
        validity=validity and read_span(validity),
    )


def _read_terms(bag: Mapping[str, Any], *, price: Price) -> ListedTerms:
    wheeling = bag.get("wheelingCharges")
    return ListedTerms(
        price=price,
        pricing_model=PricingModel(bag["pricingModel"]),
        settlement_type=SettlementType(bag["settlementType"]),
        wheeling=wheeling and read_amount(wheeling, "amount"),
        wheeling_description=wheeling.get("description", "") if wheeling else "",
    )


def _read_bound(bag: Mapping[str, Any], key: str) -> Energy | None:
    return Energy.from_kwh(bag[key]) if key in bag else None
