"""The operator's routes on curtailments: saying that one happened, and reading what was said."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bpp.api.meter_views import Reason
from bpp.cascade.cut_notices import tell_of_cut
from bpp.deliveries.curtailment import curtail_contract
from bpp.orders.naming import find_meant, get_meant_line
from bpp.platform import Bpp
from kernel.clock import Clock, format_instant
from kernel.energy import Energy
from node.app import JsonResponse
from node.callers import MayCurtail, MayReadContracts
from node.documentation import refusals
from node.request_body import FormRoute
from storage.unit_of_work import UnitOfWorkFactory
from trading.contract import Contract
from trading.curtailment import Curtailment
from trading.curtailments import CurtailmentStore, RecordedCurtailment
from trading.delivery import CurtailmentReason, Cut

_MOST_WATT_HOURS: Final = 2**63 - 1
_AGAIN: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "The very same was said before."}}


class CurtailmentForm(BaseModel):
    """What is cut from a contract in all, from `since` on."""

    model_config = ConfigDict(extra="forbid")

    watt_hours: int = Field(
        ge=-_MOST_WATT_HOURS, le=_MOST_WATT_HOURS, description="What is cut, of the contracted quantity."
    )
    reason: CurtailmentReason
    since: AwareDatetime
    why: Reason

    @property
    def curtailment(self) -> Curtailment:
        """Return what is said, as the domain has it."""
        return Curtailment(cut=Cut(quantity=Energy(self.watt_hours), reason=self.reason), since=self.since)


class CurtailmentView(BaseModel):
    """A curtailment with who said so; `left_watt_hours` is the most that can be delivered and billed."""

    contract_id: str
    watt_hours: int
    left_watt_hours: int
    reason: CurtailmentReason
    since: str
    who: str
    why: str
    recorded_at: str


class Curtailments(BaseModel):
    """What was ever cut from a contract, or from each line of an order, in order of time; the last holds."""

    curtailments: list[CurtailmentView]


def curtailment_router(bpp: Bpp, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes on what is cut from contracts."""
    router = APIRouter(
        prefix="/api/v1", tags=["contracts"], default_response_class=JsonResponse, route_class=FormRoute
    )

    @router.post(
        "/contracts/{contract_id}/curtailments",
        summary="Say that a contract was curtailed; its buyer and its utilities are told at once",
        status_code=201,
        responses=_AGAIN | refusals(401, 404, 409, 413, 422, 503),
    )
    async def curtail(
        contract_id: str, caller: MayCurtail, form: CurtailmentForm, response: Response
    ) -> CurtailmentView:
        now = clock.now()
        async with uow_factory() as uow:
            line = await get_meant_line(contract_id, uow)
            done = await curtail_contract(
                bpp, line.id, form.curtailment, uow, by=caller.actor, why=form.why, now=now
            )
            if done.is_new:
                await tell_of_cut(bpp, done.contract, uow, now=now)
        if not done.is_new:
            response.status_code = 200
        return _view(done.contract, done.said)

    @router.get(
        "/contracts/{contract_id}/curtailments",
        summary="What was cut from a contract",
        responses=refusals(401, 404, 422, 503),
    )
    async def list_curtailments(contract_id: str, _caller: MayReadContracts) -> Curtailments:
        async with uow_factory() as uow:
            store = CurtailmentStore(uow.connection)
            found = [
                _view(each, said)
                for each in await find_meant(contract_id, uow)
                for said in await store.find_all(each.id)
            ]
        return Curtailments(curtailments=found)

    return router


def _view(contract: Contract, said: RecordedCurtailment) -> CurtailmentView:
    cut = said.curtailment.cut
    return CurtailmentView(
        contract_id=contract.id,
        watt_hours=cut.quantity.watt_hours,
        left_watt_hours=(contract.quantity - cut.quantity).watt_hours,
        reason=cut.reason,
        since=format_instant(said.curtailment.since),
        who=said.who,
        why=said.why,
        recorded_at=format_instant(said.recorded_at),
    )
