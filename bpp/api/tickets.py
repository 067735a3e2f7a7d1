"""The operator's routes on tickets of support: what buyers ask about, and answering it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from bpp.customer_care.tickets import Ticket, TicketAnswer, TicketStore
from kernel.clock import Clock, format_instant
from node.app import JsonResponse
from node.audit import record_act
from node.callers import MayChangeContracts, MayReadContracts
from node.documentation import refusals
from node.pages import Skip
from node.request_body import FormRoute
from storage.unit_of_work import UnitOfWorkFactory

_REFUSED: Final = refusals(401, 404, 409, 413, 422, 503)
Words = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]


class AnswerForm(BaseModel):
    """What is said about a ticket; `closes` if that is all."""

    model_config = ConfigDict(extra="forbid")

    words: Words
    closes: bool = False


class TicketAnswerView(BaseModel):
    """Something that was said about a ticket."""

    who: str
    words: str
    answered_at: str


class TicketView(BaseModel):
    """What a buyer's platform asked about, and what was said; OPEN, ANSWERED or CLOSED."""

    id: str
    status: str
    buyer_platform: str
    about: str
    target_id: str
    contract_id: str | None
    channels: list[str]
    opened_at: str
    asked_at: str
    closed_at: str | None
    answers: list[TicketAnswerView]


class Tickets(BaseModel):
    """Tickets, the newest first."""

    tickets: list[TicketView]


def ticket_router(*, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes on tickets."""
    router = APIRouter(
        prefix="/api/v1/tickets", tags=["tickets"], default_response_class=JsonResponse, route_class=FormRoute
    )

    @router.get("", summary="What buyers asked support about, the newest first", responses=_REFUSED)
    async def list_tickets(
        _caller: MayReadContracts,
        is_open: Annotated[bool | None, Query(description="Only open ones, or only closed ones.")] = None,
        skip: Skip = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> Tickets:
        async with uow_factory() as uow:
            page = await TicketStore(uow.connection).find_page(is_open=is_open, skip=skip, limit=limit)
        return Tickets(tickets=[_view(ticket) for ticket in page])

    @router.get("/{ticket_id}", summary="A ticket with what was said about it", responses=_REFUSED)
    async def get_ticket(ticket_id: str, _caller: MayReadContracts) -> TicketView:
        async with uow_factory() as uow:
            return _view(await TicketStore(uow.connection).get(ticket_id))

    @router.post("/{ticket_id}/answers", summary="Answer a ticket, and close it", responses=_REFUSED)
    async def answer(ticket_id: str, caller: MayChangeContracts, form: AnswerForm) -> TicketView:
        now = clock.now()
        said = TicketAnswer(who=caller.actor.who, words=form.words, answered_at=now)
        async with uow_factory() as uow:
            ticket = await TicketStore(uow.connection).answer(ticket_id, said, closes=form.closes)
            act = caller.actor.act("ticket.answered", ticket.id, after={"status": ticket.status})
            await record_act(uow, act, now=now)
        return _view(ticket)

    return router


def _view(ticket: Ticket) -> TicketView:
    return TicketView(
        id=ticket.id,
        status=ticket.status,
        buyer_platform=ticket.bap_id,
        about=ticket.category,
        target_id=ticket.target_id,
        contract_id=ticket.contract_id,
        channels=list(ticket.channels),
        opened_at=format_instant(ticket.opened_at),
        asked_at=format_instant(ticket.asked_at),
        closed_at=None if ticket.closed_at is None else format_instant(ticket.closed_at),
        answers=[
            TicketAnswerView(who=said.who, words=said.words, answered_at=format_instant(said.answered_at))
            for said in ticket.answers
        ],
    )
