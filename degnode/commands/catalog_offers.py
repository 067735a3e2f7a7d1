"""Offers of a catalogue as the command line tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import BaseModel

from trading.availability.source import Forecasting
from trading.listing import ListedTerms, list_offer
from trading.offer import Catalogue

_MINUTE: Final = "%Y-%m-%d %H:%M"
OFFER_HEADINGS: Final = ("offer", "source", "kWh", "produced (UTC)", "price")


class OfferView(BaseModel):
    """An offer of a catalogue with the resource that it sells. Units: kWh; major units of the currency."""

    file: str
    offer: str
    resource: str
    provider: str
    source: str
    meter: str
    available_kwh: Decimal | None
    """What there is in all; None where there is what is forecast."""
    forecast_by: Literal["meter", "operator"] | None
    produced_from: datetime
    produced_until: datetime
    pricing_model: str
    price_per_kwh: Decimal
    flat: Decimal | None
    """What is due whatever flows: a subscription's fee, or a fixed price."""
    currency: str
    share_percent: Decimal | None
    """Of the meter, where that is shared out by fixed shares."""


def offer_views(catalogue: Catalogue, file: str) -> Iterator[OfferView]:
    """Return the offers of the catalogue of `file`."""
    resources = {resource.id: resource for resource in catalogue.resources}
    for offer in catalogue.offers:
        resource, terms = resources[offer.resource_id], list_offer(offer).terms
        yield OfferView(
            file=file,
            offer=offer.id,
            resource=resource.id,
            provider=resource.provider_id,
            source=resource.source.source_type,
            meter=resource.source.meter_id,
            available_kwh=None if resource.forecasting else resource.available.kilowatt_hours,
            forecast_by=_forecast_by(resource.forecasting),
            produced_from=resource.production.start.astimezone(UTC),
            produced_until=resource.production.end.astimezone(UTC),
            pricing_model=terms.pricing_model,
            price_per_kwh=terms.price.per_kwh,
            flat=_flat(terms),
            currency=terms.price.currency.code,
            share_percent=offer.terms.share_percent,
        )


def _forecast_by(forecasting: Forecasting | None) -> Literal["meter", "operator"] | None:
    if forecasting is None:
        return None
    return "operator" if forecasting.by_meter is None else "meter"


def _flat(terms: ListedTerms) -> Decimal | None:
    return terms.flat.amount if terms.flat else None


def offer_rows(offers: Sequence[OfferView]) -> list[tuple[object, ...]]:
    """Return the rows of a table: offer, source, energy, window, price."""
    return [
        (
            each.offer,
            each.source,
            _quantity(each) + (f", {each.share_percent:f} % of the meter" if each.share_percent else ""),
            f"{each.produced_from:{_MINUTE}} – {each.produced_until:{_MINUTE}}",
            _price(each),
        )
        for each in offers
    ]


def _quantity(offer: OfferView) -> str:
    if offer.available_kwh is not None:
        return f"{offer.available_kwh:f}"
    return "as forecast" if offer.forecast_by == "operator" else "as its meter forecasts"


def _price(offer: OfferView) -> str:
    """Return what energy costs, in words; of prices by the hour it is that of all other hours."""
    parts = [f"{offer.flat} {offer.currency}"] if offer.flat is not None else []
    if offer.price_per_kwh or not parts:
        parts.append(f"{offer.price_per_kwh:f} {offer.currency} a kWh")
    return f"{' and '.join(parts)} ({offer.pricing_model})"
