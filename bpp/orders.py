"""What the handlers of orders share: finding the contract, keeping it, and answering with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.account import read_account
from kernel.energy import Energy
from kernel.mrid import MridInvalid, canonical_mrid
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.mapping import v2_rc as wire
from trading.refusals import OrderNotFound, PriceMismatch, QuoteChanged
from trading.request import OrderRequest


async def get_contract(
    inbound: Inbound, uow: UnitOfWork, *, order_id: str | None, lock: bool = True
) -> Contract:
    """Return the sender's contract of that id, or that of the conversation where none is named.

    Raises: OrderNotFound.
    """
    store = ContractStore(uow.connection)
    if order_id is not None:
        return await store.get(order_id, bap_id=inbound.sender, lock=lock)
    found = await store.find_in_transaction(
        bap_id=inbound.sender, transaction_id=inbound.transaction_id, lock=lock
    )
    if found is None:
        raise OrderNotFound(
            "this transaction has no order yet",
            path="$.message.order['beckn:id']",
            hint="Send init first; on_init gives the order's beckn:id.",
        )
    return found


async def keep(
    contract: Contract,
    inbound: Inbound,
    uow: UnitOfWork,
    *,
    event: str,
    now: datetime,
    reason: str | None = None,
) -> dict[str, Any]:
    """Save the contract with what happened to it, and return the `message` that tells of it."""
    order = await write_order(contract, uow, now=now)
    store = ContractStore(uow.connection)
    await store.save(replace(contract, reported=wire.fingerprint_order(order)))
    entry = HistoryEntry(
        at=now,
        actor=inbound.sender,
        event=event,
        status=contract.status,
        reason=reason,
        message_id=inbound.context.message_id,
    )
    await store.note(contract, entry)
    return {"order": order}


async def write_order(contract: Contract, uow: UnitOfWork, *, now: datetime) -> dict[str, Any]:
    """Return the order of a contract as it stands now, with deliveries, cycles and bills."""
    return wire.write_contract_order(await read_account(contract, uow, now=now))


def merged(contract: Contract, sent: Mapping[str, Any]) -> Contract:
    """Return the contract with what the buyer adds to the order beside what it said before."""
    return replace(contract, buyer_order=dict(contract.buyer_order) | dict(sent))


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
            f"the order names a price of {request.total}, the quote says {total}",
            path="$.message.order['beckn:orderValue'].value",
        )
    if request.currency is not None and request.currency != total.currency.code:
        raise PriceMismatch(
            f"the order is in {request.currency}, the quote in {total.currency}",
            path="$.message.order['beckn:orderValue'].currency",
        )


def _differences(
    contract: Contract, request: OrderRequest
) -> list[tuple[str, str | Energy | datetime | None, str | Energy | datetime, str]]:
    line = "$.message.order['beckn:orderItems'][0]"
    bag = "$.message.order['beckn:orderAttributes']"
    return [
        ("the seller", request.seller, contract.provider_id, "$.message.order['beckn:seller']"),
        ("the item", request.resource_id, contract.resource_id, f"{line}['beckn:orderedItem']"),
        ("the offer", request.offer_id, contract.offer_id, f"{line}['beckn:acceptedOffer']['beckn:id']"),
        ("the quantity", request.quantity, contract.quantity, f"{line}['beckn:quantity']"),
        ("the meter", _mrid(request.target_meter), contract.target_mrid, f"{bag}.targetMeterId"),
        ("the start", request.trade_start, contract.window.start, f"{bag}.tradeStartTime"),
        ("the end", request.trade_end, contract.window.end, f"{bag}.tradeEndTime"),
    ]


def _mrid(meter: str | None) -> str | None:
    try:
        return None if meter is None else canonical_mrid(meter, lenient=True)
    except MridInvalid:
        return meter
