"""A seller tells a real discovery service each version of its catalogue, and hears what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import text

from bpp.admission import SellerAdmission
from bpp.bindings import bind
from bpp.catalog.changes import Kind, entries_of, put_entry, withdraw
from bpp.catalog.desk import Change, Wish, change_catalogue
from bpp.catalog.document import Document, load_document
from bpp.catalog.versions import CatalogueVersions, Origin
from bpp.catalog_file.reader import catalogue_of
from bpp.forecasts.desk import Said, take_forecast
from bpp.platform import Bpp
from bpp.publishing.publications import Kept, KnownVersions, Publications, Scope
from bpp.publishing.publisher import Publisher, publish_job
from bpp.showcase.showcase import Showcase
from degnode.roles.catalogue import CatalogueSettings, open_catalogue
from degnode.roles.discovery import DiscoverySettings, discovery_parts
from degnode.roles.participant import RoleParts
from node.audit import Actor
from node.cascade import Cascade
from node.correspondence import Peer
from node.peer_pins import PeerPin, PeerPins
from node.runtime import Foundation
from protocol.actions import PUBLISHING, Role
from protocol.errors import SubscriberUnknown
from registry_client.subscriber import SubscriberRole
from storage.database import Database
from tests.support.participants import RunningParticipant, fresh_database
from tests.support.seller_world import CATALOGUE_FILE, ITEM, SELLER
from tests.support.village import Village, running_village
from tests.support.waiting import eventually
from tests.support.windows import hourly
from trading.offer import NOTHING_FOR_SALE
from trading.publication import PublishingUnsupported

BPP_ID, CDS_ID = "bpp.valley.example", "cds.town.example"
HILL: Final = {"id": "hill", "name": "Hill Roofs"}
BY: Final = Actor(who="Ada")


async def build_service(foundation: Foundation) -> RoleParts:
    settings = DiscoverySettings(**foundation.settings.model_dump(exclude_unset=True))
    return discovery_parts(foundation, settings)


async def build_seller(foundation: Foundation) -> RoleParts:
    seller = Bpp(catalogue=NOTHING_FOR_SALE, correspondent=foundation.correspondent)
    return RoleParts(
        title="seller",
        description="publishes",
        handlers=bind(seller),
        admission=SellerAdmission(uow_factory=foundation.uow_factory),
        cascade=Cascade(asks=True),
        routers=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A seller and a discovery service, each with a database of its own."""

    village: Village
    seller: RunningParticipant
    service: RunningParticipant

    @property
    def foundation(self) -> Foundation:
        return self.seller.participant.foundation

    @property
    def publisher(self) -> Publisher:
        async def find_peer(subscriber_id: str) -> Peer:
            url = await self.foundation.keyring.endpoint_of(subscriber_id, SubscriberRole.BPP)
            return Peer(subscriber_id=subscriber_id, url=url)

        return Publisher(
            uow_factory=self.foundation.uow_factory,
            correspondent=self.foundation.correspondent,
            wires=self.foundation.wires,
            find_peer=find_peer,
        )

    async def change(self, change: Change) -> None:
        wish = Wish(change=change, by=BY, why="as told", origin=Origin.API)
        async with self.foundation.uow_factory() as uow:
            await change_catalogue(uow, wish, now=self.foundation.clock.now())

    async def publish(self, scope: Scope = Scope.CHANGES, *, by: Publisher | None = None) -> Kept:
        """Publish, wait for the answer, and return what is kept of it."""
        job = publish_job(CDS_ID, scope, requested_by="Ada")
        await (by or self.publisher).publish(job.arguments, self.foundation.clock.now())

        async def is_answered() -> bool:
            return (await self.kept())[0].answered_at is not None

        await eventually(is_answered, True)
        return (await self.kept())[0]

    async def kept(self) -> list[Kept]:
        async with self.foundation.uow_factory() as uow:
            return await Publications(uow.connection).latest(limit=10, peer=CDS_ID)

    def speaking(self, wire: str) -> Publisher:
        """Return the publisher of a seller who takes the service for one of that generation."""
        pins = PeerPins({CDS_ID: PeerPin(wire=wire)})
        return replace(self.publisher, wires=replace(self.foundation.wires, pins=pins))

    async def told(self) -> set[str]:
        """Return the catalogues of the service that are to be found."""
        return {name for name, is_active in (await self.found()).items() if is_active}

    async def found(self) -> Mapping[str, bool]:
        """Return the catalogues that the service keeps, and whether they are to be found."""
        async with self.service.uow_factory() as uow:
            rows = await uow.connection.execute(
                text("SELECT catalogue_id, is_active FROM published_catalogues ORDER BY 1")
            )
            return {row.catalogue_id: row.is_active for row in rows}


@pytest.fixture(params=["v2_rc", "v2_lts"])
async def world(
    request: pytest.FixtureRequest, database: Database, postgres_url: str, template_url: str, tmp_path: Path
) -> AsyncIterator[World]:
    async with (
        fresh_database(postgres_url, template_url) as own,
        running_village(database, tmp_path) as village,
    ):
        yield World(
            village=village,
            service=await village.participant(Role.CDS, CDS_ID, build=build_service, database=own),
            seller=await village.participant(Role.BPP, BPP_ID, build=build_seller, wire=request.param),
        )


def two_providers(_current: Document | None) -> Document:
    document = load_document(CATALOGUE_FILE)
    (roof,) = entries_of(document, Kind.RESOURCE)
    (offer,) = entries_of(document, Kind.OFFER)
    document = put_entry(document, Kind.PROVIDER, HILL)
    more = roof | {"id": "hill-roof", "provider": "hill", "meter": "100200999"}
    document = put_entry(document, Kind.RESOURCE, more)
    return put_entry(document, Kind.OFFER, offer | {"id": "hill-day", "resource": "hill-roof"})


def dearer(current: Document | None) -> Document:
    offers = entries_of(current or {}, Kind.OFFER)
    (hill,) = [offer for offer in offers if offer["id"] == "hill-day"]
    return put_entry(current or {}, Kind.OFFER, hill | {"price_per_kwh": 9})


def hill_forecast(current: Document | None) -> Document:
    roofs = entries_of(current or {}, Kind.RESOURCE)
    (hill,) = [roof for roof in roofs if roof["id"] == "hill-roof"]
    rest = {key: value for key, value in hill.items() if key != "available_kwh"}
    return put_entry(current or {}, Kind.RESOURCE, rest | {"availability": {"from": "forecast"}})


async def test_who_was_told_before_a_forecast_is_told_what_there_is_by_it(world: World) -> None:
    await world.change(two_providers)
    await world.change(hill_forecast)
    await world.publish()
    async with world.foundation.uow_factory() as uow:
        version = await CatalogueVersions(uow.connection).current()
        assert version is not None
        said = Said(buckets=hourly(2_500), by=BY, why="clouds")
        catalogue = catalogue_of(version.document, name="the catalogue")
        now = world.foundation.clock.now()
        await take_forecast(catalogue, "hill-roof", said, uow, publish_to=(), now=now)
    told = await world.publish()
    assert (told.sent.version, told.sent.scope, len(told.results)) == (2, Scope.CHANGES, 1)


async def test_versions_are_told_whole_then_by_their_changes_and_withdrawals_too(world: World) -> None:
    is_lts = world.foundation.correspondent.profile.name == "v2_lts"
    await world.change(two_providers)
    first = await world.publish()
    assert (first.sent.version, first.sent.scope, first.delivery) == (1, Scope.WHOLE, "delivered")
    assert {(result.status.value, result.items) for result in first.results} == {
        ("ACCEPTED", 1 if is_lts else 2)
    }
    await world.change(dearer)
    second = await world.publish()
    assert (second.sent.scope, len(second.results)) == (Scope.CHANGES, 1)
    await world.change(lambda current: withdraw(current or {}, ["hill"]))
    third = await world.publish()
    assert third.sent.version == 3
    await world.change(lambda current: withdraw(current or {}, [ITEM]))
    await world.publish()
    name = load_document(CATALOGUE_FILE)["id"]
    expected = {f"{name}/hill": False, f"{name}/{SELLER}": False} if is_lts else {name: False}
    assert await world.found() == expected


async def test_what_may_have_arrived_counts_for_what_is_told_after_it(world: World) -> None:
    await world.change(lambda _: load_document(CATALOGUE_FILE))
    first = await world.publish()
    await world.change(two_providers)
    on_its_way = replace(
        first.sent, message_id=str(uuid4()), version=2, published_at=_now(world) - timedelta(seconds=1)
    )
    async with world.foundation.uow_factory() as uow:
        kept = Publications(uow.connection)
        await kept.put(on_its_way)
        profile = first.sent.profile
        assert await kept.known_to(CDS_ID, profile=profile) == KnownVersions(
            told=1, sent=(1, 2), told_at=first.sent.published_at
        )
        assert await kept.known_to(CDS_ID, profile="another") == KnownVersions(told=None, sent=())
    await world.change(lambda current: withdraw(current or {}, ["hill"]))
    third = await world.publish()
    assert third.sent.version == 3
    if profile == "v2_lts":
        assert (await world.found())[f"{load_document(CATALOGUE_FILE)['id']}/hill"] is False
    async with world.foundation.uow_factory() as uow:
        conversations = await uow.connection.execute(text("SELECT DISTINCT transaction_id FROM outbox"))
        assert len(conversations.all()) == 1


async def test_what_is_known_already_is_not_told_again(world: World) -> None:
    await world.publisher.publish(publish_job(CDS_ID, Scope.WHOLE, requested_by="Ada").arguments, _now(world))
    assert await world.kept() == []  # there was never a catalogue
    await world.change(two_providers)
    await world.publish()
    await world.publisher.publish(
        publish_job(CDS_ID, Scope.CHANGES, requested_by="Ada").arguments, _now(world)
    )
    assert len(await world.kept()) == 1
    whole = await world.publish(Scope.WHOLE)
    assert whole.sent.scope is Scope.WHOLE
    assert len(await world.kept()) == 2


async def test_who_changes_the_generation_and_changes_back_tells_all_anew(world: World) -> None:
    await world.change(two_providers)
    first = await world.publish(by=world.speaking("v2_rc"))
    before = await world.told()
    changed = await world.publish(by=world.speaking("v2_lts"))
    assert (changed.sent.profile, changed.sent.scope) == ("v2_lts", Scope.WHOLE)
    assert await world.told()
    assert not await world.told() & before
    back = await world.publish(by=world.speaking("v2_rc"))
    assert (first.sent.version, back.sent.version, back.sent.scope) == (1, 1, Scope.WHOLE)
    assert await world.told() == before


def _now(world: World) -> Any:
    return world.foundation.clock.now()


async def test_a_service_that_cannot_be_told_is_on_record_with_the_reason(
    database: Database, tmp_path: Path
) -> None:
    async with running_village(database, tmp_path) as village:
        seller = await village.participant(Role.BPP, BPP_ID, build=build_seller, wires=("v1_1",), wire="v1_1")
        service = await village.peer(Role.CDS, CDS_ID)
        world = World(village=village, seller=seller, service=seller)
        await world.change(two_providers)
        arguments = publish_job(CDS_ID, Scope.WHOLE, requested_by="Ada").arguments
        await world.publisher.publish(arguments, _now(world))
        stranger = publish_job("nobody.example", Scope.WHOLE, requested_by="Ada").arguments
        await world.publisher.publish(stranger, _now(world))
        await world.publisher.give_up(arguments, RuntimeError("broken"), _now(world))
        reasons = {kept.refusal["code"] for kept in await world.kept() if kept.refusal is not None}
        assert reasons == {PublishingUnsupported.code, "NET_INTERNAL_ERROR"}
        async with seller.uow_factory() as uow:
            (unknown,) = await Publications(uow.connection).latest(limit=5, peer="nobody.example")
        assert unknown.refusal is not None
        assert unknown.refusal["code"] == SubscriberUnknown.code
        assert {kept.delivery for kept in await world.kept()} == {"not sent"}
        assert service.received == []


async def test_a_new_version_is_published_by_itself_to_those_who_are_set_and_made_ready_for_searches(
    database: Database, tmp_path: Path
) -> None:
    showcases: list[Showcase] = []

    async def build(foundation: Foundation) -> RoleParts:
        settings = CatalogueSettings(
            **foundation.settings.model_dump(exclude_unset=True), catalog=CATALOGUE_FILE, publish_to=(CDS_ID,)
        )
        seller = Bpp(catalogue=NOTHING_FOR_SALE, correspondent=foundation.correspondent)
        showcases.append(seller.showcase)
        parts = await open_catalogue(seller, foundation, settings, load_document(CATALOGUE_FILE))
        assert [resource.id for resource in seller.catalogue.resources] == [ITEM]
        from node.jobs import JobDesk

        desk = JobDesk(parts.jobs, database=foundation.database, clock=foundation.clock)
        return RoleParts(
            title="seller",
            description="publishes",
            handlers=bind(seller),
            admission=SellerAdmission(uow_factory=foundation.uow_factory),
            cascade=Cascade(asks=True),
            routers=parts.routers,
            workers=(*parts.workers, desk),
        )

    async with running_village(database, tmp_path) as village:
        service = await village.peer(Role.CDS, CDS_ID)
        await village.participant(Role.BPP, BPP_ID, build=build)
        (request,) = await service.wait_for(PUBLISHING.request)
        (catalog,) = request.document["message"]["catalogs"]
        assert [item["beckn:id"] for item in catalog["beckn:items"]] == [ITEM]

        async def is_laid_out() -> bool:
            return [len(showcase._told) for showcase in showcases] == [1]

        await eventually(is_laid_out, True)  # and nobody has searched
