"""What a seller's platform does by the clock, or when it is asked to: jobs on the database's queue.

Each may run twice, and on several processes at once. Contracts have a timer of their own and are no jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bpp.deliveries import note_bills
from node.job_kind import JobKind
from protocol.signing import Signer
from settlement.bills import BillEvent
from settlement.ledger.sealing import seal_next_day
from settlement.payments.collecting import list_collectable, take_steps
from settlement.payments.dunning import CollectionTerms
from storage.job_queue import Job, put_job
from storage.unit_of_work import UnitOfWorkFactory
from trading.contract import Contract
from trading.contracts import ContractStore

log = structlog.get_logger(__name__)

SEAL_LEDGER: Final = "ledger.seal"
COLLECT_BILLS: Final = "bills.collect"
COLLECT_OF_CONTRACT: Final = "bills.collect_of_contract"
SETTLE_AGAIN: Final = "contract.settle_again"

_EVERY_FIVE_MINUTES: Final = "2-57/5 * * * *"  # not at midnight, when clocks may differ on the day
_EVERY_QUARTER_HOUR: Final = "*/15 * * * *"  # where days begin: at every quarter hour of UTC, in some zone


def settle_again(contract_id: str) -> Job:
    """Return the job of looking at a contract anew: what its readings say by now counts."""
    return _about(contract_id, kind=SETTLE_AGAIN)


def has_account(contract: Contract) -> bool:
    """Say whether there is anything to settle: not if it was never confirmed, or ended before it began."""
    return contract.is_binding and (contract.ended_at is None or contract.ended_at > contract.window.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerJobs:
    """Does the jobs. `signer_at` gives the node's own key; `terms` say when a bill is to be paid."""

    uow_factory: UnitOfWorkFactory
    signer_at: Callable[[datetime], Signer]
    terms: CollectionTerms

    @property
    def kinds(self) -> list[JobKind]:
        """What there is to do."""
        runs = {
            SEAL_LEDGER: (self.seal_day, _EVERY_FIVE_MINUTES),
            COLLECT_BILLS: (self.collect, _EVERY_QUARTER_HOUR),
            COLLECT_OF_CONTRACT: (self.collect_of_contract, None),
            SETTLE_AGAIN: (self.settle_again, None),
        }
        return [JobKind(name=name, run=run, every=every) for name, (run, every) in runs.items()]

    async def seal_day(self, _arguments: Mapping[str, str], now: datetime) -> None:
        """Seal the first day of the ledger that is over and has no seal; if there was one, go on."""
        async with self.uow_factory() as uow:
            seal = await seal_next_day(uow=uow, signer=self.signer_at(now), now=now)
            if seal is None:
                return
            day = seal.summary.day
            await put_job(uow, Job(kind=SEAL_LEDGER, about=f"{SEAL_LEDGER} after {day}"))
        log.info("ledger.sealed", day=str(day), entries=seal.summary.entries)

    async def collect(self, _arguments: Mapping[str, str], now: datetime) -> None:
        """Put a job for each contract of which a bill needs a reminder, is overdue, or overdue for longer."""
        async with self.uow_factory() as uow:
            for contract_id in await list_collectable(terms=self.terms, uow=uow, now=now):
                await put_job(uow, _about(contract_id, kind=COLLECT_OF_CONTRACT))

    async def collect_of_contract(self, arguments: Mapping[str, str], now: datetime) -> None:
        """Take the next step with every bill of a contract that needs one; its buyer is told of a status."""
        async with self.uow_factory() as uow:
            contract = await ContractStore(uow.connection).get(arguments["contract"], lock=True)
            taken = await take_steps(contract.id, self.terms, uow=uow, now=now)
            if any(each.step is BillEvent.FELL_DUE for each in taken):
                await note_bills(uow, contracts=[contract.id], now=now)
        for each in taken:
            log.info("bill.collected", contract=contract.id, bill=each.bill_id, step=each.step.value)

    async def settle_again(self, arguments: Mapping[str, str], now: datetime) -> None:
        """Have a contract looked at now, also one that is finished; not one that can deliver nothing."""
        async with self.uow_factory() as uow:
            contract = await ContractStore(uow.connection).get(arguments["contract"], lock=True)
            if has_account(contract):
                await note_bills(uow, contracts=[contract.id], now=now)


def _about(contract_id: str, *, kind: str) -> Job:
    return Job(kind=kind, about=f"{kind} {contract_id}", arguments={"contract": contract_id})
