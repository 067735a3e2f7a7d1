"""Bills paid through the sandbox rail: started, asked for by jobs, told by webhook and to buyers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from bpp.api.payment_notices import payment_notice_router
from bpp.api.payments import payment_router, sandbox_router
from bpp.payments.desk import PaymentDesk
from bpp.payments.jobs import payment_jobs
from bpp.payments.notice_signature import SIGNATURE_HEADER, sign_notice
from kernel.clock import format_instant
from kernel.currency import Currency
from kernel.money import Money
from node.api_key_store import ApiKeyWish, issue_api_key
from node.audit import Actor
from node.jobs import JobDesk
from node.scopes import Scope
from settlement.ledger.accounts import AccountKind
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from settlement.payments.ports import RailAction, RailOrder, RailRefused
from settlement.payments.sandbox_rail import Behaviour
from settlement.payments.tables import payment_alerts, payment_events, sandbox_orders
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.monthly_sale import audit, on_account
from tests.support.official import official_order_errors
from tests.support.seller_api import KEY, seller_api
from tests.support.seller_world import BAP_ID, BPP_ID, WINDOW, SellerWorld

Json = dict[str, Any]

SECRET = "a secret of the rail and us"
BILL = "bill-2026-01-001"
AT_ONCE = (timedelta(0),) * 3


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


@pytest.fixture
def desk(world: SellerWorld) -> PaymentDesk:
    rail = KeptSandbox(uow_factory=world.uow_factory, clock=world.clock)
    return PaymentDesk(seller=BPP_ID, rail_name=SANDBOX, rail=rail, uow_factory=world.uow_factory)


@pytest.fixture
def jobs(desk: PaymentDesk, database: Database, world: SellerWorld) -> JobDesk:
    kinds = [replace(kind, retry_after=AT_ONCE) for kind in payment_jobs(desk)]
    return JobDesk(kinds, database=database, clock=world.clock)


@pytest.fixture
async def api(world: SellerWorld, desk: PaymentDesk) -> AsyncIterator[httpx.AsyncClient]:
    routers = [
        payment_router(desk, clock=world.clock),
        sandbox_router(uow_factory=world.uow_factory, clock=world.clock),
        payment_notice_router(desk, secret=SecretStr(SECRET), clock=world.clock),
    ]
    connect = seller_api(routers, uow_factory=world.uow_factory, clock=world.clock)
    async with connect(KEY) as client:
        yield client


async def billed(world: SellerWorld) -> str:
    """Return the id of a contract whose bill of 4.00 USD is issued, and told to the buyer."""
    bought: str = (await world.buy(10))["beckn:id"]
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.deliver([2_000] * 8)
    return bought


async def pay(api: httpx.AsyncClient, contract: str, **form: Any) -> httpx.Response:
    form = {"id": str(uuid4())} | form
    return await api.post(f"/api/v1/contracts/{contract}/bills/{BILL}/payments", json=form)


async def do_all(jobs: JobDesk, times: int = 4) -> None:
    for _ in range(times):
        await jobs.do_all_due()


async def status_of(api: httpx.AsyncClient, payment: Json) -> str:
    found = await api.get(f"/api/v1/payments/{payment['id']}")
    status: str = found.json()["status"]
    return status


async def told_bills(world: SellerWorld) -> list[dict[str, str]]:
    """Return the bills and their statuses as each on_status told them, without repeats."""
    await world.refresh_all()
    orders = await world.unsolicited()
    cycles = [order["beckn:orderAttributes"].get("billingCycles", []) for order in orders]
    return [{cycle["cycleId"]: cycle["status"] for cycle in told} for told in cycles]


async def notify(
    api: httpx.AsyncClient, world: SellerWorld, *, rail: str = SANDBOX, header: str | None = None, **said: Any
) -> httpx.Response:
    notice = {"event_id": "event-1", "at": format_instant(world.clock.now())} | said
    body = json.dumps(notice).encode()
    header = sign_notice(body, secret=SECRET, at=world.clock.now()) if header is None else header
    return await api.post(
        f"/payments/notices/{rail}",
        content=body,
        headers={SIGNATURE_HEADER: header, "X-Api-Key": ""},
    )


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_a_bill_is_paid_through_the_rail_and_its_buyer_told(
    world: SellerWorld, api: httpx.AsyncClient, jobs: JobDesk
) -> None:
    contract = await billed(world)
    assert (await told_bills(world))[-1] == {BILL: "PENDING"}
    started = await pay(api, contract)
    assert started.status_code == 201
    payment = started.json()
    assert (payment["payer"], payment["payee"]) == (BAP_ID, BPP_ID)
    assert (payment["amount_minor"], payment["currency"], payment["status"]) == (400, "USD", "PENDING")
    await do_all(jobs)
    assert await status_of(api, payment) == "CAPTURED"
    assert (await told_bills(world))[-1] == {BILL: "PAID"}
    [listed] = (await api.get(f"/api/v1/contracts/{contract}/bills/{BILL}/payments")).json()["payments"]
    assert listed == payment | {"status": "CAPTURED"}
    assert await on_account(world.uow_factory, AccountKind.RECEIVABLE) == 0
    assert await on_account(world.uow_factory, AccountKind.CASH_IN) == 400
    assert (await audit(world.uow_factory)).findings == ()


async def test_the_same_payment_is_started_once(
    world: SellerWorld, api: httpx.AsyncClient, jobs: JobDesk
) -> None:
    contract = await billed(world)
    key = str(uuid4())
    first = await pay(api, contract, id=key, amount_minor=150)
    assert (await pay(api, contract, id=key, amount_minor=150)).json() == first.json()
    assert code_of(await pay(api, contract, id=key, amount_minor=151)) == (409, "PAYMENT_MISMATCH")
    rest = await pay(api, contract)
    assert rest.json()["amount_minor"] == 250
    assert code_of(await pay(api, contract)) == (409, "PAYMENT_NOTHING_DUE")
    assert code_of(await pay(api, contract, amount_minor=401)) == (400, "PAYMENT_INVALID")
    await do_all(jobs)
    assert (await pay(api, contract, id=key)).json()["status"] == "CAPTURED"
    assert code_of(await pay(api, contract)) == (409, "PAYMENT_NOTHING_DUE")
    async with world.uow_factory() as uow:
        count = select(func.count()).select_from(sandbox_orders)
        assert (await uow.connection.execute(count)).scalar_one() == 2


async def test_what_is_not_there_cannot_be_paid(world: SellerWorld, api: httpx.AsyncClient) -> None:
    contract = (await world.buy(10))["beckn:id"]
    assert code_of(await pay(api, contract)) == (404, "BIZ_ORDER_NOT_FOUND")
    assert code_of(await pay(api, str(uuid4()))) == (404, "BIZ_ORDER_NOT_FOUND")
    strange = await api.post(f"/api/v1/contracts/{contract}/bills/%00/payments", json={"id": str(uuid4())})
    assert code_of(strange) == (404, "BIZ_ORDER_NOT_FOUND")
    assert code_of(await api.get(f"/api/v1/payments/{uuid4()}")) == (404, "PAYMENT_NOT_FOUND")
    for wrong in ({"id": "one"}, {"amount_minor": 0}, {"amount_minor": 2**53 + 1}, {"amount": 4}):
        assert (await pay(api, contract, **wrong)).status_code == 422


@pytest.mark.parametrize(
    ("scope", "post", "get"),
    [(Scope.PAYMENTS_START, 201, 200), (Scope.BUY, 403, 200), (Scope.SELL, 403, 200)],
)
async def test_a_key_needs_the_scope_for_payments(
    world: SellerWorld, api: httpx.AsyncClient, scope: Scope, post: int, get: int
) -> None:
    contract = await billed(world)
    async with world.uow_factory() as uow:
        wish = ApiKeyWish(name="billing desk", scopes=frozenset({scope}))
        key = await issue_api_key(uow, wish, by=Actor(who="test"), now=world.clock.now())
    path, mine = f"/api/v1/contracts/{contract}/bills/{BILL}/payments", {"X-Api-Key": key.text}
    assert (await api.post(path, json={"id": str(uuid4())}, headers=mine)).status_code == post
    assert (await api.get(path, headers=mine)).status_code == get
    behaviours = {"behaviours": ["FAIL"]}
    commanded = await api.post("/api/v1/payments/sandbox/behaviours", json=behaviours, headers=mine)
    assert commanded.status_code == (204 if post == 201 else 403)


async def command(api: httpx.AsyncClient, *behaviours: Behaviour) -> None:
    said = await api.post("/api/v1/payments/sandbox/behaviours", json={"behaviours": list(behaviours)})
    assert said.status_code == 204


@pytest.mark.parametrize(
    ("behaviours", "status"),
    [
        ([Behaviour.FAIL], "FAILED"),
        ([Behaviour.REPEAT], "CAPTURED"),
        ([Behaviour.DELAY], "CAPTURED"),
        ([Behaviour.LOSE_ANSWER], "CAPTURED"),
        ([Behaviour.UNREACHABLE, Behaviour.SUCCEED], "CAPTURED"),
        ([Behaviour.UNREACHABLE] * 3, "CAPTURED"),
    ],
)
async def test_the_sandbox_does_as_it_is_told_and_money_counts_once(
    world: SellerWorld, api: httpx.AsyncClient, jobs: JobDesk, behaviours: list[Behaviour], status: str
) -> None:
    contract = await billed(world)
    await command(api, *behaviours)
    payment = (await pay(api, contract)).json()
    await do_all(jobs, 5)
    assert await status_of(api, payment) == status
    paid = 400 if status == "CAPTURED" else 0
    assert await on_account(world.uow_factory, AccountKind.CASH_IN) == paid
    assert (await told_bills(world))[-1] == {BILL: "PAID" if paid else "PENDING"}
    if not paid:
        assert (await pay(api, contract)).json()["amount_minor"] == 400


async def test_a_rail_that_cannot_be_reached_is_given_up_and_told(
    world: SellerWorld, api: httpx.AsyncClient, jobs: JobDesk
) -> None:
    contract = await billed(world)
    await command(api, *[Behaviour.UNREACHABLE] * 4)
    payment = (await pay(api, contract)).json()
    await do_all(jobs, 6)
    assert await status_of(api, payment) == "PENDING"
    async with world.uow_factory() as uow:
        alerts = (await uow.connection.execute(select(payment_alerts.c.audience))).scalars().all()
    assert sorted(alerts) == sorted(["OPERATOR", BAP_ID])
    await pay(api, contract, id=payment["id"])  # started again, it is asked for again
    await do_all(jobs)
    assert await status_of(api, payment) == "CAPTURED"


async def test_a_charge_back_is_billed_anew_and_told(
    world: SellerWorld, api: httpx.AsyncClient, jobs: JobDesk
) -> None:
    contract = await billed(world)
    payment = (await pay(api, contract)).json()
    await do_all(jobs)
    said = await api.post(f"/api/v1/payments/{payment['id']}/sandbox", json={"status": "CHARGEBACK"})
    assert said.status_code == 202
    await do_all(jobs)
    assert await status_of(api, payment) == "CHARGEBACK"
    assert (await told_bills(world))[-1] == {BILL: "PAID", f"{BILL}-b2": "PENDING"}
    assert official_order_errors((await world.unsolicited())[-1]) == []
    assert (await audit(world.uow_factory)).findings == ()
    unknown = await api.post(f"/api/v1/payments/{uuid4()}/sandbox", json={"status": "CHARGEBACK"})
    assert code_of(unknown) == (404, "PAYMENT_NOT_FOUND")


async def test_a_notice_of_the_rail_counts_once_and_a_repeat_is_answered_as_well(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    contract = await billed(world)
    payment = (await pay(api, contract)).json()
    said = {"payment": payment["id"], "status": "CAPTURED"}
    for _ in range(2):
        taken = await notify(api, world, **said)
        assert (taken.status_code, taken.json()) == (200, {"payment": payment["id"], "verdict": "APPLIED"})
    world.clock.advance(timedelta(minutes=1))
    stale = await notify(api, world, event_id="event-2", payment=payment["id"], status="AUTHORIZED")
    assert stale.json()["verdict"] == "STALE"
    other = await notify(api, world, payment=payment["id"], status="FAILED")
    assert code_of(other) == (409, "PAYMENT_NOTICE_MISMATCH")
    assert await on_account(world.uow_factory, AccountKind.CASH_IN) == 400
    assert (await told_bills(world))[-1] == {BILL: "PAID"}
    assert await status_of(api, payment) == "CAPTURED"


async def test_what_is_not_the_rails_moves_nothing(world: SellerWorld, api: httpx.AsyncClient) -> None:
    contract = await billed(world)
    payment = (await pay(api, contract)).json()
    said: Json = {"payment": payment["id"], "status": "CAPTURED"}
    unsigned = (401, "PAYMENT_NOTICE_SIGNATURE_INVALID")
    assert code_of(await notify(api, world, header="", **said)) == unsigned
    forged = sign_notice(b"{}", secret=SECRET, at=world.clock.now())
    assert code_of(await notify(api, world, header=forged, **said)) == unsigned
    assert code_of(await notify(api, world, rail="gold", **said)) == (404, "PAYMENT_RAIL_UNKNOWN")
    unknown = await notify(api, world, payment=str(uuid4()), status="CAPTURED")
    assert code_of(unknown) == (404, "PAYMENT_NOT_FOUND")
    for wrong in ({"status": "PAID"}, {"event_id": ""}, {"event_id": "a\x00"}, {"at": "2026-01-09T18:00:00"}):
        assert code_of(await notify(api, world, **said | wrong)) == (400, "PAYMENT_NOTICE_INVALID")
    huge = await notify(api, world, **said, comment="x" * 70_000)
    assert huge.status_code == 413
    async with world.uow_factory() as uow:
        assert (await uow.connection.execute(select(payment_events))).all() == []
    assert await status_of(api, payment) == "PENDING"


async def test_an_old_notice_cannot_be_replayed(world: SellerWorld, api: httpx.AsyncClient) -> None:
    contract = await billed(world)
    payment = (await pay(api, contract)).json()
    notice = {"event_id": "e", "payment": payment["id"], "status": "CAPTURED", "at": "2026-01-09T18:00:00Z"}
    body = json.dumps(notice).encode()
    header = sign_notice(body, secret=SECRET, at=world.clock.now())
    world.clock.advance(timedelta(minutes=6))
    late = await api.post(f"/payments/notices/{SANDBOX}", content=body, headers={SIGNATURE_HEADER: header})
    assert code_of(late) == (401, "PAYMENT_NOTICE_SIGNATURE_INVALID")


async def test_a_deposit_is_filled_by_a_payment_without_bills(
    world: SellerWorld, api: httpx.AsyncClient, jobs: JobDesk
) -> None:
    form = {"id": str(uuid4()), "payer": BAP_ID, "amount_minor": 5_000, "currency": "USD"}
    for _ in range(2):
        started = await api.post("/api/v1/payments", json=form)
        assert (started.status_code, started.json()["bills"]) == (201, [])
        await do_all(jobs)
    assert await on_account(world.uow_factory, AccountKind.DEPOSIT) == 5_000
    other = await api.post("/api/v1/payments", json=form | {"amount_minor": 1})
    assert code_of(other) == (409, "PAYMENT_MISMATCH")
    for wrong in ({"payer": "a b"}, {"currency": "XXX"}, {"amount_minor": 0}):
        assert (await api.post("/api/v1/payments", json=form | wrong)).status_code == 422


async def test_a_rail_that_refuses_is_not_asked_again(
    world: SellerWorld, desk: PaymentDesk, api: httpx.AsyncClient, database: Database
) -> None:
    class Refusing(KeptSandbox):
        async def ask(self, order: RailOrder) -> Any:
            raise RailRefused(f"no {order.action} today")

    contract = await billed(world)
    payment = (await pay(api, contract)).json()
    rail = Refusing(uow_factory=world.uow_factory, clock=world.clock)
    await do_all(
        JobDesk(payment_jobs(replace(desk, rail=rail)), database=database, clock=world.clock), times=1
    )
    assert await status_of(api, payment) == "PENDING"
    async with world.uow_factory() as uow:
        found = (await uow.connection.execute(select(payment_alerts.c.message))).scalars().all()
    assert "CAPTURE was given up: no CAPTURE today" in found


async def test_the_sandbox_asked_again_says_the_same(world: SellerWorld, desk: PaymentDesk) -> None:
    order = RailOrder(payment=uuid4(), action=RailAction.CAPTURE, amount=Money(400, Currency("USD")))
    assert await desk.rail.find(order.id) is None
    first = await desk.rail.ask(order)
    world.clock.advance(timedelta(minutes=1))
    assert await desk.rail.ask(order) == first == await desk.rail.find(order.id)
