"""What is on offer, as on_discover tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import Interval
from schemas import iris
from trading.offer import Catalogue, EnergySource, Offer, Provider, Resource
from trading.terms import Terms


def write_catalog(
    catalogue: Catalogue, *, bpp_id: str, bpp_url: str, left: Mapping[str, Energy]
) -> dict[str, Any]:
    """Return the whole catalogue; `left` says what can still be had of each resource."""
    return {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Catalog",
        "beckn:id": catalogue.id,
        "beckn:descriptor": write_descriptor(catalogue.name),
        "beckn:bppId": bpp_id,
        "beckn:bppUri": bpp_url,
        "beckn:isActive": True,
        "beckn:items": [
            _item(resource, catalogue, left.get(resource.id, resource.available))
            for resource in catalogue.resources
        ],
        "beckn:offers": [write_offer(offer) for offer in catalogue.offers],
    }


def write_descriptor(name: str) -> dict[str, Any]:
    """Return a name as the wire carries it."""
    return {"@type": "beckn:Descriptor", "schema:name": name}


def write_offer(offer: Offer) -> dict[str, Any]:
    """Return an offer with its price and its terms."""
    price: dict[str, Any] = {
        "currency": offer.terms.currency.code,
        "value": offer.terms.price.per_kwh,
        "applicableQuantity": {"unitQuantity": 1, "unitText": "kWh", "unitCode": "KWH"},
    }
    return write_accepted_offer(
        offer_id=offer.id,
        name=offer.name,
        provider_id=offer.provider_id,
        resource_id=offer.resource_id,
        attributes=write_terms(offer.terms) | _bounds(offer),
    ) | {"beckn:price": price}


def write_accepted_offer(
    *, offer_id: str, name: str, provider_id: str, resource_id: str, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an offer of one item on the terms that `attributes` hold."""
    return {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Offer",
        "beckn:id": offer_id,
        "beckn:descriptor": write_descriptor(name),
        "beckn:provider": provider_id,
        "beckn:items": [resource_id],
        "beckn:offerAttributes": dict(attributes),
    }


def write_terms(terms: Terms) -> dict[str, Any]:
    """Return terms as an EnergyTradeOffer."""
    bag: dict[str, Any] = {
        "@context": iris.ENERGY_TRADE_OFFER_CONTEXT,
        "@type": iris.ENERGY_TRADE_OFFER,
        "pricingModel": terms.pricing_model.value,
        "settlementType": terms.settlement_type.value,
    }
    if terms.wheeling is not None:
        amount = terms.wheeling.amount
        bag["wheelingCharges"] = {
            "amount": amount.amount,
            "currency": amount.currency.code,
            "description": terms.wheeling.description or terms.wheeling.utility_name,
        }
    return bag


def write_source(source: EnergySource) -> dict[str, Any]:
    """Return what a contract repeats of its source."""
    written = {"sourceType": source.source_type.value, "sourceMeterId": source.meter_id}
    return written | ({"inverterId": source.inverter_id} if source.inverter_id else {})


def _bounds(offer: Offer) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    if offer.minimum is not None:
        bounds["minimumQuantity"] = offer.minimum.kilowatt_hours
    if offer.maximum is not None:
        bounds["maximumQuantity"] = offer.maximum.kilowatt_hours
    if offer.validity is not None:
        bounds["validityWindow"] = _span(offer.validity)
    return bounds


def _item(resource: Resource, catalogue: Catalogue, left: Energy) -> dict[str, Any]:
    item = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Item",
        "beckn:id": resource.id,
        "beckn:descriptor": write_descriptor(resource.name),
        "beckn:provider": _provider(catalogue.get_provider(resource.provider_id)),
        "beckn:isActive": True,
        "beckn:itemAttributes": _resource(resource, left),
    }
    return item | ({"beckn:networkId": list(catalogue.networks)} if catalogue.networks else {})


def _provider(provider: Provider) -> dict[str, Any]:
    return {"beckn:id": provider.id, "beckn:descriptor": write_descriptor(provider.name)}


def _resource(resource: Resource, left: Energy) -> dict[str, Any]:
    source = resource.source
    bag: dict[str, Any] = {
        "@context": iris.ENERGY_RESOURCE_CONTEXT,
        "@type": iris.ENERGY_RESOURCE,
        "sourceType": source.source_type.value,
        "deliveryMode": source.delivery_mode.value,
        "meterId": source.meter_id,
        "availableQuantity": left.kilowatt_hours,
        "productionWindow": _span(resource.production),
    }
    if source.inverter_id:
        bag["inverterId"] = source.inverter_id
    if source.certification is not None:
        bag["certificationStatus"] = source.certification.status
        if source.certification.certificates:
            bag["sourceVerification"] = {"certificates": list(source.certification.certificates)}
    return bag


def _span(interval: Interval) -> dict[str, str]:
    return {"start": format_instant(interval.start), "end": format_instant(interval.end)}
