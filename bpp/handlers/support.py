"""support: how to reach the people behind an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bpp.orders import get_contract
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.mapping import v2_rc as wire
from trading.offer import Provider
from trading.refusals import SupportUnavailable


async def support(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, _now: datetime) -> Mapping[str, Any]:
    """Return the contacts of whoever sells what it is about.

    Raises: OrderNotFound, ItemNotFound, ProviderNotFound; SupportUnavailable.
    """
    category, ref_id = wire.read_support(inbound.message)
    message = wire.write_support(await _providers(bpp, inbound, uow, category, ref_id))
    if message is None:
        raise SupportUnavailable("the provider names nobody to ask")
    return message


async def _providers(
    bpp: Bpp, inbound: Inbound, uow: UnitOfWork, category: str, ref_id: str
) -> Sequence[Provider]:
    catalogue = bpp.catalogue
    match category:
        case "ORDER" | "FULFILLMENT":
            order_id = ref_id.removeprefix("delivery-")
            contract = await get_contract(inbound, uow, order_id=order_id, lock=False)
            return [catalogue.get_provider(contract.provider_id)]
        case "ITEM":
            return [catalogue.get_provider(catalogue.get_resource(ref_id).provider_id)]
        case "PROVIDER":
            return [catalogue.get_provider(ref_id)]
        case _:
            return catalogue.providers
