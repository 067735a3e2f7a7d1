"""The catalogue file's entries: what each may hold, and what of the domain it becomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from kernel.currency import Currency, UnknownCurrency
from kernel.energy import Energy, NotWholeWattHours
from kernel.interval import Interval
from kernel.money import Money
from kernel.mrid import MridInvalid, canonical_mrid
from trading.offer import (
    Certification,
    DeliveryMode,
    EnergySource,
    Offer,
    Provider,
    Resource,
    SourceType,
    SupportContact,
)
from trading.terms import Discount, Price, PricingModel, SettlementType, Terms, Wheeling


def _currency(code: str) -> str:
    try:
        return Currency(code).code
    except UnknownCurrency as error:
        raise ValueError(str(error)) from error


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no IANA time zone; write it like Asia/Kolkata") from error


def _meter(text: str) -> str:
    try:
        canonical_mrid(text, lenient=True)
    except MridInvalid as error:
        raise ValueError(str(error)) from error
    return text


def _energy(kilowatt_hours: Decimal) -> Decimal:
    try:
        Energy.from_kwh(kilowatt_hours)
    except NotWholeWattHours as error:
        raise ValueError(str(error)) from error
    return kilowatt_hours


def _text_of_number(value: object) -> object:
    """Let meters that are all digits be written without quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Kwh = Annotated[Decimal, Field(gt=0), AfterValidator(_energy)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
CurrencyCode = Annotated[str, AfterValidator(_currency)]
MeterId = Annotated[str, BeforeValidator(_text_of_number), AfterValidator(_meter)]


class Entry(BaseModel):
    """A mapping of the file; keys that are not known are refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class WindowEntry(Entry):
    """A period, from `start` until just before `end`."""

    start: AwareDatetime
    end: AwareDatetime

    def to_domain(self) -> Interval:
        return Interval(self.start, self.end)


class SupportEntry(Entry):
    """How to reach the people behind a provider."""

    name: str
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    hours: str | None = None


class ProviderEntry(Entry):
    """Somebody who sells."""

    id: Identifier
    name: str
    support: SupportEntry | None = None

    def to_domain(self) -> Provider:
        support = SupportContact(**self.support.model_dump()) if self.support else None
        return Provider(id=self.id, name=self.name, support=support)


class CertificationEntry(Entry):
    """Who vouches for a source."""

    status: str
    certificates: tuple[str, ...] = ()


class ResourceEntry(Entry):
    """Energy that a provider has to sell."""

    id: Identifier
    provider: Identifier
    name: str
    source_type: SourceType
    delivery_mode: DeliveryMode = DeliveryMode.GRID_INJECTION
    meter: MeterId
    inverter: str | None = None
    certification: CertificationEntry | None = None
    available_kwh: Kwh
    production: WindowEntry

    def to_domain(self) -> Resource:
        certification = Certification(**self.certification.model_dump()) if self.certification else None
        return Resource(
            id=self.id,
            provider_id=self.provider,
            name=self.name,
            source=EnergySource(
                source_type=self.source_type,
                delivery_mode=self.delivery_mode,
                meter_id=self.meter,
                inverter_id=self.inverter,
                certification=certification,
            ),
            available=Energy.from_kwh(self.available_kwh),
            production=self.production.to_domain(),
        )


class WheelingEntry(Entry):
    """What the utility charges, once for every settled day."""

    utility: str
    amount: Annotated[Decimal, Field(ge=0)]
    description: str = ""

    def to_domain(self, currency: Currency) -> Wheeling:
        return Wheeling(
            utility_name=self.utility,
            amount=Money.of(self.amount, currency),
            description=self.description,
        )


class DiscountEntry(Entry):
    """What the offer takes off the energy cost."""

    title: str
    percent: Annotated[Decimal, Field(gt=0, le=100)]


class OfferEntry(Entry):
    """Terms on which a resource is sold."""

    id: Identifier
    name: str
    resource: Identifier
    price_per_kwh: Annotated[Decimal, Field(ge=0)]
    currency: CurrencyCode
    wheeling: WheelingEntry | None = None
    discount: DiscountEntry | None = None
    minimum_kwh: Kwh | None = None
    maximum_kwh: Kwh | None = None
    validity: WindowEntry | None = None
    zone: Annotated[str, AfterValidator(_zone)]
    pricing_model: PricingModel = PricingModel.PER_KWH
    settlement_type: SettlementType = SettlementType.DAILY

    def terms(self) -> Terms:
        currency = Currency(self.currency)
        return Terms(
            price=Price(per_kwh=self.price_per_kwh, currency=currency),
            wheeling=self.wheeling.to_domain(currency) if self.wheeling else None,
            discount=Discount(**self.discount.model_dump()) if self.discount else None,
            pricing_model=self.pricing_model,
            settlement_type=self.settlement_type,
        )

    def to_domain(self, provider_id: str) -> Offer:
        return Offer(
            id=self.id,
            name=self.name,
            provider_id=provider_id,
            resource_id=self.resource,
            terms=self.terms(),
            zone=self.zone,
            minimum=Energy.from_kwh(self.minimum_kwh) if self.minimum_kwh else None,
            maximum=Energy.from_kwh(self.maximum_kwh) if self.maximum_kwh else None,
            validity=self.validity.to_domain() if self.validity else None,
        )


class CatalogueFile(Entry):
    """The whole file."""

    id: Identifier
    name: str
    networks: tuple[str, ...] = ()
    providers: Annotated[tuple[ProviderEntry, ...], Field(min_length=1)]
    resources: Annotated[tuple[ResourceEntry, ...], Field(min_length=1)]
    offers: Annotated[tuple[OfferEntry, ...], Field(min_length=1)]
