"""Ending a contract before its time, by either side: its stock, its money, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bpp.accounts.account import settle
from bpp.cascade.asking import end_at_utilities
from bpp.charging.sessions import cancel_session
from bpp.orders.lines import take_turns
from bpp.orders.prepaid import end_advance
from bpp.orders.proposals import drop_open
from bpp.platform import Bpp
from storage.unit_of_work import UnitOfWork
from trading.cancellation import Cancellation, Reason, cancel
from trading.cancellations import CancellationStore
from trading.changes import CHANGES, Change, Verdict, phase_of
from trading.contract import Contract, delivery_has_begun
from trading.stock import Stock
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A contract that has ended, and what that costs, None if it was not binding."""

    contract: Contract
    cancellation: Cancellation | None


def find_going_on(contracts: Sequence[Contract], *, side: Side, now: datetime) -> Sequence[Contract]:
    """Return the lines of an order that a side can end; where none can, the first, which says why."""
    going_on = [
        each
        for each in contracts
        if CHANGES[side, Change.CANCEL, phase_of(each, side=side, now=now)].verdict is not Verdict.REFUSED
    ]
    return going_on or contracts[:1]


async def end_contracts(
    bpp: Bpp, contracts: Sequence[Contract], uow: UnitOfWork, *, side: Side, reason: Reason, now: datetime
) -> list[Ended]:
    """End locked contracts of one order, all or none. Raises: what `end_contract` does."""
    await take_turns(contracts, uow)
    ended = []
    for each in contracts:
        contract, cancellation = await end_contract(bpp, each, uow, side=side, reason=reason, now=now)
        ended.append(Ended(contract=contract, cancellation=cancellation))
    return ended


async def end_contract(
    bpp: Bpp, contract: Contract, uow: UnitOfWork, *, side: Side, reason: Reason, now: datetime
) -> tuple[Contract, Cancellation | None]:
    """Return a locked contract as ended by `side`, and what that costs; the caller saves it and tells of it.

    Before delivery its quantity can be sold to others again, what is owed for ending it is billed or
    credited at once, and of what was paid ahead the rest returns. Later, that comes with its last bill, and
    of what is offered by intervals those to come can be sold again; of a session nothing was delivered before
    it was started, so its quantity returns also then. The utilities of the trade are told.
    Raises: AlreadyCancelled, CancellationNotAllowed.
    """
    ended, cancellation = cancel(contract, side=side, reason=reason, now=now)
    await cancel_session(bpp, contract, uow, side=side, now=now)
    await drop_open(contract, uow, now=now)
    if cancellation is not None:
        await CancellationStore(uow.connection).add(contract.id, cancellation)
    has_begun = delivery_has_begun(contract, now=now)
    stock = Stock(uow.connection)
    if has_begun and contract.terms.session is None:
        await stock.release_after(contract, now)
    else:
        await stock.release(contract.id, resource_id=contract.resource_id)
    if not has_begun:
        if cancellation is not None and cancellation.owed.minor:
            await settle(ended, uow, bpp=bpp, now=now)
        await end_advance(contract, uow, seller=bpp.subscriber_id, now=now)
    await end_at_utilities(bpp, contract, uow, now=now)
    return ended, cancellation
