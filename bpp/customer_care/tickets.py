"""Tickets of support in PostgreSQL, within one transaction: what buyers asked, and what they were told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.tables import ticket_answers, tickets
from kernel.clock import utc
from kernel.errors import NodeError
from trading.request import Inquiry


class TicketNotFound(NodeError):
    """There is no such ticket."""

    code, http_status, retryable = "BIZ_ORDER_NOT_FOUND", 404, False


class TicketClosed(NodeError):
    """Nothing more is said about the ticket; who asks again opens another."""

    code, http_status, retryable = "TICKET_CLOSED", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAnswer:
    """What somebody said about a ticket."""

    who: str
    words: str
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a buyer's platform asked about; `channels` are those by which it was told to reach us."""

    id: str
    bap_id: str
    category: str
    target_id: str
    contract_id: str | None
    channels: tuple[str, ...]
    opened_at: datetime
    asked_at: datetime
    closed_at: datetime | None = None
    answers: tuple[TicketAnswer, ...] = ()

    @property
    def status(self) -> str:
        """How far it has come."""
        if self.closed_at is not None:
            return "CLOSED"
        return "ANSWERED" if self.answers else "OPEN"


class TicketStore:
    """The tickets within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(
        self,
        inquiry: Inquiry,
        *,
        bap_id: str,
        new_id: str,
        contract_id: str | None,
        channels: Sequence[str],
        now: datetime,
    ) -> Ticket:
        """Return the sender's open ticket about that, which is a new one if it had none."""
        query = (
            select(tickets)
            .where(
                tickets.c.bap_id == bap_id,
                tickets.c.category == inquiry.category,
                tickets.c.target_id == inquiry.target_id,
                tickets.c.closed_at.is_(None),
            )
            .with_for_update()
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is not None:
            asked = update(tickets).where(tickets.c.id == row.id).values(asked_at=now)
            await self._connection.execute(asked)
            return await self.get(row.id)
        await self._connection.execute(
            insert(tickets).values(
                id=new_id,
                bap_id=bap_id,
                category=inquiry.category,
                target_id=inquiry.target_id,
                contract_id=contract_id,
                channels=",".join(channels),
                opened_at=now,
                asked_at=now,
            )
        )
        return await self.get(new_id)

    async def get(self, ticket_id: str, *, lock: bool = False) -> Ticket:
        """Return a ticket with its answers. Raises: TicketNotFound."""
        query = select(tickets).where(tickets.c.id == (ticket_id if ticket_id.isprintable() else ""))
        found = await self._connection.execute(query.with_for_update() if lock else query)
        row = found.one_or_none()
        if row is None:
            raise TicketNotFound(f"there is no ticket {ticket_id[:64]}")
        said = await self._connection.execute(
            select(ticket_answers)
            .where(ticket_answers.c.ticket_id == ticket_id)
            .order_by(ticket_answers.c.number)
        )
        return _ticket(row, said.all())

    async def find_page(self, *, is_open: bool | None, skip: int, limit: int) -> list[Ticket]:
        """Return tickets, the newest first; only those that are open, or closed, if that is said."""
        query = select(tickets.c.id).order_by(tickets.c.opened_at.desc(), tickets.c.id)
        if is_open is not None:
            query = query.where(
                tickets.c.closed_at.is_(None) if is_open else tickets.c.closed_at.is_not(None)
            )
        ids = (await self._connection.execute(query.offset(skip).limit(limit))).scalars().all()
        return [await self.get(ticket_id) for ticket_id in ids]

    async def answer(self, ticket_id: str, said: TicketAnswer, *, closes: bool) -> Ticket:
        """Keep what is said about a ticket, and close it if that is all.

        Raises: TicketNotFound, TicketClosed.
        """
        ticket = await self.get(ticket_id, lock=True)
        if ticket.closed_at is not None:
            raise TicketClosed(f"the ticket {ticket.id} is closed")
        await self._connection.execute(
            insert(ticket_answers).values(
                ticket_id=ticket.id, who=said.who, words=said.words, answered_at=said.answered_at
            )
        )
        if closes:
            closed = update(tickets).where(tickets.c.id == ticket.id).values(closed_at=said.answered_at)
            await self._connection.execute(closed)
        return await self.get(ticket.id)


def _ticket(row: Row[Any], said: Sequence[Row[Any]]) -> Ticket:
    return Ticket(
        id=row.id,
        bap_id=row.bap_id,
        category=row.category,
        target_id=row.target_id,
        contract_id=row.contract_id,
        channels=tuple(name for name in row.channels.split(",") if name),
        opened_at=utc(row.opened_at),
        asked_at=utc(row.asked_at),
        closed_at=None if row.closed_at is None else utc(row.closed_at),
        answers=tuple(
            TicketAnswer(who=each.who, words=each.words, answered_at=utc(each.answered_at)) for each in said
        ),
    )
