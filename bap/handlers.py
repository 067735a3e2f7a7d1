"""What is done with the callbacks of sellers' platforms, and with requests that never reached them.

Every callback is kept; an order that it carries becomes the transaction's order unless a later one
is known. A callback that answers nothing of ours is refused and changes nothing.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from bap.order import Statement, find_order
from bap.tables import CallState
from bap.transactions import Standing, Transactions
from kernel.errors import NodeError
from node.message import Inbound
from protocol.actions import EXCHANGES, REQUEST_OF
from protocol.errors import WireError
from storage.outbox import ClaimedOutgoing
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

_UNSOLICITED = frozenset(exchange.callback for exchange in EXCHANGES if exchange.unsolicited)


class TransactionUnknown(NodeError):
    """The callback belongs to no transaction of this node with its sender."""

    code, http_status, retryable = "CTX_TRANSACTION_ID_UNKNOWN", 400, False


class NothingAsked(NodeError):
    """The callback answers no request of this node and is none that may come unasked."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


async def receive_answer(inbound: Inbound, uow: UnitOfWork, now: datetime) -> None:
    """Keep a callback and close the call that it answers.

    Raises: TransactionUnknown, NothingAsked.
    """
    await _receive(inbound, Transactions(uow), now=now)


async def receive_order(inbound: Inbound, uow: UnitOfWork, now: datetime) -> None:
    """Keep a callback, close the call that it answers, and take over the order that it carries.

    Raises: TransactionUnknown, NothingAsked.
    """
    await _receive(inbound, Transactions(uow), now=now, carries_order=True)


async def record_undeliverable(
    uow: UnitOfWork, outgoing: ClaimedOutgoing, error: WireError, now: datetime
) -> None:
    """Close the call whose request a peer refused or never took, and tell those who wait for it."""
    transactions = Transactions(uow)
    if await transactions.end_call(outgoing.message_id, CallState.UNDELIVERED, now=now, error=error):
        await transactions.announce(outgoing.transaction_id)


async def _receive(
    inbound: Inbound, transactions: Transactions, *, now: datetime, carries_order: bool = False
) -> None:
    standing = await transactions.lock(inbound.transaction_id)
    if standing is None:
        raise _unknown(inbound)
    if await _answers_a_call(inbound, transactions):
        await transactions.end_call(inbound.context.message_id, CallState.ANSWERED, now=now)
    else:
        await _check_unsolicited(inbound, transactions)
    if carries_order and inbound.error is None:
        await _take_order(inbound, transactions, standing)
    await transactions.record_arrival(inbound, now=now)


async def _answers_a_call(inbound: Inbound, transactions: Transactions) -> bool:
    call = await transactions.find_call(inbound.context.message_id)
    return (
        call is not None
        and call.transaction_id == inbound.transaction_id
        and call.action is REQUEST_OF[inbound.action]
        and call.bpp_id == inbound.sender
    )


async def _check_unsolicited(inbound: Inbound, transactions: Transactions) -> None:
    if not await transactions.has_called(inbound.sender, transaction_id=inbound.transaction_id):
        raise _unknown(inbound)
    if inbound.action not in _UNSOLICITED:
        raise NothingAsked(
            f"no {REQUEST_OF[inbound.action]} was sent under this message id",
            path="$.context.message_id",
            hint="Answer under the message id of the request.",
        )


async def _take_order(inbound: Inbound, transactions: Transactions, standing: Standing) -> None:
    order = find_order(inbound.message)
    if order is None:
        return
    stated = Statement(at=inbound.context.timestamp, contract_updated_at=order.contract_updated_at)
    if standing.is_moved_by(stated, by=inbound.sender):
        await transactions.save_order(order, transaction_id=inbound.transaction_id, stated=stated)
    else:
        log.info("order.stale", action=inbound.action.value, stated_at=stated.at.isoformat())


def _unknown(inbound: Inbound) -> TransactionUnknown:
    return TransactionUnknown(
        f"{inbound.sender} was never asked anything in transaction {inbound.transaction_id}",
        path="$.context.transaction_id",
        hint="Send the transaction id of the request that is meant.",
    )
