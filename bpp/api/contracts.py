"""The operator's routes by which contracts are cancelled, changes proposed, and proposals answered."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response

from bpp.api.contract_forms import (
    CancelledView,
    ChangeForm,
    Proposals,
    ProposalView,
    WhyForm,
    view_cancelled,
    view_proposal,
)
from bpp.cascade.questions import QuestionStore
from bpp.changes.seller_changes import Operator, answer_as_seller, cancel_as_seller, propose_as_seller
from bpp.orders.naming import find_meant
from bpp.platform import Bpp
from kernel.clock import Clock
from node.app import JsonResponse
from node.callers import MayChangeContracts, MayReadContracts, Visitor
from node.documentation import refusals
from node.pages import Limit
from node.request_body import FormRoute
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.proposal import Answer, Proposal
from trading.proposals import ProposalStore
from trading.wheeling import Side

_AGAIN: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "The very same is proposed already."}}
_ASKED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "It is accepted, and put before the utilities of the trade."}
}
_REFUSED: Final = refusals(401, 404, 409, 413, 422, 503)
_CONTRACT: Final = "/contracts/{contract_id}"
_PROPOSAL: Final = f"{_CONTRACT}/proposals/{{proposal_id}}"


def contract_router(bpp: Bpp, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes by which a seller changes contracts."""
    router = APIRouter(
        prefix="/api/v1", tags=["contracts"], default_response_class=JsonResponse, route_class=FormRoute
    )
    _add_changes(router, bpp, uow_factory=uow_factory, clock=clock)
    _add_proposals(router, bpp, uow_factory=uow_factory, clock=clock)
    return router


def _by(caller: Visitor, form: WhyForm, clock: Clock) -> Operator:
    return Operator(actor=caller.actor, why=form.told, now=clock.now())


def _add_changes(router: APIRouter, bpp: Bpp, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.post(
        f"{_CONTRACT}/cancel",
        summary="Cancel an order, or a line of it, as its seller; its buyer is told and paid at once",
        responses=_REFUSED,
    )
    async def cancel(contract_id: str, caller: MayChangeContracts, form: WhyForm) -> CancelledView:
        async with uow_factory() as uow:
            return view_cancelled(await cancel_as_seller(bpp, contract_id, uow, by=_by(caller, form, clock)))

    @router.post(
        f"{_CONTRACT}/update",
        summary="Propose another quantity, window or price to a contract's buyer, who is told at once",
        status_code=201,
        responses=_AGAIN | _REFUSED,
    )
    async def propose(
        contract_id: str, caller: MayChangeContracts, form: ChangeForm, response: Response
    ) -> ProposalView:
        operator = _by(caller, form, clock)
        async with uow_factory() as uow:
            proposal, is_new = await propose_as_seller(bpp, contract_id, form.wish, uow, by=operator)
        if not is_new:
            response.status_code = 200
        return view_proposal(proposal)


def _add_proposals(router: APIRouter, bpp: Bpp, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    async def answer(contract_id: str, said: Answer, operator: Operator) -> ProposalView:
        async with uow_factory() as uow:
            return await _view(await answer_as_seller(bpp, contract_id, said, uow, by=operator), uow)

    @router.get(f"{_CONTRACT}/proposals", summary="What was proposed of a contract", responses=_REFUSED)
    async def list_of_contract(contract_id: str, _caller: MayReadContracts) -> Proposals:
        async with uow_factory() as uow:
            store, contracts = ProposalStore(uow.connection), await find_meant(contract_id, uow)
            found = [proposal for each in contracts for proposal in await store.find_all(each.id)]
            return await _view_all(found, uow)

    @router.get("/proposals", summary="What buyers propose and nobody answered yet", responses=_REFUSED)
    async def list_waiting(_caller: MayReadContracts, limit: Limit = 50) -> Proposals:
        async with uow_factory() as uow:
            found = await ProposalStore(uow.connection).find_waiting(Side.SELLER, limit=limit)
            return await _view_all(found, uow)

    @router.post(
        f"{_PROPOSAL}/accept",
        summary="Accept what a buyer proposes; the utilities of the trade have to let it pass",
        responses=_ASKED | _REFUSED,
    )
    async def accept(
        contract_id: str, proposal_id: str, caller: MayChangeContracts, form: WhyForm, response: Response
    ) -> ProposalView:
        said = Answer(proposal_id=proposal_id, accepts=True)
        view = await answer(contract_id, said, _by(caller, form, clock))
        response.status_code = 202 if view.asks else 200
        return view

    @router.post(f"{_PROPOSAL}/refuse", summary="Refuse what a buyer proposes", responses=_REFUSED)
    async def refuse(
        contract_id: str, proposal_id: str, caller: MayChangeContracts, form: WhyForm
    ) -> ProposalView:
        return await answer(
            contract_id, Answer(proposal_id=proposal_id, accepts=False), _by(caller, form, clock)
        )


async def _view(proposal: Proposal, uow: UnitOfWork) -> ProposalView:
    asked = await QuestionStore(uow.connection).still_asked([proposal.contract_id])
    return view_proposal(proposal, asked)


async def _view_all(found: list[Proposal], uow: UnitOfWork) -> Proposals:
    asked = await QuestionStore(uow.connection).still_asked({each.contract_id for each in found})
    return Proposals(proposals=[view_proposal(each, asked) for each in found])
