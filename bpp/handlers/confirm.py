"""confirm: the contract is binding, the quantity is sold, the first settlement cycle is open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.accounts.account import settle
from bpp.cascade.asking import ask_utilities, keep_held
from bpp.charging.session_slots import open_session
from bpp.orders.contracts import get_order, keep_all, merged
from bpp.orders.lines import require_agreed, take_turns
from bpp.orders.prepaid import set_advance_aside
from bpp.orders.promoting import require_codes
from bpp.orders.selection import hold_meter
from bpp.orders.telling import tell
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.lifecycle import ContractEvent, ContractStatus
from trading.mapping import wire_of
from trading.mapping.lines import read_lines
from trading.refusals import AlreadyCancelled, QuoteExpired
from trading.stock import Stock


async def confirm(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any] | None:
    """Return the order as binding contracts, of every line or of none; a second confirm changes nothing.

    The utilities of the trade are asked first; until they have answered, nothing is returned.

    Raises: OrderNotFound, QuoteExpired, QuoteChanged, PriceMismatch, AlreadyCancelled,
    LinesDiffer, DepositInsufficient, ShareUnavailable, MeterSharedOtherwise, UtilityStillAsked.
    """
    ordered = read_lines(wire_of(inbound.profile.name), inbound.message)
    contracts = await get_order(inbound, uow, order_id=ordered.order_id)
    for contract in contracts:
        if contract.status is ContractStatus.TERMINATED and contract.is_binding:
            raise AlreadyCancelled(f"the order {contract.id} has ended")
    require_agreed(contracts, ordered)
    await require_codes(contracts, ordered, uow)
    if all(contract.is_binding for contract in contracts):
        return await tell(contracts[0], uow, now=now)
    confirmed = [decisions.confirm(contract, now=now) for contract in contracts]
    confirmed[0] = merged(confirmed[0], ordered.as_sent)
    await take_turns(confirmed, uow)
    for contract in confirmed:
        await hold_meter(contract, uow, now=now)
    grants = await ask_utilities(bpp, contracts[0], inbound, uow, now=now)
    if grants is None:
        async with uow.connection.begin_nested() as attempt:  # what would be refused is refused at once
            await _bind(bpp, confirmed[0], uow, now=now)
            await attempt.rollback()
        await keep_held(bpp, contracts[0], uow, now=now)
        return None
    bound = []
    for contract in confirmed:
        with ordered.at(contract.line):
            bound.append(await _bind(bpp, grants.over(contract), uow, now=now))
    return await keep_all(bound, inbound, uow, event=ContractEvent.CONFIRM, now=now)


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
