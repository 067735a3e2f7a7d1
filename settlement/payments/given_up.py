"""Orders that a rail could not be asked for, however often it was tried: someone has to know."""

from __future__ import annotations

from datetime import datetime

import structlog

from settlement.payments.ports import RailOrder
from settlement.payments.store import OPERATOR, find_payment, keep_alert
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


async def give_up(order: RailOrder, *, reason: str, uow: UnitOfWork, now: datetime) -> None:
    """Alert the operator and let the payer know, once.

    The payment stays as it is: the rail may have done it after all, and say so later.
    Raises: PaymentNotFound.
    """
    payment = await find_payment(order.payment, uow=uow)
    messages = {
        OPERATOR: f"{order.action} was given up: {reason}",
        payment.payer: f"your payment of {order.amount} is delayed; you need not pay again",
    }
    for audience, message in messages.items():
        await keep_alert(
            payment.id, audience=audience, subject=str(order.id), message=message, uow=uow, now=now
        )
    log.error("payment.given_up", payment=str(payment.id), action=order.action, reason=reason)
