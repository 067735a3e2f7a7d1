"""A discovery service at work: what it knows, and what it does with each message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from discovery.catalogues import PublishedCatalogues
from discovery.market import Found, Market
from discovery.publishing import decide
from kernel.errors import NodeError
from node.message import Handler, Inbound
from protocol.actions import PUBLISHING, Action
from search.own_thread import OwnThread
from search.paging import Page
from storage.unit_of_work import UnitOfWork
from trading.fields import Field
from trading.mapping import publication_wire_of, wire_of
from trading.request import Criteria


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryService:
    """Keeps what sellers' platforms publish, and tells buyers what of it fits: `most_found` items at once."""

    market: Market = field(default_factory=Market)
    most_found: int = 500
    thread: OwnThread = field(default_factory=OwnThread)

    async def find(
        self, profile: str, criteria: Criteria, uow: UnitOfWork, *, now: datetime, page: Page
    ) -> Found:
        """Return a page of what is published and fits. Raises: FilterUnreadable, FieldInvalid."""
        catalogues, news = PublishedCatalogues(uow.connection), []
        if await catalogues.last_change() > self.market.change:
            news = await catalogues.published_since(self.market.change)

        def search() -> Found:
            self.market.update(news)
            return self.market.search(profile, criteria, now=now, page=page)

        return await self.thread.run(search)

    async def publish(self, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
        """Keep the catalogues of a publication and say what came of each. Raises: FieldInvalid."""
        wire, kept = publication_wire_of(inbound.profile.name), PublishedCatalogues(uow.connection)
        await kept.lock()
        results = []
        for catalogue in wire.read_publication(inbound.message):
            decision = decide(
                catalogue,
                sender=inbound.sender,
                profile=inbound.profile.name,
                known=await kept.find_body(inbound.sender, catalogue.id),
            )
            results.append(decision.result)
            if decision.kept is not None:
                await kept.put(
                    decision.kept,
                    bpp_id=inbound.sender,
                    bpp_url=catalogue.bpp_url or inbound.sender_url,
                    profile=inbound.profile.name,
                    items=decision.items,
                    message_id=inbound.context.message_id,
                    now=now,
                )
        return wire.write_publication_results(results)

    async def discover(self, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
        """Return what is published and fits. Raises: FilterUnreadable, SearchUnsupported, FieldInvalid."""
        wire = wire_of(inbound.profile.name)
        try:
            criteria = wire.read_criteria(inbound.message)
            found = await self.find(
                inbound.profile.name, criteria, uow, now=now, page=Page(limit=self.most_found)
            )
        except NodeError as error:
            if isinstance(error.path, Field):
                error.path = wire.PATHS[error.path]
            raise
        return found.message

    def handlers(self) -> Mapping[Action, Handler]:
        """Return the handlers of the role, each for its action."""
        return {Action.DISCOVER: self.discover, PUBLISHING.request: self.publish}
