"""The operator's and the auditor's route on what utilities say was delivered under a contract."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from bpp.cascade.allocation_account import AllocationAccount, read_allocation_accounts
from bpp.orders.naming import find_meant
from kernel.clock import format_instant
from kernel.energy import Energy
from node.app import JsonResponse
from node.callers import MayReadContracts
from node.documentation import refusals
from storage.unit_of_work import UnitOfWorkFactory
from trading.allocation_check import Comparison, Verdict


class ComparisonView(BaseModel):
    """What a utility says of a period in Wh, and our own meters; `difference_wh` is how much more it says.

    `consumed_wh` and `produced_wh` are what its whole meter counted, where it says so.
    """

    start: str
    end: str
    said_wh: int
    metered_wh: int | None
    difference_wh: int | None
    verdict: Verdict
    consumed_wh: int | None = None
    produced_wh: int | None = None


class AllocationsView(BaseModel):
    """What a utility said of a contract; `whole` is null where it says nothing of all that was delivered."""

    utility: str
    message_id: str
    said_at: str
    recorded_at: str
    differs: bool
    whole: ComparisonView | None
    periods: list[ComparisonView]


class ContractAllocations(BaseModel):
    """What utilities said was delivered under a contract, the newest first. No bill depends on it."""

    contract_id: str
    allocations: list[AllocationsView]


def allocation_router(*, uow_factory: UnitOfWorkFactory) -> APIRouter:
    """Return the route; it needs an API key."""
    router = APIRouter(prefix="/api/v1", tags=["contracts"], default_response_class=JsonResponse)

    @router.get(
        "/contracts/{contract_id}/allocations",
        summary="What utilities say was delivered under a contract, beside what its meters say",
        responses=refusals(401, 404, 422, 503),
    )
    async def list_allocations(
        contract_id: str, _caller: MayReadContracts, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> ContractAllocations:
        async with uow_factory() as uow:
            contracts = await find_meant(contract_id, uow)
            found = [
                account
                for each in contracts
                for account in await read_allocation_accounts(each, uow, limit=limit)
            ]
        return ContractAllocations(contract_id=contracts[0].id, allocations=[_view(each) for each in found])

    return router


def _view(account: AllocationAccount) -> AllocationsView:
    said, whole = account.said, account.whole
    compared = [*account.periods, *([whole] if whole else [])]
    return AllocationsView(
        utility=said.utility_id,
        message_id=said.message_id,
        said_at=format_instant(said.told.said_at),
        recorded_at=format_instant(said.recorded_at),
        differs=any(each.verdict is Verdict.DIFFERS for each in compared),
        whole=None if whole is None else _compared(whole),
        periods=[_compared(each) for each in account.periods],
    )


def _compared(each: Comparison) -> ComparisonView:
    told = each.allocation
    return ComparisonView(
        start=format_instant(each.period.start),
        end=format_instant(each.period.end),
        said_wh=each.said.watt_hours,
        metered_wh=_wh(each.metered),
        difference_wh=_wh(each.difference),
        verdict=each.verdict,
        consumed_wh=_wh(told.consumed if told else None),
        produced_wh=_wh(told.produced if told else None),
    )


def _wh(energy: Energy | None) -> int | None:
    return None if energy is None else energy.watt_hours
