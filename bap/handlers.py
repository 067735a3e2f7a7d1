"""What is done with the callbacks of sellers' platforms, and with requests that never reached them.

Every callback is kept; an order that it carries becomes the transaction's order unless a later one
is known. A callback that answers nothing of ours is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from bap.admission import answers_a_call
from bap.order import Statement, find_order
from bap.tables import CallState
from bap.transactions import Standing, Transactions
from node.message import Inbound
from protocol.errors import WireError
from storage.outbox import ClaimedOutgoing
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

OnArrival = Callable[[Inbound, UnitOfWork, datetime], Awaitable[None]]
"""Is told of each callback that is taken, in its unit of work, after the order was taken over."""

OnUndelivered = Callable[[ClaimedOutgoing, WireError, UnitOfWork, datetime], Awaitable[None]]
"""Is told of each request that no callback will answer."""


async def nobody(*_news: object) -> None:
    """Take no interest."""


async def receive_answer(
    inbound: Inbound, uow: UnitOfWork, now: datetime, *, on_arrival: OnArrival = nobody
) -> None:
    """Keep a callback and close the call that it answers.

    Raises: TransactionUnknown, NothingAsked, NotConfirmed.
    """
    await _receive(inbound, uow, now=now, on_arrival=on_arrival)


async def receive_order(
    inbound: Inbound, uow: UnitOfWork, now: datetime, *, on_arrival: OnArrival = nobody
) -> None:
    """Keep a callback, close the call that it answers, and take over the order that it carries.

    Raises: TransactionUnknown, NothingAsked, NotConfirmed.
    """
    await _receive(inbound, uow, now=now, on_arrival=on_arrival, carries_order=True)


async def record_undeliverable(
    uow: UnitOfWork,
    outgoing: ClaimedOutgoing,
    error: WireError,
    now: datetime,
    *,
    on_undelivered: OnUndelivered = nobody,
) -> None:
    """Close the call whose request a peer refused or never took, and tell those who wait for it."""
    transactions = Transactions(uow)
    if await transactions.end_call(outgoing.message_id, CallState.UNDELIVERED, now=now, error=error):
        await on_undelivered(outgoing, error, uow, now)
        await transactions.announce(outgoing.transaction_id)


async def _receive(
    inbound: Inbound,
    uow: UnitOfWork,
    *,
    now: datetime,
    on_arrival: OnArrival,
    carries_order: bool = False,
) -> None:
    transactions = Transactions(uow)
    standing = await transactions.lock(inbound.transaction_id)
    if await answers_a_call(
        inbound.action, inbound.context, inbound.sender, transactions, profile=inbound.profile
    ):
        await transactions.end_call(inbound.context.message_id, CallState.ANSWERED, now=now)
    if carries_order and inbound.error is None and standing is not None:
        await _take_order(inbound, transactions, standing)
    await on_arrival(inbound, uow, now)
    await transactions.record_arrival(inbound, now=now)


async def _take_order(inbound: Inbound, transactions: Transactions, standing: Standing) -> None:
    order = find_order(inbound.message, profile=inbound.profile.name)
    if order is None:
        return
    stated = Statement(at=inbound.context.timestamp, contract_updated_at=order.contract_updated_at)
    if standing.is_moved_by(stated, by=inbound.sender):
        await transactions.save_order(
            order,
            transaction_id=inbound.transaction_id,
            stated=stated,
            profile=inbound.profile.name,
        )
    else:
        log.info("order.stale", action=inbound.action.value, stated_at=stated.at.isoformat())
