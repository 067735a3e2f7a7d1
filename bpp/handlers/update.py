"""update: another quantity or window, at once or proposed; and the answer to what the seller proposed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.handlers.line_update import LineUpdate, update_line
from bpp.handlers.update_lines import update_lines
from bpp.orders import get_order
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.fields import Field
from trading.mapping import wire_of
from trading.mapping.lines import read_lines
from trading.refusals import UpdateInconsistent


async def update(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any] | None:
    """Return the order as amended, at the price of the same terms, or with what is proposed of it.

    trading.changes says what is done at once and what waits for the seller's consent. An update may also
    answer what the seller proposed. Of an order of several lines it changes those that it names. The
    utilities of the trade are asked before anything is changed; until they have answered, nothing is
    returned. Raises: OrderNotFound, UpdateNotAllowed, UpdateInconsistent, UpdateTargetInvalid,
    QuantityUnavailable, QuoteExpired, PriceMismatch, WindowUnavailable, UtilityStillAsked.
    """
    wire = wire_of(inbound.profile.name)
    ordered = read_lines(wire, inbound.message)
    contracts = await get_order(inbound, uow, order_id=ordered.order_id, lock=False)
    first = LineUpdate(
        inbound=inbound,
        contract=contracts[0],
        request=ordered.lines[0],
        answer=wire.read_answer(inbound.message),
        now=now,
    )
    if len(contracts) > 1:
        return await update_lines(bpp, first, contracts, ordered, uow)
    if not ordered.is_single:
        raise UpdateInconsistent(
            f"the order {contracts[0].order_id} has one line",
            path=Field.ITEMS,
            hint="Order what is to come beside it in a new transaction.",
        )
    return await update_line(bpp, first, uow)
