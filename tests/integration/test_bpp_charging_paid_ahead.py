"""A session that is paid ahead: what was not taken returns, what was taken beside comes from the buffer."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from bpp.payments.desk import PaymentDesk
from kernel.currency import Currency
from kernel.money import Money
from settlement.ledger.accounts import AccountKind
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from settlement.payments.payment import Collector, Payment
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import NOON, buy_session, count, station, wish
from tests.support.monthly_sale import audit, on_account
from tests.support.seller_world import BAP_ID, BPP_ID, SellerWorld
from trading.refusals import DepositInsufficient
from trading.request import SessionWish

INR = Currency("INR")
QUOTED = 14_395


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await station(uow_factory, prepaid=True).open()


async def fill(world: SellerWorld, minor: int) -> None:
    """Have the driver's platform pay into its deposit."""
    rail = KeptSandbox(uow_factory=world.uow_factory, clock=world.clock)
    desk = PaymentDesk(seller=BPP_ID, rail_name=SANDBOX, rail=rail, uow_factory=world.uow_factory)
    payment = Payment(
        id=uuid4(), payer=BAP_ID, payee=BPP_ID, amount=Money(minor, INR), collected_by=Collector.BPP
    )
    async with world.uow_factory() as uow:
        await desk.start(payment, uow=uow, now=world.clock.now())
    await desk.ask(payment.id, now=world.clock.now())


async def charge(world: SellerWorld, watt_hours: int) -> None:
    bought = await buy_session(world)
    assert await on_account(world.uow_factory, AccountKind.DEPOSIT, unit="INR") == QUOTED
    await wish(world, bought, SessionWish.START)
    world.clock.advance(timedelta(minutes=20))
    await count(world, NOON, 20, watt_hours)
    await wish(world, bought, SessionWish.STOP)
    await world.refresh_all()


@pytest.mark.parametrize(
    ("watt_hours", "billed"),
    [
        (1_000, 4500 - 1500 + 2000 + 1000 + 113),  # 2.5 % of 45 is 1.125
        (2_500, 11250 - 1500 + 2000 + 1000 + 281),
        (2_700, 12150 - 1500 + 2000 + 1000 + 304),  # 200 Wh more than was ordered
    ],
)
async def test_what_is_billed_is_paid_and_the_rest_returns(
    world: SellerWorld, watt_hours: int, billed: int
) -> None:
    await fill(world, QUOTED)
    await charge(world, watt_hours)
    assert await on_account(world.uow_factory, AccountKind.DEPOSIT, unit="INR") == QUOTED - billed
    assert await on_account(world.uow_factory, AccountKind.PAYABLE, unit="INR") == billed
    assert await on_account(world.uow_factory, AccountKind.RECEIVABLE, unit="INR") == 0
    assert (await audit(world.uow_factory)).findings == ()


async def test_what_the_buffer_does_not_reach_for_is_owed(world: SellerWorld) -> None:
    await fill(world, QUOTED)
    await charge(world, 9_000)
    billed = 12600 - 1500 + 2000 + 1000 + 315  # 2.8 kWh, the most that may be taken
    assert billed > QUOTED
    assert await on_account(world.uow_factory, AccountKind.DEPOSIT, unit="INR") == 0
    assert await on_account(world.uow_factory, AccountKind.RECEIVABLE, unit="INR") == billed - QUOTED


async def test_who_has_not_paid_for_the_buffer_does_not_charge(world: SellerWorld) -> None:
    await fill(world, QUOTED - 1)
    with pytest.raises(DepositInsufficient, match=r"143\.95 INR are set aside"):
        await buy_session(world)
