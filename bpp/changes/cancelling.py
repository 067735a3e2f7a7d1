"""Ending a contract before its time, by either side: its stock, its money, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bpp.accounts.account import settle_all
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

    @property
    def owes(self) -> bool:
        """Whether the side that ended it owes anything for that."""
        return self.cancellation is not None and bool(self.cancellation.owed.minor)


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
    """Return locked contracts of one order as ended by `side`, all or none, and what that costs.

    The caller saves them and tells of them. Before delivery their quantity can be sold to others again, what
    is owed for ending them is billed or credited at once, and of what was paid ahead the rest returns. Later,
    that comes with their last bills, and of what is offered by intervals those to come can be sold again; of
    a session nothing was delivered before it was started, so its quantity returns also then. The utilities of
    the trade are told.
    Raises: AlreadyCancelled, CancellationNotAllowed.
    """
    await take_turns(contracts, uow)
    ended = [await _end(bpp, each, uow, side=side, reason=reason, now=now) for each in contracts]
    at_once = [
        each.contract
        for each, before in zip(ended, contracts, strict=True)
        if each.owes and not delivery_has_begun(before, now=now)
    ]
    await settle_all(at_once, uow, bpp=bpp, now=now)
    for contract in contracts:
        if not delivery_has_begun(contract, now=now):
            await end_advance(contract, uow, seller=bpp.subscriber_id, now=now)
        await end_at_utilities(bpp, contract, uow, now=now)
    return ended


async def _end(
    bpp: Bpp, contract: Contract, uow: UnitOfWork, *, side: Side, reason: Reason, now: datetime
) -> Ended:
    """Return a contract as ended, with its stock given back and without its money."""
    ended, cancellation = cancel(contract, side=side, reason=reason, now=now)
    await cancel_session(bpp, contract, uow, side=side, now=now)
    await drop_open(contract, uow, now=now)
    if cancellation is not None:
        await CancellationStore(uow.connection).add(contract.id, cancellation)
    stock = Stock(uow.connection)
    if delivery_has_begun(contract, now=now) and contract.terms.session is None:
        await stock.release_after(contract, now)
    else:
        await stock.release(contract.id, resource_id=contract.resource_id)
    return Ended(contract=ended, cancellation=cancellation)
