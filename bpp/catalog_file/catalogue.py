"""The catalogue file: who sells what, and on which terms."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bpp.catalog_file.availability import AvailabilityEntry, Profile, check_availability, profile_of, total_of
from bpp.catalog_file.charging import ConnectorEntry, check_connector
from bpp.catalog_file.entry import Entry, Identifier, Kwh, MeterId, Name, WindowEntry
from bpp.catalog_file.offer import OfferEntry
from bpp.catalog_file.place import LocationEntry
from bpp.catalog_file.promotion import Percentage
from bpp.catalog_file.sharing import SharingEntry, SharingRule
from trading.grid import GridAccess
from trading.offer import (
    Certification,
    DeliveryMode,
    EnergySource,
    Provider,
    Resource,
    SourceType,
    SupportContact,
)


class SupportEntry(Entry):
    """How to reach the people behind a provider."""

    name: Name
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    hours: str | None = None


class ProviderEntry(Entry):
    """Somebody who sells."""

    id: Identifier
    name: Name
    support: SupportEntry | None = None

    def to_domain(self) -> Provider:
        support = SupportContact(**self.support.model_dump()) if self.support else None
        return Provider(id=self.id, name=self.name, support=support)


class CertificationEntry(Entry):
    """Who vouches for a source."""

    status: str
    certificates: tuple[str, ...] = ()


class GridEntry(Entry):
    """The utility that serves the producer, by its subscriber id, and those whose customers may buy, too."""

    id: Identifier
    partners: tuple[Identifier, ...] = ()

    def to_domain(self) -> GridAccess:
        return GridAccess(utility=self.id, partners=self.partners)


class ResourceEntry(Entry):
    """Energy that a provider has to sell: `available_kwh` in all, by a `profile`, or as it is forecast."""

    id: Identifier
    provider: Identifier
    name: Name
    source_type: SourceType
    delivery_mode: DeliveryMode = DeliveryMode.GRID_INJECTION
    meter: MeterId
    inverter: str | None = None
    certification: CertificationEntry | None = None
    available_kwh: Kwh | None = None
    production: WindowEntry
    profile: Profile | None = None
    availability: AvailabilityEntry | None = None
    most_held_percent: Percentage | None = None
    location: LocationEntry | None = None
    sharing: SharingEntry = SharingEntry(rule=SharingRule.FIFO)
    connector: ConnectorEntry | None = None
    utility: GridEntry | None = None

    def to_domain(self) -> Resource:
        check_connector(self.delivery_mode, self.connector)
        check_availability(self.delivery_mode, self.availability)
        production = self.production.to_domain()
        profile = profile_of(self.profile or (), production)
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
            available=total_of(self.available_kwh, profile, is_forecast=self.availability is not None),
            production=production,
            place=self.location.to_domain() if self.location else None,
            connector=self.connector.to_domain() if self.connector else None,
            grid=self.utility.to_domain() if self.utility else None,
            profile=profile,
            most_held_percent=self.most_held_percent,
            forecasting=self.availability.to_domain() if self.availability else None,
        )


class CatalogueEntries(Entry):
    """All that a platform sells, which may be nothing."""

    id: Identifier
    name: Name
    networks: tuple[str, ...] = ()
    providers: tuple[ProviderEntry, ...] = ()
    resources: tuple[ResourceEntry, ...] = ()
    offers: tuple[OfferEntry, ...] = ()


class CatalogueFile(CatalogueEntries):
    """The whole file; whoever writes one sells something."""

    providers: Annotated[tuple[ProviderEntry, ...], Field(min_length=1)]
    resources: Annotated[tuple[ResourceEntry, ...], Field(min_length=1)]
    offers: Annotated[tuple[OfferEntry, ...], Field(min_length=1)]
