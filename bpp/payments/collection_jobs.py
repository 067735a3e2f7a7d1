"""Following up bills that are not paid, by jobs: for a platform that hears of payments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bpp.deliveries.jobs import about_contract
from bpp.deliveries.upkeep import note_bills
from node.job_kind import JobKind
from settlement.bills import BillEvent
from settlement.payments.collecting import list_collectable, take_steps
from settlement.payments.dunning import CollectionTerms
from storage.job_queue import put_job
from storage.unit_of_work import UnitOfWorkFactory
from trading.contracts import ContractStore

log = structlog.get_logger(__name__)

COLLECT_BILLS: Final = "bills.collect"
COLLECT_OF_CONTRACT: Final = "bills.collect_of_contract"

_EVERY_QUARTER_HOUR: Final = "*/15 * * * *"  # where days begin: at every quarter hour of UTC, in some zone


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionJobs:
    """Does the jobs. `terms` say when a bill is to be paid, and what follows if it is not."""

    uow_factory: UnitOfWorkFactory
    terms: CollectionTerms

    @property
    def kinds(self) -> list[JobKind]:
        """What there is to do."""
        return [
            JobKind(name=COLLECT_BILLS, run=self.collect, every=_EVERY_QUARTER_HOUR),
            JobKind(name=COLLECT_OF_CONTRACT, run=self.collect_of_contract),
        ]

    async def collect(self, _arguments: Mapping[str, str], now: datetime) -> None:
        """Put a job for each contract of which a bill needs a reminder, is overdue, or overdue for longer."""
        async with self.uow_factory() as uow:
            for contract_id in await list_collectable(terms=self.terms, uow=uow, now=now):
                await put_job(uow, about_contract(contract_id, kind=COLLECT_OF_CONTRACT))

    async def collect_of_contract(self, arguments: Mapping[str, str], now: datetime) -> None:
        """Take the next step with every bill of a contract that needs one; its buyer is told of a status."""
        async with self.uow_factory() as uow:
            contract = await ContractStore(uow.connection).get(arguments["contract"], lock=True)
            taken = await take_steps(contract.id, self.terms, uow=uow, now=now)
            if any(each.step is BillEvent.FELL_DUE for each in taken):
                await note_bills(uow, contracts=[contract.id], now=now)
        for each in taken:
            log.info("bill.collected", contract=contract.id, bill=each.bill_id, step=each.step.value)
