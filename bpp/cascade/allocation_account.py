"""What utilities say was delivered under a contract, beside what its own meters say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bpp.accounts.known import Known, read_known
from kernel.energy import Energy
from settlement.quantities import delivered_by
from storage.unit_of_work import UnitOfWork
from trading.allocation_check import Comparison, compare, instants_of
from trading.allocations import AllocationStore, RecordedAllocations
from trading.contract import Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationAccount:
    """What a utility said, and how that compares now: in all, if it says that, and by its periods."""

    said: RecordedAllocations
    whole: Comparison | None
    periods: tuple[Comparison, ...]


async def read_allocation_accounts(
    contract: Contract, uow: UnitOfWork, *, limit: int
) -> list[AllocationAccount]:
    """Return what utilities said of a contract, the newest first, as it compares by now."""
    found = await AllocationStore(uow.connection).find_newest(contract.id, limit=limit)
    if not found:
        return []
    known = await read_known(contract, uow)
    return [_account(contract, said, known) for said in found]


def _account(contract: Contract, said: RecordedAllocations, known: Known) -> AllocationAccount:
    whole, periods = compare(said.told, contract.window, metered=_metered(contract, said, known))
    return AllocationAccount(said=said, whole=whole, periods=periods)


def _metered(contract: Contract, said: RecordedAllocations, known: Known) -> dict[datetime, Energy] | None:
    """Return what our meters say was delivered by each instant that the utility speaks of."""
    meters = known.meters
    if not meters.counted.have_reported:
        return None
    instants = instants_of(said.told, contract.window)
    delivered = delivered_by(
        known.agreement(contract),
        exported=meters.left.exported,
        imported=meters.left.imported,
        instants=instants,
    )
    return dict(zip(instants, delivered, strict=True))
