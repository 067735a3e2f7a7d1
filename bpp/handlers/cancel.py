"""cancel: the contract ends; what was delivered until now is still settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bpp.changes.cancelling import end_contract
from bpp.orders.contracts import get_order, keep_all
from bpp.orders.lines import take_turns
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.changes import CHANGES, Change, Verdict, phase_of
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
    going_on = _meant(contracts, named, now=now)
    await take_turns(going_on, uow)
    ended = [
        (await end_contract(bpp, each, uow, side=Side.BUYER, reason=reason, now=now))[0] for each in going_on
    ]
    words = str(reason) or None
    return await keep_all(ended, inbound, uow, event=ContractEvent.CANCEL, now=now, reason=words)


def _meant(contracts: list[Contract], names: Sequence[NamedLine], *, now: datetime) -> list[Contract]:
    """Return the lines that a cancel ends. Raises: UpdateInconsistent, CancellationNotAllowed."""
    named = find_named(contracts, names)
    if not named or len(named) == len(contracts):
        return _going_on(contracts, now=now)
    if not contracts[0].is_binding:
        raise CancellationNotAllowed(
            "the order is held as a whole until it is confirmed",
            path=Field.ITEMS,
            hint="Send init again with the lines that are wanted, or cancel all of them.",
        )
    return named


def _going_on(contracts: list[Contract], *, now: datetime) -> list[Contract]:
    """Return the lines that can be ended; where none can, the first, which says why."""
    return [each for each in contracts if _can_end(each, now=now)] or contracts[:1]


def _can_end(contract: Contract, *, now: datetime) -> bool:
    phase = phase_of(contract, side=Side.BUYER, now=now)
    return CHANGES[Side.BUYER, Change.CANCEL, phase].verdict is not Verdict.REFUSED
