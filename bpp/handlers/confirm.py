"""confirm: the contract is binding, the quantity is sold, the first settlement cycle is open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.account import settle
from bpp.cascade.asking import ask_utilities, keep_held
from bpp.orders import get_contract, keep, merged, require_same, tell
from bpp.platform import Bpp
from bpp.prepaid import set_advance_aside
from bpp.selection import hold_meter
from bpp.sessions import open_session
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.lifecycle import ContractEvent, ContractStatus
from trading.mapping import wire_of
from trading.refusals import AlreadyCancelled, QuoteExpired
from trading.stock import Stock


async def confirm(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any] | None:
    """Return the order as a binding contract; a second confirm of it changes nothing.

    The utilities of the trade are asked first; until they have answered, nothing is returned.

    Raises: OrderNotFound, QuoteExpired, QuoteChanged, PriceMismatch, AlreadyCancelled,
    DepositInsufficient, ShareUnavailable, MeterSharedOtherwise, UtilityStillAsked.
    """
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    contract = await get_contract(inbound, uow, order_id=request.order_id)
    if contract.status is ContractStatus.TERMINATED and contract.is_binding:
        raise AlreadyCancelled(f"the order {contract.id} has ended")
    require_same(contract, request)
    if contract.is_binding:
        return await tell(contract, uow, now=now)
    confirmed = merged(decisions.confirm(contract, now=now), request.as_sent)
    await hold_meter(confirmed, uow, now=now)
    grants = await ask_utilities(bpp, contract, inbound, uow, now=now)
    if grants is None:
        async with uow.connection.begin_nested() as attempt:  # what would be refused is refused at once
            await _bind(bpp, confirmed, uow, now=now)
            await attempt.rollback()
        await keep_held(bpp, contract, uow, now=now)
        return None
    bound = await _bind(bpp, grants.over(confirmed), uow, now=now)
    return await keep(bound, inbound, uow, event=ContractEvent.CONFIRM, now=now)


async def _bind(bpp: Bpp, confirmed: Contract, uow: UnitOfWork, *, now: datetime) -> Contract:
    """Return a contract that binds now: its quantity is sold, what is paid ahead set aside, a cycle open.

    Raises: QuoteExpired, DepositInsufficient.
    """
    if not await Stock(uow.connection).sell(confirmed.id):
        raise QuoteExpired("the quantity is no longer held", hint="Send init again in a new transaction.")
    await set_advance_aside(confirmed, uow, seller=bpp.subscriber_id, now=now)
    if confirmed.terms.session is None:
        await settle(confirmed, uow, bpp=bpp, now=now)
    else:
        await ContractStore(uow.connection).save(confirmed)
        confirmed = await open_session(bpp, confirmed, uow, now=now)
    return confirmed
