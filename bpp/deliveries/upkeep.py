"""Keeping contracts up to date: readings settle them, time closes them, buyers are told.

A contract carries one durable timer, `refresh_at`. Each contract that is due is looked at in a
transaction of its own, which holds its new state, what was settled, and the message to the buyer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bpp.accounts.account import settle
from bpp.accounts.known import Known, read_known
from bpp.charging.sessions import is_settled_later, look_at_session
from bpp.deliveries.news import put_news_of_all
from bpp.orders.prepaid import end_advance
from bpp.orders.proposals import lapse_open, looked_at_by
from bpp.orders.telling import state
from bpp.platform import Bpp
from kernel.clock import Clock
from kernel.interval import Interval
from protocol.actions import Action
from settlement.settle import SettlementOutcome
from storage.unit_of_work import Transaction, UnitOfWork, UnitOfWorkFactory
from trading import contract as decisions
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.due_contracts import mark_due, mark_these_due
from trading.lifecycle import ContractEvent, ContractStatus
from trading.news import waits_until
from trading.stock import Stock

log = structlog.get_logger(__name__)

CONTRACTS_CHANNEL: Final = "degnode_contracts"
"""Announced when contracts have become due before their time."""


async def note_readings(
    uow: Transaction,
    *,
    meters: Iterable[str],
    now: datetime,
    revised: Iterable[tuple[str, Interval]] = (),
) -> int:
    """Have the contracts on `meters` (mRIDs in any spelling) looked at now; return how many.

    Of those that are finished, the ones in whose window a meter's energy is known otherwise by now, as
    `revised` says. Call it in the transaction that keeps the readings.
    """
    count = await mark_due(uow, meters, revised=revised, at=now)
    if count:
        await uow.announce(CONTRACTS_CHANNEL)
    return count


async def note_bills(uow: Transaction, *, contracts: Iterable[str], now: datetime) -> None:
    """Have contracts looked at now whose bills have moved, so that their buyers are told.

    Lock them with `lock_contracts` before anything of their accounts.
    """
    await mark_these_due(uow, contracts, at=now)
    await uow.announce(CONTRACTS_CHANNEL)


async def refresh(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime) -> Contract:
    """Bring a locked contract up to date, and tell the buyer if anything changed."""
    event: ContractEvent | None
    known: Known | None = None
    contract, session = await look_at_session(bpp, contract, uow, now=now)
    proposal = await lapse_open(contract, uow, now=now)
    if is_settled_later(contract, session):
        refreshed, event = contract, None
    elif contract.is_binding:
        known = await read_known(contract, uow)
        outcome = await settle(contract, uow, bpp=bpp, now=now, known=known)
        if outcome.is_final:
            await end_advance(contract, uow, seller=bpp.subscriber_id, now=now)
        refreshed, event = _after(contract, outcome, now=now, deadline=bpp.collection_deadline)
    else:
        refreshed, event = await _lapse(contract, uow, now=now)
    if proposal is not None and proposal.is_open:
        refreshed = looked_at_by(refreshed, proposal)
    action = Action.ON_UPDATE if proposal is not None and not proposal.is_open else Action.ON_STATUS
    return await _tell(bpp, refreshed, uow, action=action, event=event, now=now, known=known)


async def _lapse(contract: Contract, uow: UnitOfWork, *, now: datetime) -> tuple[Contract, ContractEvent]:
    """Return the contract as ended, for nobody confirmed it in time, and its quantity to the stock."""
    await Stock(uow.connection).release(contract.id, resource_id=contract.resource_id)
    return decisions.expire(contract, now=now), ContractEvent.EXPIRE


def _after(
    contract: Contract, outcome: SettlementOutcome, *, now: datetime, deadline: timedelta
) -> tuple[Contract, ContractEvent | None]:
    """Return the contract as its settlement leaves it."""
    if not outcome.is_final:
        return replace(contract, refresh_at=outcome.next_change(now=now, deadline=deadline)), None
    if contract.status is ContractStatus.ACTIVE:
        return decisions.complete(contract, now=now), ContractEvent.COMPLETE
    return replace(contract, refresh_at=None), None


async def _tell(
    bpp: Bpp,
    contract: Contract,
    uow: UnitOfWork,
    *,
    action: Action,
    event: ContractEvent | None,
    now: datetime,
    known: Known | None,
) -> Contract:
    """Save the contract; put an unsolicited `action` for its buyer if that says anything new.

    News that has to wait is told when the contract is looked at again, which is then when the wait is
    over at the latest. Of a contract that was never confirmed nothing may be told unasked (NFH-007).
    """
    store = ContractStore(uow.connection)
    statement = await state(contract, uow, now=now, known=known)
    if contract.is_binding and statement.reported != contract.reported:
        until = waits_until(contract, standing=statement.standing, interval=bpp.status_interval, now=now)
        contract = (
            (await put_news_of_all(bpp, [contract], uow, action=action, now=now, statements=[statement]))[0]
            if until is None
            else _look_again(contract, by=until)
        )
    await store.save(contract)
    if event is not None:
        await store.note(
            contract,
            HistoryEntry(at=now, actor=bpp.subscriber_id, event=event, status=contract.status),
        )
    return contract


def _look_again(contract: Contract, *, by: datetime) -> Contract:
    due = by if contract.refresh_at is None else min(contract.refresh_at, by)
    return replace(contract, refresh_at=due)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDesk:
    """Looks after all contracts; `step` is what a worker runs again and again.

    A contract that cannot be brought up to date is left alone for `retry_after`; the others go on.
    """

    bpp: Bpp
    uow_factory: UnitOfWorkFactory
    clock: Clock
    retry_after: timedelta = timedelta(seconds=30)

    async def step(self) -> bool:
        """Look at one contract that is due; say whether there was any."""
        now = self.clock.now()
        contract_id: str | None = None
        try:
            async with self.uow_factory() as uow:
                due = await ContractStore(uow.connection).find_due(now=now)
                if not due:
                    return False
                contract_id = due[0].id
                refreshed = await refresh(self.bpp, due[0], uow, now=now)
        except Exception:
            if contract_id is None:
                raise
            log.exception("contract.refresh_failed", contract=contract_id)
            await self._postpone(contract_id, until=now + self.retry_after)
            return True
        log.info("contract.refreshed", contract=contract_id, status=refreshed.status.value)
        return True

    async def _postpone(self, contract_id: str, *, until: datetime) -> None:
        async with self.uow_factory() as uow:
            await ContractStore(uow.connection).postpone(contract_id, until=until)
