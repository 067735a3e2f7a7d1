"""Telling discovery services what is for sale: whole, or what has changed since they were told last.

It is a job on the database's queue: whoever runs the node's workers looks the service up, and writes the
message into the outbox in one unit of work with the record of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

import structlog

from bpp.catalog.changes import Kind, entries_of, touched_providers
from bpp.catalog.versions import CatalogueVersions, Version
from bpp.catalog_file.reader import catalogue_of
from bpp.publishing.publications import KnownVersions, Publications, Scope, Sent
from kernel.energy import Energy
from kernel.errors import NodeError
from node.correspondence import Correspondent, Peer
from node.job_kind import JobKind
from node.peer_rules import CheckReceiver, send_to_anybody
from node.wires import Wires
from protocol.actions import PUBLISHING
from protocol.errors import Unanticipated, WireError
from protocol.profile import Profile
from storage.job_queue import Job
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.availability.forecasts import ForecastStore
from trading.listing import Listing, list_catalogue
from trading.mapping import PUBLICATION_WIRES, publication_wire_of
from trading.offer import Provider
from trading.publication import Publication
from trading.stock import Stock

log = structlog.get_logger(__name__)

PUBLISH: Final = "catalogue.publish"

FindPeer = Callable[[str], Awaitable[Peer]]


def publish_job(peer: str, scope: Scope, *, requested_by: str) -> Job:
    """Return the job of telling the discovery service `peer`."""
    return Job(
        kind=PUBLISH,
        about=f"{peer} {scope}",
        arguments={"peer": peer, "scope": scope.value, "requested_by": requested_by},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Does the jobs; `find_peer` asks the registry where a discovery service takes messages."""

    uow_factory: UnitOfWorkFactory
    correspondent: Correspondent
    wires: Wires
    find_peer: FindPeer
    check_receiver: CheckReceiver = send_to_anybody

    @property
    def kind(self) -> JobKind:
        """What there is to do."""
        return JobKind(name=PUBLISH, run=self.publish, on_given_up=self.give_up)

    async def publish(self, arguments: Mapping[str, str], now: datetime) -> None:
        """Tell a discovery service what is for sale, if there is anything to be told.

        That it cannot be told is kept; what may go well later is raised, for another try.
        """
        try:
            await self._tell(arguments, now)
        except NodeError as error:
            if error.retryable:
                raise
            await self.give_up(arguments, error, now)

    async def _tell(self, arguments: Mapping[str, str], now: datetime) -> None:
        """Raises: NodeError."""
        self.check_receiver(arguments["peer"])
        to = await self.find_peer(arguments["peer"])
        profile = self._able(await self.wires.of(to.subscriber_id))
        async with self.uow_factory() as uow:
            kept = Publications(uow.connection)
            await kept.lock(to.subscriber_id)
            version = await CatalogueVersions(uow.connection).current()
            known = await kept.known_to(to.subscriber_id, profile=profile.name)
            scope = Scope(arguments["scope"])
            told = None if version is None else await self._publication(version, known, scope, uow, now=now)
            if version is None or told is None:
                log.info("catalogue.nothing_to_publish", peer=to.subscriber_id)
                return
            outgoing = self._write(told, to, profile, now=now)
            await kept.put(
                Sent(
                    message_id=outgoing.message_id,
                    peer=to.subscriber_id,
                    profile=profile.name,
                    version=version.head.number,
                    scope=Scope.WHOLE if told.changed is None else Scope.CHANGES,
                    requested_by=arguments["requested_by"],
                    published_at=now,
                )
            )
            await uow.outbox.put(outgoing)

    async def give_up(self, arguments: Mapping[str, str], error: Exception, now: datetime) -> None:
        """Keep why a discovery service could not be told."""
        reason = error if isinstance(error, NodeError) else Unanticipated("this node failed on it")
        sent = Sent(
            message_id=str(uuid4()),
            peer=arguments["peer"],
            profile=self.wires.usual.name,
            version=None,
            scope=Scope(arguments["scope"]),
            requested_by=arguments["requested_by"],
            published_at=now,
        )
        async with self.uow_factory() as uow:
            kept = Publications(uow.connection)
            await kept.put(sent)
            await kept.record_refusal(sent.message_id, WireError.of(reason), now=now)

    def _able(self, profile: Profile) -> Profile:
        """Return a generation that can publish: the peer's own if that can, else the first that is spoken."""
        if profile.name in PUBLICATION_WIRES:
            return profile
        able = [spoken for spoken in self.wires.spoken if spoken.name in PUBLICATION_WIRES]
        publication_wire_of(able[0].name if able else profile.name)  # raises, if there is none
        return able[0]

    async def _publication(
        self, version: Version, known: KnownVersions, scope: Scope, uow: UnitOfWork, *, now: datetime
    ) -> Publication | None:
        """Return what is to be told of a version, None if the service knows all of it."""
        left = await Stock(uow.connection).left_of_wanted(now=now, since=now)
        listing = await asyncio.to_thread(_listing, version, left)
        sells = {provider.id for provider in listing.providers}
        gone: dict[str, Provider] = {}
        changed: frozenset[str] | None = None if scope is Scope.WHOLE or known.told is None else frozenset()
        for number in known.sent:
            before = (await CatalogueVersions(uow.connection).get(number)).document
            gone |= {each.id: each for each in _sellers(before) if each.id not in sells}
            if changed is not None:
                touched = await asyncio.to_thread(touched_providers, before, version.document)
                changed = None if touched is None else changed | touched
        if changed is not None and known.told_at is not None:
            anew = await ForecastStore(uow.connection).forecast_since(known.told_at)
            changed |= {each.provider_id for each in listing.resources if each.id in anew}
        if changed is not None and not changed and not gone:
            return None
        return Publication(listing=listing, changed=changed, gone=tuple(gone.values()))

    def _write(self, told: Publication, to: Peer, profile: Profile, *, now: datetime) -> Outgoing:
        """Return the message; all of them are of one conversation, for those keep their order."""
        me = self.correspondent
        message = publication_wire_of(profile.name).write_publication(
            told, bpp_id=me.subscriber_id, bpp_url=me.url
        )
        conversation = uuid5(NAMESPACE_URL, f"publishing:{me.subscriber_id}:{to.subscriber_id}")
        return me.request(
            PUBLISHING.request,
            to=to,
            message=message,
            transaction_id=str(conversation),
            now=now,
            profile=profile,
        )


def _sellers(document: Mapping[str, Any]) -> Iterator[Provider]:
    """Return the providers of a document that sell anything."""
    sellers = {entry["provider"] for entry in entries_of(document, Kind.RESOURCE)}
    for entry in entries_of(document, Kind.PROVIDER):
        if entry["id"] in sellers:
            yield Provider(id=entry["id"], name=entry["name"])


def _listing(version: Version, left: Mapping[str, Energy]) -> Listing:
    return list_catalogue(catalogue_of(version.document, name="the catalogue"), left=left)
