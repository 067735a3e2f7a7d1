"""What is on offer: providers, the energy they have, and the terms they sell it on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.mrid import canonical_mrid
from trading.availability.buckets import Bucket
from trading.availability.source import Forecasting
from trading.charging.connector import Connector
from trading.fields import Field
from trading.grid import GridAccess
from trading.place import Place
from trading.promotion import Promotion, still_met
from trading.refusals import (
    ItemNotFound,
    OfferAmbiguous,
    OfferNotFound,
    PaymentNotOffered,
    ProviderNotFound,
    QuantityOutOfBounds,
    QuoteExpired,
)
from trading.terms import PaymentTiming, Terms


class SourceType(StrEnum):
    """What energy is made from (EnergyResource v0.2)."""

    SOLAR = "SOLAR"
    BATTERY = "BATTERY"
    GRID = "GRID"
    HYBRID = "HYBRID"
    RENEWABLE = "RENEWABLE"


class DeliveryMode(StrEnum):
    """How energy changes hands (EnergyResource v0.2)."""

    EV_CHARGING = "EV_CHARGING"
    BATTERY_SWAP = "BATTERY_SWAP"
    V2G = "V2G"
    GRID_INJECTION = "GRID_INJECTION"

    @property
    def is_metered_once(self) -> bool:
        """Whether energy is handed over at one meter, whose import is what the buyer took."""
        return self in _METERED_ONCE


_METERED_ONCE: Final = frozenset({DeliveryMode.EV_CHARGING, DeliveryMode.BATTERY_SWAP})
"""The plug of a station, the lid of a cabinet: what goes out there is what came to the buyer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certification:
    """Who vouches for the source, in words, with the certificates' addresses or identifiers."""

    status: str
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySource:
    """Where energy comes from: its kind and the meter that counts it, as the meter is written."""

    source_type: SourceType
    delivery_mode: DeliveryMode
    meter_id: str
    inverter_id: str | None = None
    certification: Certification | None = None

    @property
    def mrid(self) -> str:
        """The meter's canonical mRID."""
        return canonical_mrid(self.meter_id, lenient=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Energy that a provider has to sell, when it is produced, and where if that is told.

    `available` is what there is in all; where it is known when there is how much, `profile` says it. Where
    there is what is forecast, `forecasting` says by whom, and `available` is nothing. One platform may hold
    `most_held_percent` of what there is without having bought it.
    One with a `connector` is sold in charging sessions. `grid` names the utilities that are asked first, None
    if none is.
    """

    id: str
    provider_id: str
    name: str
    source: EnergySource
    available: Energy
    production: Interval
    place: Place | None = None
    connector: Connector | None = None
    grid: GridAccess | None = None
    profile: tuple[Bucket, ...] = ()
    forecasting: Forecasting | None = None
    most_held_percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Terms on which a resource is sold; `zone` is the IANA zone whose days are settled.

    One with a `delivery` sells what flows within that. One that `counters` answers an order that it cannot
    take with the nearest that it would. `payments` are the ways of paying that a buyer may choose from, where
    there are several: the first, which is that of the terms, holds for who chooses none.
    """

    id: str
    name: str
    provider_id: str
    resource_id: str
    terms: Terms
    zone: str
    minimum: Energy | None = None
    maximum: Energy | None = None
    validity: Interval | None = None
    counters: bool = False
    delivery: Interval | None = None
    payments: tuple[PaymentTiming, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    """Of some orders alone, beside those of the terms; of what was selected, those that it has."""

    @property
    def allowed_payments(self) -> tuple[PaymentTiming, ...]:
        return self.payments or (self.terms.payment,)

    def paid(self, payment: PaymentTiming | None) -> Offer:
        """Return the offer as it is paid in that way, or as usual. Raises: PaymentNotOffered."""
        if payment in (None, self.terms.payment):
            return self
        if payment not in self.allowed_payments:
            allowed = " or ".join(self.allowed_payments)
            raise PaymentNotOffered(
                f"the offer {self.id} cannot be {payment}", path=Field.PAYMENT, hint=f"It can be {allowed}."
            )
        return replace(self, terms=replace(self.terms, payment=payment))

    def promoted(self, chosen: tuple[Promotion, ...]) -> Offer:
        """Return the offer for an order that has these of its promotions."""
        offs = tuple(each.off for each in chosen)
        terms = replace(self.terms, promotions=(*self.terms.promotions, *offs)) if offs else self.terms
        return replace(self, terms=terms, promotions=chosen)

    def reduced_to(self, quantity: Energy) -> Offer:
        """Return the offer for an order of which less is sold, without the promotions that are for more.

        Raises: PromotionNotMet, if its code is for more.
        """
        kept = still_met(self.promotions, quantity)
        if kept == self.promotions:
            return self
        own = self.terms.promotions[: len(self.terms.promotions) - len(self.promotions)]
        return replace(self, terms=replace(self.terms, promotions=own)).promoted(kept)

    def is_open(self, now: datetime) -> bool:
        return self.validity is None or now in self.validity

    def require_open(self, now: datetime) -> None:
        """Raises: QuoteExpired, if the offer cannot be accepted at `now`."""
        if self.validity is not None and now not in self.validity:
            raise QuoteExpired(
                f"the offer {self.id} can be accepted from {self.validity.start.isoformat()} "
                f"until {self.validity.end.isoformat()}",
                hint="Discover again for offers that are open.",
            )

    def require_quantity(self, quantity: Energy) -> None:
        """Raises: QuantityOutOfBounds, if the offer is not for as little or as much as this."""
        least, most = self.minimum, self.maximum
        if quantity.watt_hours <= 0 or (least is not None and quantity < least):
            raise QuantityOutOfBounds(f"{quantity} is too little", hint=f"Order at least {least or '1 Wh'}.")
        if most is not None and quantity > most:
            raise QuantityOutOfBounds(f"{quantity} is too much at once", hint=f"Order at most {most}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportContact:
    """How to reach the people behind a provider."""

    name: str
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    hours: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Somebody who sells energy through this platform."""

    id: str
    name: str
    support: SupportContact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that a platform sells, found by ids; `networks` are the networks it is offered on."""

    id: str
    name: str
    providers: tuple[Provider, ...]
    resources: tuple[Resource, ...]
    offers: tuple[Offer, ...]
    networks: tuple[str, ...] = ()
    _providers: Mapping[str, Provider] = field(init=False, repr=False, compare=False)
    _resources: Mapping[str, Resource] = field(init=False, repr=False, compare=False)
    _offers: Mapping[str, Sequence[Offer]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        offers: dict[str, list[Offer]] = {}
        for offer in self.offers:
            offers.setdefault(offer.resource_id, []).append(offer)
        object.__setattr__(self, "_providers", {provider.id: provider for provider in self.providers})
        object.__setattr__(self, "_resources", {resource.id: resource for resource in self.resources})
        object.__setattr__(self, "_offers", offers)

    def get_provider(self, provider_id: str) -> Provider:
        """Raises: ProviderNotFound."""
        if (provider := self._providers.get(provider_id)) is not None:
            return provider
        raise ProviderNotFound(f"there is no provider {provider_id} here", path=Field.SELLER)

    def get_resource(self, resource_id: str) -> Resource:
        """Raises: ItemNotFound."""
        if (resource := self._resources.get(resource_id)) is not None:
            return resource
        raise ItemNotFound(
            f"there is no item {resource_id} here",
            path=Field.ITEM,
            hint="Discover again for what is on offer.",
        )

    def offers_of(self, resource_id: str) -> Iterator[Offer]:
        """Return the offers for a resource, in the catalogue's order."""
        return iter(self._offers.get(resource_id, ()))

    def find_offer(self, resource_id: str, offer_id: str) -> Offer | None:
        """Return the offer of that id for the resource, None if there is none any more."""
        return next((offer for offer in self.offers_of(resource_id) if offer.id == offer_id), None)

    def get_offer(self, resource_id: str, offer_id: str | None) -> Offer:
        """Return the offer of that id for the resource, or its only offer where none is named.

        Raises: OfferNotFound, OfferAmbiguous.
        """
        offers = [o for o in self.offers_of(resource_id) if offer_id is None or o.id == offer_id]
        if not offers:
            what = "no offer" if offer_id is None else f"no offer {offer_id}"
            raise OfferNotFound(f"there is {what} for the item {resource_id}", path=Field.OFFER)
        if len(offers) > 1:
            names = ", ".join(offer.id for offer in offers)
            raise OfferAmbiguous(
                f"the item {resource_id} has several offers and the order names none",
                path=Field.OFFER,
                hint=f"Accept one of: {names}.",
            )
        return offers[0]


NOTHING_FOR_SALE: Final = Catalogue(id="", name="", providers=(), resources=(), offers=())
"""What a platform sells that was never given a catalogue."""
