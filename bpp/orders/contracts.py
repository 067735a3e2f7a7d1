"""What the handlers of orders share: finding the contract, keeping it, and answering with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.orders.telling import as_told_on, in_message, state_all
from kernel.energy import Energy
from kernel.mrid import MridInvalid, canonical_mrid
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.fields import Field
from trading.mapping import wire_of
from trading.mapping.find import Json
from trading.refusals import OrderNotFound, PriceMismatch, QuoteChanged
from trading.request import OrderRequest
from trading.terms import PaymentTiming


async def get_contract(
    inbound: Inbound,
    uow: UnitOfWork,
    *,
    order_id: str | None,
    named_at: Field = Field.ORDER_ID,
    lock: bool = True,
) -> Contract:
    """Return the sender's contract of that id, or that of the conversation where none is named.

    `named_at` is where the message names it. Raises: OrderNotFound.
    """
    store = ContractStore(uow.connection)
    if order_id is not None:
        named = await store.get(order_id, bap_id=inbound.sender, lock=lock, named_at=named_at)
        return _on_wire(named, inbound)
    found = await store.find_in_transaction(
        bap_id=inbound.sender, transaction_id=inbound.transaction_id, lock=lock
    )
    if found is None:
        raise OrderNotFound(
            "this transaction has no order yet",
            path=named_at,
            hint="Send init first; on_init gives the order's id.",
        )
    return _on_wire(found, inbound)


def _on_wire(contract: Contract, inbound: Inbound) -> Contract:
    """Return the contract as it is told on the wire of `inbound`: what was sent on another stays there."""
    return as_told_on(contract, inbound.profile.name)


async def get_order(
    inbound: Inbound,
    uow: UnitOfWork,
    *,
    order_id: str | None,
    named_at: Field = Field.ORDER_ID,
    lock: bool = True,
) -> list[Contract]:
    """Return the contract of every line of the sender's order of that id, or of the conversation's.

    `named_at` is where the message names it. Raises: OrderNotFound.
    """
    first = await get_contract(inbound, uow, order_id=order_id, named_at=named_at, lock=False)
    if order_id is not None and first.order_id != order_id:
        raise OrderNotFound(
            f"{order_id[:64]} is line {first.line} of the order {first.order_id}",
            path=named_at,
            hint="Name the order.",
        )
    lines = await ContractStore(uow.connection).find_lines(first, lock=lock)
    return [_on_wire(each, inbound) for each in lines]


async def keep(
    contract: Contract,
    inbound: Inbound,
    uow: UnitOfWork,
    *,
    event: str,
    now: datetime,
    reason: str | None = None,
) -> Json:
    """Save the contract with what happened to it, and return the `message` that tells of its order."""
    return await keep_all([contract], inbound, uow, event=event, now=now, reason=reason)


async def keep_all(
    contracts: Sequence[Contract],
    inbound: Inbound,
    uow: UnitOfWork,
    *,
    event: str,
    now: datetime,
    reason: str | None = None,
) -> Json:
    """Save contracts of one order with what happened to them; return the `message` that tells of that."""
    store, statements = ContractStore(uow.connection), await state_all(contracts, uow, now=now)
    for contract, statement in zip(contracts, statements, strict=True):
        await store.save(statement.told(contract))
        entry = HistoryEntry(
            at=now,
            actor=inbound.sender,
            event=event,
            status=contract.status,
            reason=reason,
            message_id=inbound.context.message_id,
        )
        await store.note(contract, entry)
    return in_message(statements[0].order, contracts[0])


def merged(contract: Contract, sent: Mapping[str, Any]) -> Contract:
    """Return the contract with what the buyer adds to the order beside what it said before."""
    return replace(contract, buyer_order=dict(contract.buyer_order) | dict(sent))


def said_payment(contract: Contract) -> PaymentTiming | None:
    """Return how the buyer itself said that an order of one line is paid, None if it did not."""
    if contract.lines > 1 or not contract.buyer_order:
        return None
    return wire_of(contract.profile).read_order(in_message(dict(contract.buyer_order), contract)).payment


def require_same(contract: Contract, request: OrderRequest) -> None:
    """Let an order pass only if it is the one that was agreed; what it leaves out is as agreed.

    Raises: QuoteChanged, PriceMismatch.
    """
    for what, wanted, agreed, path in _differences(contract, request):
        if wanted is not None and wanted != agreed:
            raise QuoteChanged(
                f"{what} differs from what was agreed",
                path=path,
                hint=f"Agreed was {agreed}; send init again for anything else.",
            )
    total = contract.quote.total
    if request.total is not None and request.total != total.amount:
        raise PriceMismatch(
            f"the order names a price of {request.total}, the quote says {total}", path=Field.TOTAL
        )
    if request.currency is not None and request.currency != total.currency.code:
        raise PriceMismatch(
            f"the order is in {request.currency}, the quote in {total.currency}", path=Field.CURRENCY
        )


def _differences(
    contract: Contract, request: OrderRequest
) -> list[tuple[str, str | Energy | datetime | None, str | Energy | datetime, Field]]:
    return [
        ("the seller", request.seller, contract.provider_id, Field.SELLER),
        ("the item", request.resource_id, contract.resource_id, Field.ITEM),
        ("the offer", request.offer_id, contract.offer_id, Field.OFFER),
        ("the quantity", request.quantity, contract.quantity, Field.QUANTITY),
        ("the meter", _mrid(request.target_meter), contract.target_mrid, Field.METER),
        ("the buyer's utility", *_utilities(contract, request), Field.UTILITY),
        ("the start", request.trade_start, contract.window.start, Field.TRADE_START),
        ("the end", request.trade_end, contract.window.end, Field.TRADE_END),
        ("how it is paid", request.payment, contract.terms.payment, Field.PAYMENT),
    ]


def _utilities(contract: Contract, request: OrderRequest) -> tuple[str | None, str]:
    """Return the buyer's utility as named and as agreed; where none was asked, none was agreed."""
    return (None, "") if contract.grid is None else (request.buyer_utility, contract.grid.buyer_utility)


def _mrid(meter: str | None) -> str | None:
    try:
        return None if meter is None else canonical_mrid(meter, lenient=True)
    except MridInvalid:
        return meter
