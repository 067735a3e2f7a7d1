"""What a seller's platform sells: the file it is started with, later versions, and who is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from fastapi import APIRouter
from pydantic import Field

from bpp.api.catalog import catalog_router
from bpp.api.forecasts import forecast_router
from bpp.api.publications import publication_router
from bpp.catalog.desk import CATALOGUE_CHANNEL, take_file
from bpp.catalog.document import Document, load_document
from bpp.forecasts.jobs import ForecastJobs
from bpp.platform import Bpp
from bpp.publishing.publisher import Publisher
from bpp.publishing.watch import CatalogueWatch
from node.audit import Actor
from node.correspondence import Peer
from node.job_kind import JobKind
from node.runtime import Foundation
from node.settings import ServiceSettings, Settings
from node.worker import Worker
from registry_client.subscriber import SubscriberRole
from trading.mapping import wire_of

log = structlog.get_logger(__name__)

_AT_ITS_START: Final = Actor(who="the node, when it started")


class PublishingSettings(ServiceSettings):
    """Whom a seller's platform tells what it sells."""

    publish_to: tuple[str, ...] = Field(
        (),
        description="Subscriber ids of discovery services, JSON, that each new version of the catalogue "
        "is published to.",
    )


class CatalogueSettings(Settings, PublishingSettings):
    """What a seller's platform starts with."""

    catalog: Path | None = Field(
        None,
        description="A YAML or JSON file of what is for sale, taken at the start when it has changed. None "
        "is needed once a catalogue was imported.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueParts:
    """What the catalogue brings to the role."""

    workers: tuple[Worker, ...]
    routers: tuple[APIRouter, ...]
    jobs: tuple[JobKind, ...]


def file_of(settings: CatalogueSettings) -> Document | None:
    """Return the catalogue that the settings name, None if they name none. Raises: CatalogueInvalid."""
    return None if settings.catalog is None else load_document(settings.catalog)


async def open_catalogue(
    seller: Bpp, foundation: Foundation, settings: CatalogueSettings, document: Document | None
) -> CatalogueParts:
    """Have `seller` sell from the newest version, after `document` was taken if that is new."""
    if document is not None:
        async with foundation.uow_factory() as uow:
            name, now = str(settings.catalog), foundation.clock.now()
            await take_file(uow, document, by=_AT_ITS_START, name=name, now=now)
    index = _index_maker(seller, foundation)
    watch = CatalogueWatch(
        seller, uow_factory=foundation.uow_factory, publish_to=settings.publish_to, on_taken=index.wake
    )
    await watch.step()
    if not seller.catalogue.resources:
        log.warning("catalogue.empty", hint="Run degnode catalog import, or set DEGNODE_CATALOG.")
    worker = Worker("catalogue", watch.step, poll_interval=settings.poll_interval)
    foundation.listener.on(CATALOGUE_CHANNEL, worker.wake)
    uow_factory, clock = foundation.uow_factory, foundation.clock
    return CatalogueParts(
        workers=(worker, index),
        routers=(
            publication_router(publish_to=settings.publish_to, uow_factory=uow_factory),
            forecast_router(seller, publish_to=settings.publish_to, uow_factory=uow_factory, clock=clock),
            catalog_router(watch, uow_factory=uow_factory, clock=clock, max_bytes=_MOST_BYTES),
        ),
        jobs=(
            _publisher(foundation).kind,
            *ForecastJobs(bpp=seller, uow_factory=uow_factory, publish_to=settings.publish_to).kinds,
        ),
    )


_MOST_BYTES: Final = 64 * 1024 * 1024
"""Of a whole catalogue over HTTP: some hundred thousand offers."""


def _index_maker(seller: Bpp, foundation: Foundation) -> Worker:
    """Return who makes what searches need of a catalogue, so that none waits for it."""
    usual = wire_of(foundation.wires.usual.name)

    async def step() -> bool:
        return await seller.showcase.lay_out(
            seller.catalogue, usual=usual, now=foundation.clock.now(), sells_past=seller.sells_past
        )

    return Worker("search index", step, poll_interval=foundation.settings.poll_interval)


def _publisher(foundation: Foundation) -> Publisher:
    async def find_peer(subscriber_id: str) -> Peer:
        url = await foundation.keyring.endpoint_of(subscriber_id, SubscriberRole.BPP)
        return Peer(subscriber_id=subscriber_id, url=url)

    return Publisher(
        uow_factory=foundation.uow_factory,
        correspondent=foundation.correspondent,
        wires=foundation.wires,
        find_peer=find_peer,
        check_receiver=foundation.access.gate.check_receiver,
    )
