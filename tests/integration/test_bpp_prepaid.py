"""Contracts that are paid ahead: set aside at confirm, paid as delivered, the rest given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from bpp.payments.desk import PaymentDesk
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from protocol.actions import Action
from settlement.bills import BillStatus
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.ledger import Ledger
from settlement.payments.advances import advance_payment_id
from settlement.payments.finding import find_started
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from settlement.payments.payment import Collector, Payment
from settlement.payments.ports import RailNotice
from settlement.payments.states import PaymentStatus
from settlement.payments.store import PaymentNotFound
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.monthly_sale import audit, on_account
from tests.support.seller_world import BAP_ID, BPP_ID, WINDOW, SellerWorld, catalogue, order
from trading.contracts import ContractStore
from trading.penalties import Payee, ShortfallPenalty
from trading.rates import Price
from trading.terms import PaymentTiming
from trading.wheeling import Side

USD = Currency("USD")
QUOTED = 400
"""10 kWh at 0.15 USD, and wheeling of 2.50 USD."""


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    sold = catalogue()
    offers = tuple(
        replace(each, terms=replace(each.terms, payment=PaymentTiming.PREPAID)) for each in sold.offers
    )
    opened = SellerWorld(uow_factory=uow_factory)
    return await opened.selling(catalogue=replace(sold, offers=offers)).open()


def desk_of(world: SellerWorld) -> PaymentDesk:
    rail = KeptSandbox(uow_factory=world.uow_factory, clock=world.clock)
    return PaymentDesk(seller=BPP_ID, rail_name=SANDBOX, rail=rail, uow_factory=world.uow_factory)


async def fill(world: SellerWorld, minor: int) -> None:
    """Have the buyer's platform pay into its deposit."""
    payment = Payment(
        id=uuid4(), payer=BAP_ID, payee=BPP_ID, amount=Money(minor, USD), collected_by=Collector.BPP
    )
    desk, now = desk_of(world), world.clock.now()
    async with world.uow_factory() as uow:
        await desk.start(payment, uow=uow, now=now)
    await desk.ask(payment.id, now=now)


async def available(world: SellerWorld) -> int:
    async with world.uow_factory() as uow:
        deposit = Account(owner=BAP_ID, kind=AccountKind.DEPOSIT, unit="USD")
        return (await Ledger(uow).balance(deposit)).available


async def deliver(world: SellerWorld, hourly: int) -> None:
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.deliver([hourly] * 8)


async def check_ledger(world: SellerWorld, *, deposit: int, claim: int, debt: int = 0) -> None:
    assert await on_account(world.uow_factory, AccountKind.DEPOSIT) == deposit
    assert await available(world) == deposit
    assert await on_account(world.uow_factory, AccountKind.ESCROW) == 0
    assert await on_account(world.uow_factory, AccountKind.PAYABLE) == claim
    assert await on_account(world.uow_factory, AccountKind.RECEIVABLE) == debt
    assert (await audit(world.uow_factory)).findings == ()


async def bill_statuses(world: SellerWorld, contract: str) -> list[tuple[int, BillStatus]]:
    async with world.uow_factory() as uow:
        return [(bill.total.minor, bill.status) for bill in await find_bills(contract, uow=uow)]


async def test_a_deposit_that_does_not_reach_is_told_at_confirm_and_nothing_is_bound(
    world: SellerWorld,
) -> None:
    await fill(world, QUOTED - 1)
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    confirm = {"order": order(10, order_id=held["beckn:id"])}
    refusal = await world.refusal(Action.CONFIRM, confirm)
    assert (refusal.code, refusal.http_status) == ("BIZ_PAYMENT_FAILED", 409)
    assert "4.00 USD are set aside" in refusal.message
    assert await available(world) == QUOTED - 1
    await fill(world, 1)
    confirmed = (await world.send(Action.CONFIRM, confirm))["order"]
    assert confirmed["beckn:orderStatus"] == "CONFIRMED"
    assert await available(world) == 0
    await world.send(Action.CONFIRM, confirm)  # again: nothing more is set aside
    assert await on_account(world.uow_factory, AccountKind.DEPOSIT) == QUOTED


async def test_what_was_delivered_is_paid_and_told_as_paid_and_the_rest_returns(world: SellerWorld) -> None:
    await fill(world, 1_000)
    contract = (await world.buy(10))["beckn:id"]
    assert await available(world) == 600
    await deliver(world, 500)  # 4 of 10 kWh
    assert await bill_statuses(world, contract) == [(310, BillStatus.PAID)]
    [told] = await world.unsolicited()
    [cycle] = told["beckn:orderAttributes"]["billingCycles"]
    assert cycle["status"] == "PAID"
    await check_ledger(world, deposit=690, claim=310)


def owing(world: SellerWorld, cents: int) -> SellerWorld:
    """Return the world with a seller that owes its buyer so much for each kWh that it does not give."""
    price = Price(per_kwh=Decimal(cents) / 100, currency=USD)
    penalty = ShortfallPenalty(side=Side.SELLER, price=price, payee=Payee.INJURED_SIDE)
    sold = world.bpp.catalogue
    offers = tuple(replace(each, terms=replace(each.terms, penalties=(penalty,))) for each in sold.offers)
    return world.selling(catalogue=replace(sold, offers=offers))


async def test_what_the_seller_owes_for_its_shortfall_is_in_what_returns(world: SellerWorld) -> None:
    world = owing(world, 30)
    await fill(world, 1_000)
    contract = (await world.buy(10))["beckn:id"]
    await deliver(world, 500)  # 4 of 10 kWh: 1.80 is owed
    assert await bill_statuses(world, contract) == [(310, BillStatus.PAID)]
    await check_ledger(world, deposit=1_000 - (310 - 180), claim=310 - 180)
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == 0


async def test_what_the_seller_owes_beyond_the_bill_stays_as_credit(world: SellerWorld) -> None:
    world = owing(world, 100)
    await fill(world, 1_000)
    contract = (await world.buy(10))["beckn:id"]
    await deliver(world, 500)  # 6.00 is owed
    assert await bill_statuses(world, contract) == [(310, BillStatus.PAID)]
    await check_ledger(world, deposit=1_000, claim=310 - 600)
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == 600 - 310


async def test_what_the_seller_owes_by_a_later_reading_stays_as_credit(world: SellerWorld) -> None:
    world = owing(world, 30)
    await fill(world, 1_000)
    contract = (await world.buy(10))["beckn:id"]
    await deliver(world, 1_250)
    await check_ledger(world, deposit=600, claim=400)
    world.clock.advance(timedelta(hours=1))
    await world.deliver([500] * 8)
    assert await bill_statuses(world, contract) == [(400, BillStatus.PAID)]
    await check_ledger(world, deposit=600, claim=400 - 90 - 180)
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == 90 + 180


async def test_a_later_look_pays_nothing_twice_and_what_is_billed_later_stays_due(
    world: SellerWorld,
) -> None:
    await fill(world, 1_000)
    contract = (await world.buy(10))["beckn:id"]
    await deliver(world, 500)
    world.clock.advance(timedelta(hours=1))
    await world.deliver([1_000] * 8)  # revised: 8 kWh
    assert await bill_statuses(world, contract) == [(310, BillStatus.PAID), (60, BillStatus.PENDING)]
    await check_ledger(world, deposit=690, claim=370, debt=60)


async def test_nothing_delivered_gives_all_back(world: SellerWorld) -> None:
    await fill(world, 400)
    contract = (await world.buy(10))["beckn:id"]
    await deliver(world, 0)
    assert await bill_statuses(world, contract) == [(0, BillStatus.PAID)]
    await check_ledger(world, deposit=400, claim=0)


async def test_an_order_that_is_cancelled_before_delivery_is_given_back_at_once(world: SellerWorld) -> None:
    await fill(world, 400)
    bought = await world.buy(10)
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    await check_ledger(world, deposit=400, claim=0)


async def test_an_order_that_was_never_confirmed_has_nothing_to_give_back(world: SellerWorld) -> None:
    await fill(world, 400)
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    await world.send(Action.CANCEL, {"order": {"beckn:id": held["beckn:id"]}})
    await check_ledger(world, deposit=400, claim=0)


async def test_what_is_paid_ahead_is_not_changed(world: SellerWorld) -> None:
    await fill(world, 1_000)
    bought = await world.buy(10)
    changed = order(12, order_id=bought["beckn:id"])
    refusal = await world.refusal(Action.UPDATE, {"order": changed})
    assert refusal.code == "POL_UPDATE_NOT_ALLOWED"
    assert "paid ahead" in refusal.message


async def test_an_advance_that_does_not_reach_leaves_the_rest_due(world: SellerWorld) -> None:
    await fill(world, 400)
    contract_id = (await world.buy(10))["beckn:id"]
    async with world.uow_factory() as uow:
        store = ContractStore(uow.connection)
        contract = await store.get(contract_id, lock=True)
        await store.save(replace(contract, quantity=Energy(20_000)))
    await deliver(world, 2_000)  # 16 kWh
    assert await bill_statuses(world, contract_id) == [(490, BillStatus.PENDING)]
    await check_ledger(world, deposit=0, claim=490, debt=90)


async def test_a_bill_that_was_paid_otherwise_is_not_paid_from_the_advance(world: SellerWorld) -> None:
    await fill(world, 400)
    contract = (await world.buy(10))["beckn:id"]
    async with world.uow_factory() as uow:
        store = ContractStore(uow.connection)
        postpaid = await store.get(contract)
        terms = replace(postpaid.terms, payment=PaymentTiming.POSTPAID)
        await store.save(replace(postpaid, terms=terms))
    await deliver(world, 500)
    desk, now, key = desk_of(world), world.clock.now(), uuid4()
    async with world.uow_factory() as uow:
        await desk.pay_bill(contract, "bill-2026-01-001", payment_id=key, minor=None, uow=uow, now=now)
    await desk.ask(key, now=now)
    async with world.uow_factory() as uow:
        store = ContractStore(uow.connection)
        paid = await store.get(contract, lock=True)
        await store.save(replace(paid, terms=replace(terms, payment=PaymentTiming.PREPAID)))
    await world.refresh_all()
    assert await bill_statuses(world, contract) == [(310, BillStatus.PAID)]
    await check_ledger(world, deposit=400, claim=310)


async def test_no_rail_takes_back_what_came_from_the_deposit(world: SellerWorld) -> None:
    await fill(world, 400)
    contract = (await world.buy(10))["beckn:id"]
    await deliver(world, 2_000)
    key, now = advance_payment_id(contract), world.clock.now()
    async with world.uow_factory() as uow:
        assert (await find_started(key, uow=uow)).status is PaymentStatus.SETTLED
    notice = RailNotice(event_id="e", payment=key, status=PaymentStatus.CHARGEBACK, at=now)
    with pytest.raises(PaymentNotFound, match="no rail"):
        async with world.uow_factory() as uow:
            await desk_of(world).take(notice, uow=uow, now=now)
    await check_ledger(world, deposit=0, claim=400)


async def test_whoever_sells_to_itself_pays_nothing_ahead(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}, bap_id=BPP_ID))["order"]
    confirm = {"order": order(10, order_id=held["beckn:id"])}
    assert (await world.send(Action.CONFIRM, confirm, bap_id=BPP_ID))["order"]["beckn:id"] == held["beckn:id"]
    await deliver(world, 500)
    assert await bill_statuses(world, held["beckn:id"]) == [(310, BillStatus.PENDING)]


async def test_what_costs_nothing_sets_nothing_aside(world: SellerWorld) -> None:
    sold = world.bpp.catalogue
    free = Price(per_kwh=Decimal(0), currency=USD)
    offers = tuple(
        replace(each, terms=replace(each.terms, price=free, wheeling=None)) for each in sold.offers
    )
    giving = world.selling(catalogue=replace(sold, offers=offers))
    contract = (await giving.buy(10))["beckn:id"]
    await deliver(giving, 500)
    assert await bill_statuses(giving, contract) == [(0, BillStatus.PAID)]
