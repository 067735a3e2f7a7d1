"""The sandbox rail of a node with several processes: what it is told and what it did is in the database.

It says everything as its answer, and once more by a job that takes the place of its webhook: at once,
twice, or late, as it is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from kernel.clock import Clock, format_instant
from settlement.payments.ports import RailNotice, RailOrder, RailUnreachable
from settlement.payments.sandbox_rail import Behaviour, carry_out, event_of
from settlement.payments.states import PaymentStatus
from settlement.payments.tables import sandbox_behaviours, sandbox_orders
from storage.job_queue import Job, put_job
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

SANDBOX: Final = "sandbox"
"""The rail's name."""
SANDBOX_SAYS: Final = "payments.sandbox_says"
"""The kind of the jobs that stand for its webhooks; their arguments are event_id, payment, status, at."""
LATE: Final = timedelta(minutes=1)
"""By how much a webhook is delayed."""


class KeptSandbox:
    """Does orders as it is told beforehand, whichever process told it; without being told, each succeeds."""

    def __init__(self, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow_factory = uow_factory
        self._clock = clock

    async def find(self, order_id: UUID) -> RailNotice | None:
        async with self._uow_factory() as uow:
            return await _find(order_id, uow=uow)

    async def ask(self, order: RailOrder) -> RailNotice:
        async with self._uow_factory() as uow:
            behaviour = await _next_behaviour(uow=uow)
        if behaviour is Behaviour.UNREACHABLE:
            raise RailUnreachable("the sandbox was told not to be reached")
        async with self._uow_factory() as uow:
            notice = await self._do(order, behaviour, uow=uow)
        if behaviour is Behaviour.LOSE_ANSWER:
            raise RailUnreachable("the sandbox was told to lose its answer")
        return notice

    async def _do(self, order: RailOrder, behaviour: Behaviour, *, uow: UnitOfWork) -> RailNotice:
        if (done := await _find(order.id, uow=uow)) is not None:
            return done
        now = self._clock.now()
        row = {
            "id": order.id,
            "payment": order.payment,
            "status": carry_out(order, behaviour),
            "at": now,
        }
        await uow.connection.execute(upsert(sandbox_orders).values(row).on_conflict_do_nothing())
        query = select(sandbox_orders).where(sandbox_orders.c.id == order.id)
        notice = _notice((await uow.connection.execute(query)).one())
        due = now + LATE if behaviour is Behaviour.DELAY else now
        for copy in range(2 if behaviour is Behaviour.REPEAT else 1):
            await _send(notice, copy=copy, due=due, uow=uow)
        return notice


async def tell_sandbox(behaviour: Behaviour, *, uow: UnitOfWork) -> None:
    """Have the sandbox treat an order like that, after those that it was told of before."""
    await uow.connection.execute(insert(sandbox_behaviours).values(behaviour=behaviour))


async def have_sandbox_say(
    payment: UUID, status: PaymentStatus, *, uow: UnitOfWork, now: datetime
) -> RailNotice:
    """Have the sandbox say that of a payment by itself, like that it was charged back."""
    notice = RailNotice(event_id=event_of(payment, status), payment=payment, status=status, at=now)
    await _send(notice, copy=0, due=now, uow=uow)
    return notice


async def _next_behaviour(*, uow: UnitOfWork) -> Behaviour:
    table = sandbox_behaviours
    first = select(table.c.number).order_by(table.c.number).limit(1).with_for_update(skip_locked=True)
    taken = delete(table).where(table.c.number.in_(first.scalar_subquery())).returning(table.c.behaviour)
    found = (await uow.connection.execute(taken)).scalar_one_or_none()
    return Behaviour.SUCCEED if found is None else Behaviour(found)


async def _find(order_id: UUID, *, uow: UnitOfWork) -> RailNotice | None:
    query = select(sandbox_orders).where(sandbox_orders.c.id == order_id)
    row = (await uow.connection.execute(query)).one_or_none()
    return None if row is None else _notice(row)


def _notice(row: Row[tuple[UUID, UUID, str, datetime]]) -> RailNotice:
    return RailNotice(event_id=str(row.id), payment=row.payment, status=PaymentStatus(row.status), at=row.at)


async def _send(notice: RailNotice, *, copy: int, due: datetime, uow: UnitOfWork) -> None:
    said = {
        "event_id": notice.event_id,
        "payment": str(notice.payment),
        "status": notice.status.value,
        "at": format_instant(notice.at),
    }
    await put_job(uow, Job(kind=SANDBOX_SAYS, about=f"{notice.event_id} {copy}", arguments=said, due=due))
