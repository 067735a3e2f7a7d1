"""What a seller's platform does by the clock, or when it is asked to: jobs on the database's queue.

Each may run twice, and on several processes at once. Contracts have a timer of their own and are no jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bpp.deliveries.upkeep import note_bills
from node.job_kind import JobKind
from protocol.signing import Signer
from settlement.ledger.sealing import seal_next_day
from storage.job_queue import Job, put_job
from storage.unit_of_work import UnitOfWorkFactory
from trading.contract import Contract
from trading.contracts import ContractStore

log = structlog.get_logger(__name__)

SEAL_LEDGER: Final = "ledger.seal"
SETTLE_AGAIN: Final = "contract.settle_again"

_EVERY_FIVE_MINUTES: Final = "2-57/5 * * * *"  # not at midnight, when clocks may differ on the day


def settle_again(contract_id: str) -> Job:
    """Return the job of looking at a contract anew: what its readings say by now counts."""
    return about_contract(contract_id, kind=SETTLE_AGAIN)


def has_account(contract: Contract) -> bool:
    """Say whether there is anything to settle: not if it was never confirmed, or ended before it began."""
    return contract.is_binding and (contract.ended_at is None or contract.ended_at > contract.window.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerJobs:
    """Does the jobs. `signer_at` gives the node's own key."""

    uow_factory: UnitOfWorkFactory
    signer_at: Callable[[datetime], Signer]

    @property
    def kinds(self) -> list[JobKind]:
        """What there is to do."""
        runs = {
            SEAL_LEDGER: (self.seal_day, _EVERY_FIVE_MINUTES),
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

    async def settle_again(self, arguments: Mapping[str, str], now: datetime) -> None:
        """Have a contract looked at now, also one that is finished; not one that can deliver nothing."""
        async with self.uow_factory() as uow:
            contract = await ContractStore(uow.connection).get(arguments["contract"], lock=True)
            if has_account(contract):
                await note_bills(uow, contracts=[contract.id], now=now)


def about_contract(contract_id: str, *, kind: str) -> Job:
    """Return a job that is about a contract, of which no two of a kind run at once."""
    return Job(kind=kind, about=f"{kind} {contract_id}", arguments={"contract": contract_id})
