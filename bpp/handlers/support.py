"""support: how to reach the people behind an order, and the ticket under which they know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bpp.customer_care.tickets import TicketStore
from bpp.orders.contracts import get_contract
from bpp.platform import Bpp
from kernel.plain_text import one_line
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.fields import Field
from trading.mapping import wire_of
from trading.offer import Provider, SupportContact
from trading.refusals import SupportUnavailable
from trading.request import Inquiry, TicketNote

_KNOWN: Final = frozenset({"ORDER", "FULFILLMENT", "ITEM", "PROVIDER"})
"""What can be asked about that must be there; a sender could make up any number of others."""
_MOST: Final = 300
"""Characters of an id that are kept of what somebody else wrote."""


async def support(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the contacts of whoever sells what it is about, and the ticket that is open about it.

    Who asks about the same again has the same ticket, with what was said to it last.
    Raises: OrderNotFound, ItemNotFound, ProviderNotFound; SupportUnavailable.
    """
    wire = wire_of(inbound.profile.name)
    inquiry = wire.read_support(inbound.message)
    contract = await _contract(inbound, uow, inquiry)
    contact = next((each.support for each in _providers(bpp, inquiry, contract) if each.support), None)
    if contact is None:
        raise SupportUnavailable("the provider names nobody to ask")
    ticket = await TicketStore(uow.connection).open(
        _subject(inquiry),
        bap_id=inbound.sender,
        new_id=str(bpp.new_id()),
        contract_id=None if contract is None else contract.id,
        channels=_channels(contact),
        now=now,
    )
    last = ticket.answers[-1].words if ticket.answers else ""
    return wire.write_contact(inquiry, contact, TicketNote(id=ticket.id, status=ticket.status, answer=last))


def _subject(inquiry: Inquiry) -> Inquiry:
    """Return what a ticket is kept about: something of ours, or all else together, however it is called."""
    if inquiry.category not in _KNOWN:
        return Inquiry(category="OTHER", target_id="")
    return Inquiry(category=inquiry.category, target_id=one_line(inquiry.target_id)[:_MOST])


async def _contract(inbound: Inbound, uow: UnitOfWork, inquiry: Inquiry) -> Contract | None:
    """Return the contract that it is about, None if it is about something else."""
    if inquiry.category not in ("ORDER", "FULFILLMENT"):
        return None
    order_id = inquiry.target_id.removeprefix("delivery-")
    return await get_contract(inbound, uow, order_id=order_id, named_at=Field.INQUIRY, lock=False)


def _providers(bpp: Bpp, inquiry: Inquiry, contract: Contract | None) -> Sequence[Provider]:
    catalogue, ref_id = bpp.catalogue, inquiry.target_id
    if contract is not None:
        return [catalogue.get_provider(contract.provider_id)]
    match inquiry.category:
        case "ITEM":
            return [catalogue.get_provider(catalogue.get_resource(ref_id).provider_id)]
        case "PROVIDER":
            return [catalogue.get_provider(ref_id)]
        case _:
            return catalogue.providers


def _channels(contact: SupportContact) -> list[str]:
    ways = (("PHONE", contact.phone), ("EMAIL", contact.email), ("WEB", contact.url))
    return [name for name, way in ways if way]
