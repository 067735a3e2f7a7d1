"""How a seller's platform has its bills paid: the rail, the routes, and the jobs that ask it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fastapi import APIRouter
from pydantic import Field, SecretStr

from bpp.api.payment_notices import payment_notice_router
from bpp.api.payments import payment_router, sandbox_router
from bpp.payments.desk import PaymentDesk
from bpp.payments.jobs import payment_jobs
from kernel.clock import Clock
from node.job_kind import JobKind
from node.settings import Settings
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from storage.unit_of_work import UnitOfWorkFactory


class RailName(StrEnum):
    """The payment rails that there are."""

    SANDBOX = SANDBOX


class PaymentSettings(Settings):
    """The settings of a platform whose bills are paid through it."""

    payment_rail: RailName | None = Field(
        None, description="Through what bills are paid: sandbox, which pays nobody. None if unset."
    )
    payment_webhook_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="What the rail signs its notices with; unset, none are taken over HTTP.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentParts:
    """What payments bring along."""

    routers: Sequence[APIRouter] = ()
    jobs: Sequence[JobKind] = ()


def payment_parts(settings: PaymentSettings, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> PaymentParts:
    """Return the routes and jobs of payments, if there is a rail."""
    if settings.payment_rail is None:
        return PaymentParts()
    desk = PaymentDesk(
        seller=settings.subscriber_id,
        rail_name=settings.payment_rail.value,
        rail=KeptSandbox(uow_factory=uow_factory, clock=clock),
        uow_factory=uow_factory,
    )
    routers = [payment_router(desk, clock=clock), sandbox_router(uow_factory=uow_factory, clock=clock)]
    if (secret := settings.payment_webhook_secret) is not None:
        routers.append(payment_notice_router(desk, secret=secret, clock=clock))
    return PaymentParts(routers=routers, jobs=payment_jobs(desk))
