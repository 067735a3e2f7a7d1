"""What happens to one line of an order: it happens to no other, and the buyer is told of the whole order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from fastapi.responses import JSONResponse

from bpp.changes.seller_changes import Operator, SellerWish, cancel_as_seller, propose_as_seller
from bpp.deliveries.curtailment import curtail_contract
from bpp.payments.desk import PaymentDesk
from bpp.provider.asking import ProviderRefused
from kernel.clock import ManualClock
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import V1_1, V2_RC, Profile
from settlement.ledger.accounts import AccountKind
from settlement.payments.finding import find_started_for
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from settlement.rows import bill_key
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.back_office import AskedWorld, BackOffice, webhook
from tests.support.deposits import fill_deposit
from tests.support.monthly_sale import on_account
from tests.support.order_lines import (
    AFTERNOON_HOURS,
    AFTERNOON_LINE,
    LINES,
    MORNING_HOURS,
    buy_lines,
    open_world,
    told,
    two_offers,
    written,
)
from tests.support.seller_world import BPP_ID, ITEM, NOW, SellerWorld
from trading.cancellation import Reason
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.lifecycle import ContractStatus
from trading.mapping.wire import Wire
from trading.proposal import Answer
from trading.request import OrderRequest
from trading.stock import Stock
from trading.terms import PaymentTiming

Json = dict[str, Any]
OPERATOR = Actor(who="operator")


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, profile: Profile) -> SellerWorld:
    return await open_world(uow_factory, profile)


def by(world: SellerWorld) -> Operator:
    return Operator(actor=OPERATOR, why=Reason(words="the inverter is mended"), now=world.clock.now())


async def last(world: SellerWorld, wire: Wire, action: Action) -> Json:
    return {wire.ORDER_KEY: (await world.unsolicited(action))[-1]}


async def left(world: SellerWorld) -> int:
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours


async def test_a_seller_ends_one_line_and_the_others_go_on(world: SellerWorld, wire: Wire) -> None:
    second = (await buy_lines(world))[1].order_id
    async with world.uow_factory() as uow:
        await cancel_as_seller(world.bpp, second, uow, by=by(world))
    morning, afternoon = told(world, await last(world, wire, Action.ON_CANCEL))
    assert (morning.status, afternoon.status) == (ContractStatus.ACTIVE, ContractStatus.TERMINATED)
    assert await left(world) == 15_500
    assert await world.refresh_all() == 0


async def test_what_a_seller_proposes_of_a_line_is_accepted_for_that_line(
    world: SellerWorld, wire: Wire
) -> None:
    first, second = await buy_lines(world)
    wish = SellerWish(request=OrderRequest(quantity=Energy(7_000)))
    async with world.uow_factory() as uow:
        proposal, _ = await propose_as_seller(world.bpp, second.order_id, wish, uow, by=by(world))
    news = (await last(world, wire, Action.ON_UPDATE))[wire.ORDER_KEY]
    proposed = [wire.find_parts(each).proposal for each in wire.split_order(news)]
    assert [each and each["id"] for each in proposed] == [None, proposal.id]
    request = replace(AFTERNOON_LINE, order_id=first.order_id)
    accept = wire.write_answer(request, Answer(proposal_id=proposal.id, accepts=True))
    if world.profile is V1_1:
        accept["update_target"] = "order.items"
    morning, afternoon = told(world, await world.send(Action.UPDATE, accept))
    assert (morning.quantity, afternoon.quantity) == (Energy(15_000), Energy(7_000))


async def test_what_is_cut_from_a_line_is_cut_from_no_other(world: SellerWorld, wire: Wire) -> None:
    first, second = await buy_lines(world)
    cut = Cut(quantity=Energy(4_000), reason=CurtailmentReason.CONGESTION)
    async with world.uow_factory() as uow:
        await curtail_contract(
            world.bpp,
            second.order_id,
            Curtailment(cut=cut, since=AFTERNOON_HOURS.start),
            uow,
            by=OPERATOR,
            why="feeder 7",
            now=world.clock.now(),
        )
    morning, afternoon = told(world, await last(world, wire, Action.ON_UPDATE))
    assert (morning.delivery.cut, afternoon.delivery.cut) == (None, cut)
    world.clock.set(AFTERNOON_HOURS.end + timedelta(minutes=5))
    await world.deliver([4_000] * 4, window=MORNING_HOURS)
    await world.deliver([3_000] * 4, window=AFTERNOON_HOURS)
    found = await world.send(Action.STATUS, wire.write_order_id(OrderRequest(order_id=first.order_id)))
    assert [each.delivery.delivered for each in told(world, found)] == [Energy(15_000), Energy(6_000)]


# money


async def test_a_bill_of_a_line_is_paid_under_the_id_that_the_buyer_was_told(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)
    first, second = await buy_lines(world)
    world.clock.set(AFTERNOON_HOURS.end + timedelta(minutes=5))
    await world.deliver([4_000] * 4, window=MORNING_HOURS)
    await world.deliver([4_000] * 4, window=AFTERNOON_HOURS)
    now, bill = world.clock.now(), "2:bill-2026-01-001"
    rail = KeptSandbox(uow_factory=uow_factory, clock=world.clock)
    desk = PaymentDesk(seller=BPP_ID, rail_name=SANDBOX, rail=rail, uow_factory=uow_factory)
    async with uow_factory() as uow:
        started = await desk.pay_bill(first.order_id, bill, payment_id=uuid4(), minor=None, uow=uow, now=now)
    assert started.payment.amount.minor == 180
    async with uow_factory() as uow:
        of_line = await find_started_for(bill_key(second.order_id, "bill-2026-01-001"), uow=uow)
    assert [each.payment.id for each in of_line] == [started.payment.id]


async def test_of_lines_that_are_paid_ahead_all_are_set_aside_or_none(uow_factory: UnitOfWorkFactory) -> None:
    sold = two_offers()
    ahead = tuple(
        replace(each, terms=replace(each.terms, payment=PaymentTiming.PREPAID)) for each in sold.offers
    )
    world = await open_world(uow_factory, V2_RC)
    world = world.selling(catalogue=replace(sold, offers=ahead))
    held = await world.send(Action.INIT, written(world, *LINES))
    await fill_deposit(world, 654)
    refusal = await world.refusal(Action.CONFIRM, held)
    assert (refusal.code, refusal.message[:7]) == ("BIZ_PAYMENT_FAILED", "line 2:")
    assert await on_account(uow_factory, AccountKind.DEPOSIT) == 654
    await fill_deposit(world, 1)
    await world.send(Action.CONFIRM, held)
    assert await on_account(uow_factory, AccountKind.DEPOSIT) == 655


# the seller's back office


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def asked(uow_factory: UnitOfWorkFactory, office: BackOffice) -> AskedWorld:
    world = AskedWorld(uow_factory=uow_factory, port=webhook(office.url, ManualClock(NOW)))
    world.bpp = replace(world.bpp, catalogue=two_offers())
    return await world.open()


async def test_the_back_office_is_asked_about_each_line(asked: AskedWorld, office: BackOffice) -> None:
    first, second = await buy_lines(asked)
    questions = sorted(office.asked(), key=lambda each: (each["stage"], each["id"]))
    assert [(each["stage"], each["id"][-2:]) for each in questions] == [
        ("confirm", ":1"),
        ("confirm", ":2"),
        ("init", ":1"),
        ("init", ":2"),
    ]
    assert [each["order"]["id"] for each in questions[:2]] == [first.order_id, second.order_id]
    assert [Decimal(each["order"]["kwh"]) for each in questions[2:]] == [15, 10]


async def test_what_the_back_office_does_not_take_of_one_line_is_not_held_of_any(
    asked: AskedWorld, office: BackOffice
) -> None:
    office.answers = [JSONResponse({"answer": "accept"}), JSONResponse({"answer": "refuse"})]
    with pytest.raises(ProviderRefused):
        await asked.send(Action.INIT, written(asked, *LINES))
    assert await left(asked) == 30_500
