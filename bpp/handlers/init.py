"""init: the quantity is held for a while, the terms are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.cascade.asking import ask_utilities, grid_of, keep_held, were_asked
from bpp.orders import keep
from bpp.platform import Bpp
from bpp.selection import as_countered, find_sellable, fit_slot, hold_meter
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract, require_replaceable
from trading.contracts import ContractStore
from trading.counter_terms import describe, has_counter_terms, nearest_quantity, nearest_window
from trading.fields import Field
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.refusals import FieldInvalid
from trading.request import OrderRequest, Selection, open_window, require_one_quantity, target_meter_of
from trading.seller_counter import SellerCounter, describe_counter
from trading.stock import Stock


async def init(
    bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime, *, counter: SellerCounter | None = None
) -> Mapping[str, Any] | None:
    """Return the order as a pending contract that holds its quantity.

    A second init of the conversation takes the place of the first, as long as nothing is binding. Where the
    utilities of the trade are asked first, nothing is returned until they have answered. Where the offer has
    counter-terms, or its seller has a `counter`, the order may be for less than was asked for, or at
    another price. What utilities have granted is held as they were asked about it.
    Raises: AlreadyConfirmed; UtilityNotAdmitted; UtilityRefused; QuantityUnavailable; ShareUnavailable;
    MeterSharedOtherwise; a refusal, if it could not be bought as it stands.
    """
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    require_one_quantity(request)
    earlier = await find_replaced(inbound, uow)
    but = earlier.id if earlier else None
    asked, request = request, await countered(bpp, request, uow, now=now, but=but)
    offered = await fit_slot(find_sellable(bpp, request, now=now), request, uow, now=now, but=but)
    selection = as_countered(offered, counter)
    if earlier is not None and await were_asked(earlier, inbound, uow):
        selection = _as_held(earlier, selection)
    contract = _draft(bpp, inbound, request, selection, now=now, contract_id=but)
    await hold_meter(contract, uow, now=now)
    stock = Stock(uow.connection)
    if earlier is not None and earlier.resource_id != contract.resource_id:
        await stock.release(earlier.id, resource_id=earlier.resource_id)
    grants = await ask_utilities(bpp, contract, inbound, uow, now=now)
    if grants is None:
        await keep_held(bpp, contract, uow, now=now)
        return None
    reasons = (describe(asked, request), describe_counter(offered, selection))
    reason = ", ".join(filter(None, reasons)) or None
    message = await keep(grants.priced(contract), inbound, uow, event="INIT", now=now, reason=reason)
    await stock.hold_for(contract, now=now)
    return message


async def countered(
    bpp: Bpp, request: OrderRequest, uow: UnitOfWork, *, now: datetime, but: str | None
) -> OrderRequest:
    """Return what the seller would take in place of an order; `but` is the contract that it replaces.

    Raises: ItemNotFound, OfferNotFound, OfferAmbiguous.
    """
    if request.resource_id is None:
        return request
    resource = bpp.catalogue.get_resource(request.resource_id)
    offer = bpp.catalogue.get_offer(resource.id, request.offer_id)
    if not has_counter_terms(offer):
        return request
    fitting = nearest_window(request, resource)
    window = open_window(fitting, resource)
    left = await Stock(uow.connection).left(resource.id, now=now, window=window, own=but)
    return nearest_quantity(fitting, offer, left=left)


async def find_replaced(inbound: Inbound, uow: UnitOfWork) -> Contract | None:
    """Return the contract that this init replaces, if there is one. Raises: AlreadyConfirmed."""
    earlier = await ContractStore(uow.connection).find_in_transaction(
        bap_id=inbound.sender, transaction_id=inbound.transaction_id, lock=True
    )
    if earlier is None or earlier.status is ContractStatus.TERMINATED:
        return None
    require_replaceable(earlier)
    return earlier


def _as_held(contract: Contract, selection: Selection) -> Selection:
    """Return what was selected on the terms that a contract holds it on, and as much of it.

    A session that begins at once begins now.
    """
    window = contract.window if contract.terms.session is None else selection.window
    offer = replace(selection.offer, terms=contract.terms)
    return replace(selection, offer=offer, quantity=contract.quantity, window=window)


def _draft(
    bpp: Bpp,
    inbound: Inbound,
    request: OrderRequest,
    selection: Selection,
    *,
    now: datetime,
    contract_id: str | None,
) -> Contract:
    hold_until = now + bpp.hold_for
    return Contract(
        id=contract_id or str(bpp.new_id()),
        transaction_id=inbound.transaction_id,
        bap_id=inbound.sender,
        bap_url=inbound.sender_url,
        buyer_id=_buyer_id(request, inbound),
        provider_id=selection.resource.provider_id,
        resource_id=selection.resource.id,
        offer_id=selection.offer.id,
        offer_name=selection.offer.name,
        profile=inbound.profile.name,
        source=selection.resource.source,
        target_meter=target_meter_of(request, selection.resource),
        quantity=selection.quantity,
        window=selection.window,
        terms=selection.offer.terms,
        zone=selection.offer.zone,
        status=ContractStatus.PENDING,
        created_at=now,
        updated_at=now,
        hold_until=hold_until,
        refresh_at=hold_until,
        buyer_order=request.as_sent,
        grid=grid_of(bpp, selection.resource, selection.offer, request),
    )


def _buyer_id(request: OrderRequest, inbound: Inbound) -> str:
    """Return who buys: the platform itself, where it names nobody. Raises: FieldInvalid."""
    buyer_id = request.buyer_id or inbound.sender
    if not buyer_id.isprintable():  # PostgreSQL keeps no NUL
        raise FieldInvalid("the buyer's id holds a control character", path=Field.BUYER)
    return buyer_id
