"""Keeping contracts up to date: readings settle them, time closes them, buyers are told.

A contract carries one durable timer, `refresh_at`. Each contract that is due is looked at in a
transaction of its own, which holds its new state, what was settled, and the message to the buyer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bpp.accounts.account import settle_all
from bpp.accounts.known import Known, read_known
from bpp.charging.sessions import is_settled_later, look_at_session
from bpp.deliveries.news import put_news_of_all
from bpp.orders.prepaid import end_advance
from bpp.orders.proposals import lapse_open, looked_at_by
from bpp.orders.telling import Statement, state_all
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
from trading.proposal import Proposal
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A contract as it was brought up to date: by what, and what became of its open proposal."""

    contract: Contract
    event: ContractEvent | None = None
    proposal: Proposal | None = None

    @property
    def has_lapsed(self) -> bool:
        """Whether a proposal has lapsed by that."""
        return self.proposal is not None and not self.proposal.is_open


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What a buyer does not know of a contract yet; it waits `until`, or is told now."""

    look: _Look
    statement: Statement
    until: datetime | None


async def refresh(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime) -> Contract:
    """Bring a locked contract up to date, and tell the buyer if anything changed."""
    [refreshed] = await refresh_all(bpp, [contract], uow, now=now)
    return refreshed


async def refresh_all(
    bpp: Bpp, contracts: Sequence[Contract], uow: UnitOfWork, *, now: datetime
) -> list[Contract]:
    """Bring locked contracts of one order up to date; tell the buyer of all that changed in one message."""
    looks, settled_now = [], []
    for each in contracts:
        contract, session = await look_at_session(bpp, each, uow, now=now)
        looks.append(_Look(contract=contract, proposal=await lapse_open(contract, uow, now=now)))
        if contract.is_binding and not is_settled_later(contract, session):
            settled_now.append(contract)
    known = {each.id: await read_known(each, uow) for each in settled_now}
    found = await settle_all(settled_now, uow, bpp=bpp, now=now, known=known)
    outcomes = {each.id: outcome for each, outcome in zip(settled_now, found, strict=True)}
    await Stock(uow.connection).lock(
        {each.contract.resource_id for each in looks if not each.contract.is_binding}
    )
    moved = [await _move(bpp, look, outcomes.get(look.contract.id), uow, now=now) for look in looks]
    return await _tell(bpp, moved, uow, now=now, known=known)


async def _move(
    bpp: Bpp, look: _Look, outcome: SettlementOutcome | None, uow: UnitOfWork, *, now: datetime
) -> _Look:
    """Return a contract as its settlement leaves it; one that nobody confirmed in time, as ended."""
    contract, event = look.contract, look.event
    if outcome is not None:
        if outcome.is_final:
            await end_advance(contract, uow, seller=bpp.subscriber_id, now=now)
        contract, event = _after(contract, outcome, now=now, deadline=bpp.collection_deadline)
    elif not contract.is_binding:
        contract, event = await _lapse(contract, uow, now=now)
    if look.proposal is not None and look.proposal.is_open:
        contract = looked_at_by(contract, look.proposal)
    return replace(look, contract=contract, event=event)


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
    bpp: Bpp, looks: Sequence[_Look], uow: UnitOfWork, *, now: datetime, known: Mapping[str, Known]
) -> list[Contract]:
    """Save the contracts; put one unsolicited message for their buyer if they say anything new.

    News that has to wait is told when the contract is looked at again, which is then when the wait is
    over at the latest. Of a contract that was never confirmed nothing may be told unasked (NFH-007).
    """
    store, contracts = ContractStore(uow.connection), [look.contract for look in looks]
    statements = await state_all(contracts, uow, now=now, known=known)
    news = [
        _News(look=look, statement=statement, until=_waits_until(bpp, look.contract, statement, now=now))
        for look, statement in zip(looks, statements, strict=True)
        if look.contract.is_binding and statement.reported != look.contract.reported
    ]
    saved = {each.id: each for each in contracts}
    saved |= {each.id: each for each in await _put(bpp, news, uow, now=now)}
    for look in looks:
        contract = saved[look.contract.id]
        await store.save(contract)
        if look.event is not None:
            entry = HistoryEntry(at=now, actor=bpp.subscriber_id, event=look.event, status=contract.status)
            await store.note(contract, entry)
    return [saved[each.id] for each in contracts]


async def _put(bpp: Bpp, news: Sequence[_News], uow: UnitOfWork, *, now: datetime) -> list[Contract]:
    """Put a message with all of the news if any of it is to be told now; else have the contracts wait."""
    if all(each.until is not None for each in news):
        return [_look_again(each.look.contract, by=each.until) for each in news if each.until is not None]
    return await put_news_of_all(
        bpp,
        [each.look.contract for each in news],
        uow,
        action=Action.ON_UPDATE if any(each.look.has_lapsed for each in news) else Action.ON_STATUS,
        now=now,
        statements=[each.statement for each in news],
    )


def _waits_until(bpp: Bpp, contract: Contract, statement: Statement, *, now: datetime) -> datetime | None:
    return waits_until(contract, standing=statement.standing, interval=bpp.status_interval, now=now)


def _look_again(contract: Contract, *, by: datetime) -> Contract:
    due = by if contract.refresh_at is None else min(contract.refresh_at, by)
    return replace(contract, refresh_at=due)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDesk:
    """Looks after all contracts; `step` is what a worker runs again and again.

    Lines of one order that are due at the same time are looked at together, so that their buyer is told once.
    A contract that cannot be brought up to date is left alone for `retry_after`; the others go on.
    """

    bpp: Bpp
    uow_factory: UnitOfWorkFactory
    clock: Clock
    retry_after: timedelta = timedelta(seconds=30)

    async def step(self) -> bool:
        """Look at one contract that is due, or at lines of one order; say whether there was any."""
        now = self.clock.now()
        due: list[Contract] = []
        try:
            async with self.uow_factory() as uow:
                due += await self._find_due(uow, now=now)
                refreshed = await refresh_all(self.bpp, due, uow, now=now) if due else []
        except Exception:
            if not due:
                raise
            if len(due) == 1:
                log.exception("contract.refresh_failed", contract=due[0].id)
                await self._postpone(due[0].id, until=now + self.retry_after)
            else:
                log.warning("contract.refreshed_apart", contracts=[each.id for each in due], exc_info=True)
                await self._look_at_each(due, now=now)
            return True
        for each in refreshed:
            log.info("contract.refreshed", contract=each.id, status=each.status.value)
        return bool(due)

    async def _look_at_each(self, due: Sequence[Contract], *, now: datetime) -> None:
        """Look at each of several contracts by itself: one that fails is no reason to leave the others."""
        for each in due:
            try:
                async with self.uow_factory() as uow:
                    contract = await ContractStore(uow.connection).get(each.id, lock=True)
                    if contract.refresh_at is not None and contract.refresh_at <= now:
                        await refresh(self.bpp, contract, uow, now=now)
            except Exception:
                log.exception("contract.refresh_failed", contract=each.id)
                await self._postpone(each.id, until=now + self.retry_after)

    async def _find_due(self, uow: UnitOfWork, *, now: datetime) -> list[Contract]:
        """Return the contract that is due the longest, and hold it; with it other lines of its order."""
        store = ContractStore(uow.connection)
        due = await store.find_due(now=now)
        return [*due, *(await store.find_due_beside(due[0], now=now) if due else [])]

    async def _postpone(self, contract_id: str, *, until: datetime) -> None:
        async with self.uow_factory() as uow:
            await ContractStore(uow.connection).postpone(contract_id, until=until)
