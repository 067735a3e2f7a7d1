"""Telling the back office what happened to orders, each event until it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from bpp.deliveries.curtailment import EVENT as CURTAILED
from bpp.provider.office import Lane, Office
from bpp.provider.order import terms_of_contract
from bpp.provider.port import Correction, Event, IssuedBill, Kind
from kernel.clock import Clock
from settlement.correcting import find_corrections
from settlement.store import find_bills
from storage.backoff import Backoff
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.contract_news import BILL_CORRECTED, BILL_ISSUED, BILL_PAID, ClaimedNews, News, NewsStore
from trading.contracts import ContractStore
from trading.lifecycle import ContractEvent

log = structlog.get_logger(__name__)

FOLLOWER: Final = "provider"
"""Under this name the back office follows contracts."""

KINDS: Final[Mapping[str, Kind]] = {
    "INIT": Kind.HELD,
    ContractEvent.CONFIRM: Kind.CONFIRMED,
    "PROPOSE": Kind.CHANGE_PROPOSED,
    "UPDATE": Kind.CHANGED,
    CURTAILED: Kind.CHANGED,
    "SESSION_START": Kind.CHANGED,
    "SESSION_STOP": Kind.CHANGED,
    ContractEvent.CANCEL: Kind.CANCELLED,
    ContractEvent.EXPIRE: Kind.EXPIRED,
    ContractEvent.FAIL: Kind.FAILED,
    BILL_ISSUED: Kind.BILLED,
    BILL_PAID: Kind.PAID,
    BILL_CORRECTED: Kind.CORRECTED,
    ContractEvent.COMPLETE: Kind.COMPLETED,
}
"""What the back office is told of; what else a contract's history holds is the network's affair."""

_LEASE: Final = timedelta(minutes=1)
"""Longer than a back office may take for an event."""

BACKOFF: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Tells the back office of a lane what happened, in order; `step` is what a worker runs again and again.

    Who does not take an event is told again after a while, until it is `ttl` old. Nothing is tried while
    the back office is left alone.
    """

    lane: Lane
    uow_factory: UnitOfWorkFactory
    clock: Clock
    ttl: timedelta

    async def step(self) -> bool:
        """Tell what is due for the longest; say whether there was anything."""
        now, office = self.clock.now(), self.lane.office
        if office is not None and await office.event_breaker.rests(now):
            return False
        async with self.uow_factory() as uow:
            store = NewsStore(uow.connection)
            claimed = await store.claim(now=now, lease=_LEASE, of=self.lane.providers)
            if claimed is None:
                return False
            if office is None or claimed.news.event not in KINDS:
                await store.drop(claimed)
                return True
            if now >= claimed.news.at + self.ttl:
                log.error("provider.not_told", event_id=claimed.id, contract=claimed.news.contract_id)
                await store.drop(claimed)
                return True
            event = await _event(claimed, uow)
        await self._record(claimed, office, await office.tell(event))
        return True

    async def _record(self, claimed: ClaimedNews, office: Office, trouble: str | None) -> None:
        now = self.clock.now()
        async with self.uow_factory() as uow:
            store = NewsStore(uow.connection)
            if trouble is None:
                await store.drop(claimed)
            else:
                await store.put_off(claimed, until=now + BACKOFF.after(claimed.tries))
        log.info(
            "provider.told", office=office.name, event_id=claimed.id, attempt=claimed.tries, trouble=trouble
        )


async def _event(claimed: ClaimedNews, uow: UnitOfWork) -> Event:
    news = claimed.news
    contract = await ContractStore(uow.connection).get(news.contract_id)
    return Event(
        id=claimed.id,
        kind=KINDS[news.event],
        at=news.at,
        order_id=contract.id,
        status=news.status.value,
        terms=terms_of_contract(contract),
        reason=news.reason,
        bill=await _bill(news, uow),
        correction=await _correction(news, uow),
    )


async def _bill(news: News, uow: UnitOfWork) -> IssuedBill | None:
    if news.bill is None:
        return None
    bills = {bill.cycle_id: bill for bill in await find_bills(news.contract_id, uow=uow)}
    bill = bills[news.bill]
    return IssuedBill(id=bill.cycle_id, period=bill.period, total=bill.total)


async def _correction(news: News, uow: UnitOfWork) -> Correction | None:
    if news.correction is None:
        return None
    found = {note.run: note for note in await find_corrections(news.contract_id, uow=uow, bill_id=news.bill)}
    note = found[news.correction]
    return Correction(run=note.run, kind=note.kind.value, amount=note.amount)
