"""support: how to reach the people behind an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bpp.orders import get_contract
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.fields import Field
from trading.mapping import wire_of
from trading.offer import Provider
from trading.refusals import SupportUnavailable
from trading.request import Inquiry


async def support(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, _now: datetime) -> Mapping[str, Any]:
    """Return the contacts of whoever sells what it is about.

    Raises: OrderNotFound, ItemNotFound, ProviderNotFound; SupportUnavailable.
    """
    wire = wire_of(inbound.profile.name)
    inquiry = wire.read_support(inbound.message)
    providers = await _providers(bpp, inbound, uow, inquiry)
    contact = next((provider.support for provider in providers if provider.support), None)
    if contact is None:
        raise SupportUnavailable("the provider names nobody to ask")
    return wire.write_contact(inquiry, contact)


async def _providers(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, inquiry: Inquiry) -> Sequence[Provider]:
    catalogue, ref_id = bpp.catalogue, inquiry.target_id
    match inquiry.category:
        case "ORDER" | "FULFILLMENT":
            order_id = ref_id.removeprefix("delivery-")
            contract = await get_contract(inbound, uow, order_id=order_id, named_at=Field.INQUIRY, lock=False)
            return [catalogue.get_provider(contract.provider_id)]
        case "ITEM":
            return [catalogue.get_provider(catalogue.get_resource(ref_id).provider_id)]
        case "PROVIDER":
            return [catalogue.get_provider(ref_id)]
        case _:
            return catalogue.providers
