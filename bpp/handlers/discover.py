"""discover: what is on offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.platform import Bpp
from bpp.search import search
from kernel.energy import ZERO_ENERGY, Energy
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.listing import list_catalogue
from trading.mapping import wire_of
from trading.offer import Catalogue
from trading.stock import Stock


async def discover(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the part of the catalogue that can be bought now and matches what is looked for.

    Raises: FilterUnreadable, SearchUnsupported, FieldInvalid, FieldMissing.
    """
    wire = wire_of(inbound.profile.name)
    criteria = wire.read_criteria(inbound.message)
    left = await Stock(uow.connection).left(now=now)
    listing = list_catalogue(_on_sale(bpp, left, now), left=left)
    found = search(listing, criteria, wire=wire)
    return wire.write_catalog(found, bpp_id=bpp.subscriber_id, bpp_url=bpp.url)


def _on_sale(bpp: Bpp, left: Mapping[str, Energy], now: datetime) -> Catalogue:
    """Return the catalogue without what is sold out, over, or not to be had on any open offer."""
    catalogue = bpp.catalogue
    offers = tuple(offer for offer in catalogue.offers if offer.is_open(now))
    offered = {offer.resource_id for offer in offers}
    resources = tuple(
        resource
        for resource in catalogue.resources
        if resource.id in offered
        and left.get(resource.id, ZERO_ENERGY) > ZERO_ENERGY
        and (bpp.sells_past or resource.production.end > now)
    )
    sold = {resource.id for resource in resources}
    kept = tuple(offer for offer in offers if offer.resource_id in sold)
    return replace(catalogue, resources=resources, offers=kept)
