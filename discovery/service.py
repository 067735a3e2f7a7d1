"""A discovery service at work: what it knows, and what it does with each message."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from discovery.catalogues import PublishedCatalogues
from discovery.market import Found, Market
from discovery.publishing import decide, replacing
from kernel.clock import Clock
from kernel.errors import NodeError
from node.message import Handler, Inbound, Preparation
from protocol.actions import PUBLISHING, Action
from search.own_thread import OwnThread
from search.paging import Page
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.fields import Field
from trading.mapping import publication_wire_of, wire_of
from trading.publication import UpdateMode
from trading.request import Criteria


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryService:
    """Keeps what sellers' platforms publish, and tells buyers what of it fits: `most_found` items at once."""

    market: Market = field(default_factory=Market)
    most_found: int = 500
    thread: OwnThread = field(default_factory=OwnThread)
    catching_up: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(
        self, profile: str, criteria: Criteria, uow_factory: UnitOfWorkFactory, *, now: datetime, page: Page
    ) -> Found:
        """Return a page of what is published and fits; no connection is held while the search waits or runs.

        Raises: FilterUnreadable, FieldInvalid, SearchesCrowded.
        """
        await self._catch_up(uow_factory)
        return await self.thread.search(lambda: self.market.search(profile, criteria, now=now, page=page))

    async def _catch_up(self, uow_factory: UnitOfWorkFactory) -> None:
        """Take notice of what was published until now; of those who come at one time one reads it."""
        async with uow_factory() as uow:
            last = await PublishedCatalogues(uow.connection).last_change()
        if last <= self.market.change:
            return
        async with self.catching_up:
            if last <= self.market.change:
                return
            async with uow_factory() as uow:
                news = await PublishedCatalogues(uow.connection).published_since(self.market.change)
            await self.thread.run(lambda: self.market.update(news))

    async def publish(self, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
        """Keep the catalogues of a publication and say what came of each. Raises: FieldInvalid."""
        wire, kept = publication_wire_of(inbound.profile.name), PublishedCatalogues(uow.connection)
        await kept.lock()
        results = []
        for catalogue in wire.read_publication(inbound.message):
            known = await kept.find(inbound.sender, catalogue.id)
            decision = decide(
                catalogue,
                sender=inbound.sender,
                profile=inbound.profile.name,
                known=known,
                sent_at=inbound.context.timestamp,
            )
            if decision.kept is not None:
                before = known.bpp_url if known and catalogue.mode is UpdateMode.MERGE else ""
                await kept.put(
                    decision.kept,
                    bpp_id=inbound.sender,
                    bpp_url=decision.kept.bpp_url or before or inbound.sender_url,
                    profile=inbound.profile.name,
                    items=decision.items,
                    context=inbound.context,
                    now=now,
                )
            ended = (
                await kept.end_others(inbound.sender, profile=inbound.profile.name)
                if decision.is_told
                else []
            )
            results.append(replacing(decision.result, ended))
        return wire.write_publication_results(results)

    async def discover(self, uow_factory: UnitOfWorkFactory, clock: Clock, inbound: Inbound) -> Handler:
        """Return the handler that tells what is published and fits.

        Raises: FilterUnreadable, SearchUnsupported, FieldInvalid, SearchesCrowded.
        """
        wire = wire_of(inbound.profile.name)
        try:
            criteria = wire.read_criteria(inbound.message)
            found = await self.find(
                inbound.profile.name,
                criteria,
                uow_factory,
                now=clock.now(),
                page=Page(limit=self.most_found),
            )
        except NodeError as error:
            if isinstance(error.path, Field):
                error.path = wire.PATHS[error.path]
            raise
        return partial(_tell, found)

    def handlers(self) -> Mapping[Action, Handler]:
        """Return the handlers of the role, each for its action."""
        return {PUBLISHING.request: self.publish}

    def preparations(self, uow_factory: UnitOfWorkFactory, clock: Clock) -> Mapping[Action, Preparation]:
        """Return what makes the other handlers of the role."""
        return {Action.DISCOVER: partial(self.discover, uow_factory, clock)}


async def _tell(found: Found, _inbound: Inbound, _uow: UnitOfWork, _now: datetime) -> Mapping[str, Any]:
    return found.answer
