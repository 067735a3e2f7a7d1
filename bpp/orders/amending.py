"""Another quantity, window or price for a contract: what has to be open for it, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bpp.accounts.account import settle
from bpp.charging.session_slots import amend_session
from bpp.orders.prepaid import require_quantity_open
from bpp.orders.promoting import require_minimum
from bpp.orders.selection import hold_meter, require_length
from bpp.platform import Bpp
from kernel.energy import Energy
from storage.unit_of_work import UnitOfWork
from trading.amendment import Amendment, amend
from trading.charging.slot import session_window
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.curtailments import CurtailmentStore
from trading.refusals import UpdateNotAllowed
from trading.request import OrderRequest, trade_window
from trading.stock import Stock


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """What of a contract is to be otherwise."""

    contract: Contract
    amendment: Amendment


def wished_by(
    bpp: Bpp, request: OrderRequest, contract: Contract, *, now: datetime, price: Decimal | None = None
) -> Amendment:
    """Return what of a contract is wished otherwise; a `price` is its seller's wish.

    Raises: WindowUnavailable.
    """
    wished = replace(
        request,
        trade_start=request.trade_start or contract.window.start,
        trade_end=request.trade_end or contract.window.end,
    )
    if (wished.trade_start, wished.trade_end) == (contract.window.start, contract.window.end):
        return Amendment(quantity=request.quantity, price=price).less_what_is(contract)
    resource, session = bpp.catalogue.get_resource(contract.resource_id), contract.terms.session
    window = trade_window(wished, resource, bpp.catalogue.find_offer(contract.resource_id, contract.offer_id))
    require_length(window)
    if session is not None:
        window = session_window(wished, resource, session, now=now)
    return Amendment(quantity=request.quantity, window=window, price=price).less_what_is(contract)


async def require_open(contract: Contract, uow: UnitOfWork, *, now: datetime) -> None:
    """Raises: UpdateNotAllowed, if a contract was cut, is paid for already, or is in its session."""
    if await CurtailmentStore(uow.connection).find_cut(contract.id) is not None:
        raise UpdateNotAllowed(f"the order {contract.id} was curtailed", hint="Cancel it and order anew.")
    if contract.terms.session is not None and contract.is_binding and now >= contract.window.start:
        raise UpdateNotAllowed(
            f"the plug gives what {contract.id} was confirmed for", hint="Stop the session."
        )
    require_quantity_open(contract)


async def try_amendment(
    bpp: Bpp, contract: Contract, amendment: Amendment, uow: UnitOfWork, *, now: datetime
) -> None:
    """Let an amendment pass that could be made now, and hold what more it needs; the contract stays as it is.

    Raises: what `amend_contract` does.
    """
    async with uow.connection.begin_nested() as attempt:
        await amend_contract(bpp, contract, amendment, uow, now=now)
        await attempt.rollback()
    amended = amend(contract, amendment, now=now)
    await Stock(uow.connection).hold_for(contract, now=now, or_as=amended)


def require_offered(bpp: Bpp, contract: Contract, quantity: Energy) -> None:
    """Refuse a quantity that the offer is not for; of one that was withdrawn, any greater one.

    Raises: QuantityOutOfBounds, UpdateNotAllowed.
    """
    offer = bpp.catalogue.find_offer(contract.resource_id, contract.offer_id)
    if offer is not None:
        offer.require_quantity(quantity)
    elif quantity > contract.quantity:
        raise UpdateNotAllowed(
            f"the offer {contract.offer_id} was withdrawn: the order {contract.id} takes no more",
            hint=f"It goes on: keep at most {contract.quantity}, and order the rest anew.",
        )


async def amend_contract(
    bpp: Bpp, contract: Contract, amendment: Amendment, uow: UnitOfWork, *, now: datetime
) -> Contract:
    """Return a locked contract as amended before delivery; the caller saves it and tells of it.

    Raises: QuantityUnavailable, QuantityOutOfBounds, UpdateNotAllowed, ShareUnavailable,
    MeterSharedOtherwise; nothing is changed then.
    """
    change = LineChange(contract=contract, amendment=amendment)
    amended = await _require_offered(bpp, change, uow, now=now)
    if amendment.window is not None:
        await hold_meter(amended, uow, now=now)
    await Stock(uow.connection).hold_for(amended, now=now)
    if amended.terms.session is not None:
        return await amend_session(bpp, amended, uow, now=now)
    await _settle_moved(bpp, change, amended, uow, now=now)
    return amended


async def amend_contracts(
    bpp: Bpp,
    changes: Sequence[LineChange],
    uow: UnitOfWork,
    *,
    now: datetime,
    at: Callable[[Contract], AbstractContextManager[object]],
) -> list[Contract]:
    """Return locked contracts of one order as amended together: one can have what another gives back.

    Their meters and their stock are held. `at` is what a refusal of one of them is raised in.
    Raises: what `amend_contract` does; the unit of work is of no use then.
    """
    amended = []
    for each in changes:
        with at(each.contract):
            amended.append(await _require_offered(bpp, each, uow, now=now))
    for contract in amended:  # so that each finds what the others are to have, and not what they had
        await ContractStore(uow.connection).save(contract)
    for change, contract in reversed(list(zip(changes, amended, strict=True))):
        with at(contract):
            if change.amendment.window is not None:
                await hold_meter(contract, uow, now=now)
    await Stock(uow.connection).hold_all(amended, now=now, at=at)
    for change, contract in zip(changes, amended, strict=True):
        await _settle_moved(bpp, change, contract, uow, now=now)
    return amended


async def _require_offered(bpp: Bpp, change: LineChange, uow: UnitOfWork, *, now: datetime) -> Contract:
    """Return the contract as amended, if what is offered is as much. Raises: what `amend_contract` does."""
    amended, quantity = amend(change.contract, change.amendment, now=now), change.amendment.quantity
    if quantity is not None:
        require_offered(bpp, change.contract, quantity)
        await require_minimum(amended, uow)
    return amended


async def _settle_moved(
    bpp: Bpp, change: LineChange, amended: Contract, uow: UnitOfWork, *, now: datetime
) -> None:
    """Open the settlement cycles of a binding contract whose window is another."""
    if change.amendment.window is not None and amended.is_binding:
        await settle(amended, uow, bpp=bpp, now=now)
