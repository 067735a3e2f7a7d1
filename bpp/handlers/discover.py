"""discover: what is on offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.platform import Bpp
from bpp.ratings import RatingStore
from bpp.showcase import Found
from node.message import Inbound
from search.paging import Page
from storage.unit_of_work import UnitOfWork
from trading.listing import Listing
from trading.mapping import wire_of
from trading.mapping.wire import Wire
from trading.request import Criteria
from trading.stock import Stock


async def discover(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the part of the catalogue that can be bought now and matches what is looked for.

    Raises: FilterUnreadable, SearchUnsupported, FieldInvalid, FieldMissing.
    """
    wire = wire_of(inbound.profile.name)
    criteria = wire.read_criteria(inbound.message)
    found = await find_for_sale(bpp, criteria, uow, now, wire=wire, page=Page(limit=bpp.most_found))
    listing = await _rated(found.listing, uow)
    if found.total > len(listing.resources):
        listing = replace(listing, total=found.total)
    return wire.write_catalog(listing, bpp_id=bpp.subscriber_id, bpp_url=bpp.url)


async def _rated(listing: Listing, uow: UnitOfWork) -> Listing:
    """Return the listing with what buyers think of what is in it."""
    given = await RatingStore(uow.connection).of_sold(
        resources=[resource.id for resource in listing.resources],
        providers=[provider.id for provider in listing.providers],
    )
    return replace(listing, ratings=given) if given else listing


async def find_for_sale(
    bpp: Bpp, criteria: Criteria, uow: UnitOfWork, now: datetime, *, wire: Wire, page: Page
) -> Found:
    """Return a page of what can be bought now and fits. Raises: FilterUnreadable, FieldInvalid."""
    left = await Stock(uow.connection).left_of_wanted(now=now)
    return await bpp.showcase.find(
        bpp.catalogue,  # as it is after the wait, for an index is made for one catalogue at a time
        criteria,
        wire=wire,
        left=left,
        now=now,
        sells_past=bpp.sells_past,
        page=page,
    )
