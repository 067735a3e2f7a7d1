"""update: another quantity or window, at once or proposed; and the answer to what the seller proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bpp.handlers.line_update import LineUpdate, find_wish_by_consent, update_line
from bpp.handlers.update_lines import find_only_line, update_lines
from bpp.orders.contracts import get_order
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.amendment import Amendment
from trading.contract import Contract
from trading.fields import Field
from trading.mapping import wire_of
from trading.mapping.lines import read_lines
from trading.order_lines import Ordered
from trading.refusals import UpdateInconsistent


async def update(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any] | None:
    """Return the order as amended, at the price of the same terms, or with what is proposed of it.

    trading.changes says what is done at once and what waits for the seller's consent. An update may also
    answer what the seller proposed. Of an order of several lines it changes those that it names. The
    utilities of the trade are asked before anything is changed; until they have answered, nothing is
    returned. Raises: OrderNotFound, UpdateNotAllowed, UpdateInconsistent, UpdateTargetInvalid,
    QuantityUnavailable, QuoteExpired, PriceMismatch, WindowUnavailable, UtilityStillAsked.
    """
    first, contracts, ordered = await _read(inbound, uow, now)
    if len(contracts) > 1:
        return await update_lines(bpp, first, contracts, ordered, uow)
    _require_one_line(contracts[0], ordered)
    return await update_line(bpp, first, uow)


async def find_proposed(
    bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> tuple[Contract, Amendment] | None:
    """Return what an update would propose to the seller, and of which contract; None if nothing.

    Nothing is held or changed by that. Raises: what `update` does.
    """
    first, contracts, ordered = await _read(inbound, uow, now)
    update: LineUpdate | None = first
    if len(contracts) > 1:
        update = await find_only_line(bpp, first, contracts, ordered, uow)
    else:
        _require_one_line(contracts[0], ordered)
    wished = None if update is None else await find_wish_by_consent(bpp, update, uow)
    return None if update is None or wished is None else (update.contract, wished)


async def _read(
    inbound: Inbound, uow: UnitOfWork, now: datetime
) -> tuple[LineUpdate, Sequence[Contract], Ordered]:
    """Return what an update says of its first line, with the contracts of the order and what it says of all.

    Raises: OrderNotFound.
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
    return first, contracts, ordered


def _require_one_line(contract: Contract, ordered: Ordered) -> None:
    """Raises: UpdateInconsistent, if an update names lines that an order does not have."""
    if not ordered.is_single:
        raise UpdateInconsistent(
            f"the order {contract.order_id} has one line",
            path=Field.ITEMS,
            hint="Order what is to come beside it in a new transaction.",
        )
