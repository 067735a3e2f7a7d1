"""Asking a rail, again if need be, without having it do anything twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from settlement.payments.ports import PaymentRail, RailNotice, RailOrder

RETRY_AFTER: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4))
"""After which waits an order is tried again; then it is given up."""


async def attempt(order: RailOrder, *, rail: PaymentRail) -> RailNotice:
    """Return what became of the order: first ask whether the rail has done it, then have it done.

    Raises: RailUnreachable, upon which it may be tried again; RailRefused.
    """
    return await rail.find(order.id) or await rail.ask(order)
