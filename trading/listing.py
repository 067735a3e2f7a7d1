"""What of a catalogue is told to buyers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.charging.fees import NO_TIME, MinuteFee
from trading.charging.stall_terms import StallTerms
from trading.delivery_words import describe_delivery
from trading.excerpt import Excerpt
from trading.grid import GridAccess
from trading.offer import Catalogue, Offer, Provider, Resource
from trading.promotion import describe
from trading.rates import IntervalPrices, Price, TimeOfDayRate
from trading.request import RatingSummary
from trading.terms import PricingModel, SettlementType, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTerms:
    """Terms as buyers are told of them; `wheeling` is due once for each settlement cycle.

    `flat` is due whatever flows: a subscription's fee for each period, or a fixed price for the whole.
    `hours` have prices of their own, every day by the offer's clock; so have intervals, which only LTS
    has room for: elsewhere the dearest of them is told as the price. `is_session` says that a charging
    session is sold, in which `idle` is due for a vehicle that stays; its grace is told in words alone. What
    a `stall` costs only LTS has room for: elsewhere words alone tell it.
    """

    price: Price
    pricing_model: PricingModel
    settlement_type: SettlementType
    wheeling: Money | None = None
    wheeling_description: str = ""
    flat: Money | None = None
    hours: tuple[TimeOfDayRate, ...] = ()
    by_interval: IntervalPrices | None = None
    is_session: bool = False
    idle: MinuteFee | None = None
    stall: StallTerms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOffer:
    """An offer as buyers are told of it; `description` has in words what no field has.

    An order by one that has a `delivery` lies within that, and is for all of it if it names no window.
    """

    id: str
    name: str
    provider_id: str
    resource_id: str
    terms: ListedTerms
    minimum: Energy | None = None
    maximum: Energy | None = None
    validity: Interval | None = None
    description: str = ""
    delivery: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What can be bought now: `available` of a resource is what is left of it.

    `platform` is where it is sold, by its subscriber id, where a catalogue that was read says so. `total` is
    how many resources there are, where these are not all of them; of a catalogue that was read, how many
    there are by what its whole answer says.
    """

    id: str
    name: str
    providers: tuple[Provider, ...]
    resources: tuple[Resource, ...]
    offers: tuple[ListedOffer, ...]
    networks: tuple[str, ...] = ()
    ratings: Mapping[str, RatingSummary] = field(default_factory=dict)
    """What those who bought think of resources and providers, by their ids, of those that were rated."""
    platform: str | None = field(default=None, compare=False)
    total: int | None = None
    _providers: Mapping[str, Provider] = field(init=False, repr=False, compare=False)
    _offers: Mapping[str, Sequence[ListedOffer]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        offers: dict[str, list[ListedOffer]] = {}
        for offer in self.offers:
            offers.setdefault(offer.resource_id, []).append(offer)
        object.__setattr__(self, "_providers", {provider.id: provider for provider in self.providers})
        object.__setattr__(self, "_offers", offers)

    @property
    def remark(self) -> str:
        """What buyers are told beside the name, in words: nothing if all that there is is listed."""
        if self.total is None:
            return ""
        return Excerpt(told=len(self.resources), total=self.total).words

    def provider_of(self, resource: Resource) -> Provider:
        return self._providers[resource.provider_id]

    def offers_of(self, resource: Resource) -> tuple[ListedOffer, ...]:
        return tuple(self._offers.get(resource.id, ()))

    def only(self, resources: tuple[Resource, ...]) -> Listing:
        """Return the listing without everything that does not belong to `resources`."""
        items = {resource.id for resource in resources}
        sellers = {resource.provider_id for resource in resources}
        return replace(
            self,
            providers=tuple(provider for provider in self.providers if provider.id in sellers),
            resources=resources,
            offers=tuple(offer for offer in self.offers if offer.resource_id in items),
        )


def list_catalogue(catalogue: Catalogue, *, left: Mapping[str, Energy]) -> Listing:
    """Return what is told of `catalogue`; `left` says what can still be had of each resource."""
    grids = {resource.id: resource.grid for resource in catalogue.resources if resource.grid is not None}
    listing = Listing(
        id=catalogue.id,
        name=catalogue.name,
        providers=tuple(Provider(id=provider.id, name=provider.name) for provider in catalogue.providers),
        resources=tuple(
            replace(resource, available=left.get(resource.id, resource.available))
            for resource in catalogue.resources
        ),
        offers=tuple(list_offer(offer, grid=grids.get(offer.resource_id)) for offer in catalogue.offers),
        networks=catalogue.networks,
    )
    return listing.only(listing.resources)


def list_offer(offer: Offer, *, grid: GridAccess | None = None) -> ListedOffer:
    """Return what is told of `offer`; `grid` are the utilities that are asked before it is sold."""
    words = [
        describe_delivery(offer.terms, payments=offer.payments, within=offer.delivery),
        describe(offer.promotions),
        grid.words if grid else "",
    ]
    return ListedOffer(
        id=offer.id,
        name=offer.name,
        provider_id=offer.provider_id,
        resource_id=offer.resource_id,
        terms=list_terms(offer.terms),
        minimum=offer.minimum,
        maximum=offer.maximum,
        validity=offer.validity,
        description=" ".join(filter(None, words)),
        delivery=offer.delivery,
    )


def list_terms(terms: Terms) -> ListedTerms:
    """Return what is told of `terms`."""
    wheeling, session = terms.told_wheeling, terms.session
    idle = session.idle if session else None
    return ListedTerms(
        price=terms.told_price,
        pricing_model=terms.pricing_model,
        settlement_type=terms.settlement_type,
        wheeling=wheeling.amount if wheeling else None,
        wheeling_description=(wheeling.description or wheeling.utility_name) if wheeling else "",
        flat=terms.flat,
        hours=terms.rates.rates if terms.rates else (),
        by_interval=terms.by_interval,
        is_session=session is not None,
        idle=replace(idle, grace=NO_TIME) if idle else None,
        stall=session.stall.terms if session and session.stall else None,
    )
