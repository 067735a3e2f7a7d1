"""discover: what is on offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from bpp.customer_care.ratings import RatingStore
from bpp.places import places_named
from bpp.platform import Bpp
from bpp.showcase.showcase import Found
from kernel.clock import Clock
from kernel.energy import Energy
from node.message import Handler, Inbound, Preparation
from protocol.actions import Action
from search.paging import Page
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.listing import Listing
from trading.mapping import wire_of
from trading.mapping.wire import Wire
from trading.request import Criteria
from trading.stock import Stock


async def discover(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the part of the catalogue that can be bought now and matches what is looked for.

    Raises: FilterUnreadable, SearchUnsupported, FieldInvalid, FieldMissing.
    """
    criteria = wire_of(inbound.profile.name).read_criteria(inbound.message)
    left = await left_for_sale(bpp, criteria, uow, now=now)
    return await _told(await _find(bpp, inbound, criteria, left, now), bpp, inbound, uow, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Searching:
    """Searches before the transaction that answers: no connection is held while a search waits or runs."""

    bpp: Bpp
    uow_factory: UnitOfWorkFactory
    clock: Clock

    def preparations(self) -> dict[Action, Preparation]:
        """Return what takes the place of the handler of discover."""
        return {Action.DISCOVER: self._prepare}

    async def _prepare(self, inbound: Inbound) -> Handler:
        """Return the handler that tells what was found. Raises what discover raises."""
        now = self.clock.now()
        with places_named(inbound):
            criteria = wire_of(inbound.profile.name).read_criteria(inbound.message)
            async with self.uow_factory() as uow:
                left = await left_for_sale(self.bpp, criteria, uow, now=now)
            found = await _find(self.bpp, inbound, criteria, left, now)
        return partial(_told, found, self.bpp)


async def left_for_sale(
    bpp: Bpp, criteria: Criteria, uow: UnitOfWork, *, now: datetime
) -> Mapping[str, Energy]:
    """Return what can be had in the window that is looked for, else from now on, of what is not all there."""
    since = None if bpp.sells_past else now
    return await Stock(uow.connection).left_of_wanted(now=now, since=since, window=criteria.window)


async def _find(
    bpp: Bpp, inbound: Inbound, criteria: Criteria, left: Mapping[str, Energy], now: datetime
) -> Found:
    wire = wire_of(inbound.profile.name)
    return await find_for_sale(bpp, criteria, left, now, wire=wire, page=Page(limit=bpp.most_found))


async def _told(
    found: Found, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, _now: datetime
) -> Mapping[str, Any]:
    """Return the message of the callback that tells what was found."""
    listing = await _rated(found.listing, uow)
    if found.total > len(listing.resources):
        listing = replace(listing, total=found.total)
    return wire_of(inbound.profile.name).write_catalog(listing, bpp_id=bpp.subscriber_id, bpp_url=bpp.url)


async def _rated(listing: Listing, uow: UnitOfWork) -> Listing:
    """Return the listing with what buyers think of what is in it."""
    given = await RatingStore(uow.connection).of_sold(
        resources=[resource.id for resource in listing.resources],
        providers=[provider.id for provider in listing.providers],
    )
    return replace(listing, ratings=given) if given else listing


async def find_for_sale(
    bpp: Bpp, criteria: Criteria, left: Mapping[str, Energy], now: datetime, *, wire: Wire, page: Page
) -> Found:
    """Return a page of what can be bought now and fits.

    Raises: FilterUnreadable, FieldInvalid, SearchesCrowded.
    """
    return await bpp.showcase.find(
        bpp.catalogue,  # as it is after the wait, for an index is made for one catalogue at a time
        criteria,
        wire=wire,
        left=left,
        now=now,
        sells_past=bpp.sells_past,
        page=page,
    )
