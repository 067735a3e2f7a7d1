"""cancel: the contract ends; what was delivered until now is still settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bpp.changes.cancelling import end_contracts, find_going_on
from bpp.orders.contracts import get_order, keep_all
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.fields import Field
from trading.lifecycle import ContractEvent
from trading.line_matching import find_named
from trading.mapping import wire_of
from trading.order_lines import NamedLine
from trading.refusals import CancellationNotAllowed
from trading.wheeling import Side


async def cancel(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the order as ended, with every line that goes on, or with those that the message names.

    Before delivery its quantity can be sold to others again. Who names all lines means the order; before it
    is binding there is nothing else to end.
    Raises: OrderNotFound, UpdateInconsistent, AlreadyCancelled, CancellationNotAllowed.
    """
    wire = wire_of(inbound.profile.name)
    order_id, reason = wire.read_order_id(inbound.message), wire.read_reason(inbound.message)
    contracts = await get_order(inbound, uow, order_id=order_id, named_at=Field.REFERENCE)
    named = wire.read_cancelled(inbound.message, contracts[0].buyer_order) if len(contracts) > 1 else []
    meant = _meant(contracts, named, now=now)
    ended = await end_contracts(bpp, meant, uow, side=Side.BUYER, reason=reason, now=now)
    words, changed = str(reason) or None, [each.contract for each in ended]
    return await keep_all(changed, inbound, uow, event=ContractEvent.CANCEL, now=now, reason=words)


def _meant(contracts: Sequence[Contract], names: Sequence[NamedLine], *, now: datetime) -> Sequence[Contract]:
    """Return the lines that a cancel ends. Raises: UpdateInconsistent, CancellationNotAllowed."""
    named = find_named(contracts, names)
    if not named or len(named) == len(contracts):
        return find_going_on(contracts, side=Side.BUYER, now=now)
    if not contracts[0].is_binding:
        raise CancellationNotAllowed(
            "the order is held as a whole until it is confirmed",
            path=Field.ITEMS,
            hint="Send init again with the lines that are wanted, or cancel all of them.",
        )
    return named
