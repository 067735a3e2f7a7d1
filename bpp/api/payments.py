"""The operator's routes on payments: starting them, reading them, and commanding the sandbox rail."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bpp.payments.desk import PaymentDesk
from kernel.clock import Clock, format_instant
from kernel.currency import Currency
from kernel.money import Money
from node.app import JsonResponse
from node.callers import MayPay, MayReadContracts
from node.documentation import refusals
from node.request_body import FormRoute
from settlement.payments.finding import StartedPayment, find_started, find_started_for
from settlement.payments.kept_sandbox import have_sandbox_say, tell_sandbox
from settlement.payments.payment import Collector, Payment
from settlement.payments.sandbox_rail import Behaviour
from settlement.payments.states import PaymentStatus
from settlement.payments.store import find_payment
from settlement.rows import bill_key
from storage.unit_of_work import UnitOfWorkFactory
from trading.contracts import ContractStore
from trading.order_lines import named_bill

_MOST: Final = 2**53
Minor = Annotated[int, Field(gt=0, le=_MOST, description="In minor units of the currency: cents, paise.")]
_STARTED: Final[dict[int | str, dict[str, Any]]] = refusals(400, 401, 404, 409, 413, 422, 503)
_READ: Final[dict[int | str, dict[str, Any]]] = refusals(401, 404, 422, 503)


def _currency_code(code: str) -> str:
    return Currency(code).code


class PaymentForm(BaseModel):
    """A payment of a bill; its id is the caller's, and the same id starts it once."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    amount_minor: Minor | None = Field(None, description="A part of the bill; all that is left, if unset.")


class DepositForm(BaseModel):
    """A payment into a buyer's deposit; its id is the caller's, and the same id starts it once."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    payer: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$", description="The buyer's subscriber id.")]
    amount_minor: Minor
    currency: Annotated[str, AfterValidator(_currency_code), Field(description="Its ISO 4217 code.")]


class PaymentView(BaseModel):
    """A payment, and how far it has come; without bills it is for the payer's deposit."""

    id: UUID
    payer: str
    payee: str
    amount_minor: int
    currency: str
    status: PaymentStatus
    bills: list[UUID]
    created_at: str


class Payments(BaseModel):
    """The payments of a bill, the oldest first."""

    payments: list[PaymentView]


class BehaviourForm(BaseModel):
    """How the sandbox treats its next orders, one after the other; then each succeeds again."""

    model_config = ConfigDict(extra="forbid")

    behaviours: Annotated[list[Behaviour], Field(min_length=1, max_length=100)]


class SandboxForm(BaseModel):
    """What the sandbox says of a payment by itself, as a rail does by its webhook."""

    model_config = ConfigDict(extra="forbid")

    status: PaymentStatus


def payment_router(desk: PaymentDesk, *, clock: Clock) -> APIRouter:
    """Return the routes on payments; each needs an API key."""
    router = _new_router()
    uow_factory = desk.uow_factory

    @router.post(
        "/contracts/{contract_id}/bills/{bill_id}/payments",
        summary="Have a bill paid, or a part of it; the rail is asked at once",
        status_code=201,
        responses=_STARTED,
    )
    async def pay_bill(contract_id: str, bill_id: str, _caller: MayPay, form: PaymentForm) -> PaymentView:
        async with uow_factory() as uow:
            started = await desk.pay_bill(
                contract_id, bill_id, payment_id=form.id, minor=form.amount_minor, uow=uow, now=clock.now()
            )
        return _view(started)

    @router.get(
        "/contracts/{contract_id}/bills/{bill_id}/payments",
        summary="The payments of a bill",
        responses=_READ,
    )
    async def list_payments(contract_id: str, bill_id: str, _caller: MayReadContracts) -> Payments:
        async with uow_factory() as uow:
            named, own_id = named_bill(contract_id, bill_id)
            await ContractStore(uow.connection).get(named)
            found = await find_started_for(bill_key(named, own_id), uow=uow)
        return Payments(payments=[_view(each) for each in found])

    @router.post(
        "/payments",
        summary="Have a buyer pay into its deposit, from which what is prepaid is set aside",
        status_code=201,
        responses=_STARTED,
    )
    async def fill_deposit(_caller: MayPay, form: DepositForm) -> PaymentView:
        payment = Payment(
            id=form.id,
            payer=form.payer,
            payee=desk.seller,
            amount=Money(form.amount_minor, Currency(form.currency)),
            collected_by=Collector.BPP,
        )
        async with uow_factory() as uow:
            return _view(await desk.start(payment, uow=uow, now=clock.now()))

    @router.get("/payments/{payment_id}", summary="A payment", responses=_READ)
    async def get_payment(payment_id: UUID, _caller: MayReadContracts) -> PaymentView:
        async with uow_factory() as uow:
            return _view(await find_started(payment_id, uow=uow))

    return router


def sandbox_router(*, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes by which the sandbox rail fails, repeats and charges back on command."""
    router = _new_router()

    @router.post(
        "/payments/sandbox/behaviours",
        summary="Say how the sandbox rail treats its next orders",
        status_code=204,
        responses=refusals(401, 413, 422, 503),
    )
    async def behave(_caller: MayPay, form: BehaviourForm) -> Response:
        async with uow_factory() as uow:
            for behaviour in form.behaviours:
                await tell_sandbox(behaviour, uow=uow)
        return Response(status_code=204)

    @router.post(
        "/payments/{payment_id}/sandbox",
        summary="Have the sandbox rail say something of a payment: SETTLED, CHARGEBACK, …",
        status_code=202,
        responses=refusals(401, 404, 413, 422, 503),
    )
    async def say(payment_id: UUID, _caller: MayPay, form: SandboxForm) -> Response:
        async with uow_factory() as uow:
            payment = await find_payment(payment_id, uow=uow)
            await have_sandbox_say(payment.id, form.status, uow=uow, now=clock.now())
        return Response(status_code=202)

    return router


def _new_router() -> APIRouter:
    return APIRouter(
        prefix="/api/v1", tags=["payments"], default_response_class=JsonResponse, route_class=FormRoute
    )


def _view(started: StartedPayment) -> PaymentView:
    payment = started.payment
    return PaymentView(
        id=payment.id,
        payer=payment.payer,
        payee=payment.payee,
        amount_minor=payment.amount.minor,
        currency=payment.amount.currency.code,
        status=started.status,
        bills=[part.bill for part in payment.parts],
        created_at=format_instant(started.created_at),
    )
