"""What is done for payments without anybody waiting for it: THE TABLE of the kinds of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from bpp.payments.desk import ASK, PaymentDesk
from kernel.clock import parse_instant
from node.job_kind import JobKind
from settlement.payments.attempts import RETRY_AFTER
from settlement.payments.kept_sandbox import SANDBOX_SAYS
from settlement.payments.ports import RailNotice
from settlement.payments.states import PaymentStatus


def payment_jobs(desk: PaymentDesk) -> Sequence[JobKind]:
    """Return the kinds of jobs that the desk does."""

    async def ask(arguments: Mapping[str, str], now: datetime) -> None:
        await desk.ask(UUID(arguments["payment"]), now=now)

    async def give_up(arguments: Mapping[str, str], error: Exception, now: datetime) -> None:
        await desk.give_up(UUID(arguments["payment"]), error, now=now)

    async def hear_sandbox(arguments: Mapping[str, str], now: datetime) -> None:
        notice = RailNotice(
            event_id=arguments["event_id"],
            payment=UUID(arguments["payment"]),
            status=PaymentStatus(arguments["status"]),
            at=parse_instant(arguments["at"]),
        )
        async with desk.uow_factory() as uow:
            await desk.take(notice, uow=uow, now=now)

    return (
        JobKind(name=ASK, run=ask, retry_after=RETRY_AFTER, on_given_up=give_up),
        JobKind(name=SANDBOX_SAYS, run=hear_sandbox, retry_after=RETRY_AFTER),
    )
