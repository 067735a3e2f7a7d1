"""update of a charging session: its buyer starts it, or stops it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.charging.sessions import obey
from bpp.orders.contracts import keep
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.request import OrderRequest, SessionWish


def wish_of(contract: Contract, request: OrderRequest) -> SessionWish | None:
    """Return what an update wants of the session, None if it is about the order.

    Orders are sent back whole: one that names another quantity is about that, and none is about the session
    of a contract that binds nobody yet.
    """
    if contract.terms.session is None or not contract.is_binding:
        return None
    is_same = request.quantity is None or request.quantity == contract.quantity
    return request.session if is_same else None


async def update_session(
    bpp: Bpp, contract: Contract, wish: SessionWish, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any]:
    """Return the order with its session as it is then; what the station makes of it is told unasked.

    Raises: SessionNotThere.
    """
    moved = await obey(bpp, contract, wish, uow, now=now)
    return await keep(moved, inbound, uow, event=f"SESSION_{wish}", now=now)
