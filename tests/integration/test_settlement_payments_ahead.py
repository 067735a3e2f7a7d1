"""Trades that are paid ahead from a deposit."""

from __future__ import annotations

import pytest

from kernel.money import Money
from settlement.ledger.accounts import AccountKind
from settlement.ledger.balances import InsufficientFunds
from settlement.ledger.journal import HoldResolved
from settlement.ledger.ledger import Ledger
from settlement.payments.posting import account
from settlement.payments.prepaid import Advance, AdvanceExceeded, Share, pay_delivered, set_aside
from settlement.payments.states import PaymentStatus
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.bills import INR, NOW, posted, say, start

ADVANCE = Advance(contract_id="contract-1", buyer="asha", amount=Money(800, INR), confirmed_at=NOW)
NOUGHT = Money(0, INR)


async def pay_in(uow_factory: UnitOfWorkFactory, minor: int = 1_000) -> None:
    made = await start(uow_factory, "deposit", minor)
    await say(uow_factory, made.id, PaymentStatus.SETTLED)


async def reserve(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await set_aside(ADVANCE, uow=uow, now=NOW)


async def deliver(uow_factory: UnitOfWorkFactory, *minors: int) -> None:
    owners = (("ravi", AccountKind.PAYABLE), ("grid", AccountKind.WHEELING), ("state", AccountKind.TAX))
    shares = [
        Share(account=account(owner, kind, NOUGHT), amount=Money(minor, INR), code=kind)
        for (owner, kind), minor in zip(owners, minors, strict=False)
    ]
    async with uow_factory() as uow:
        await pay_delivered(ADVANCE, shares, at=NOW, uow=uow, now=NOW)


async def available(uow_factory: UnitOfWorkFactory) -> int:
    async with uow_factory() as uow:
        return (await Ledger(uow).balance(account("asha", AccountKind.DEPOSIT, NOUGHT))).available


async def test_what_was_delivered_is_paid_and_the_rest_returns(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory)
    for _ in range(2):
        await reserve(uow_factory)
    assert await available(uow_factory) == 200
    for _ in range(2):
        await deliver(uow_factory, 500, 50, 10)
    assert await available(uow_factory) == 440
    assert await posted(uow_factory, "asha", AccountKind.ESCROW) == 0
    assert await posted(uow_factory, "ravi", AccountKind.PAYABLE) == 500
    assert await posted(uow_factory, "grid", AccountKind.WHEELING) == 50
    assert await posted(uow_factory, "state", AccountKind.TAX) == 10
    with pytest.raises(HoldResolved):
        await deliver(uow_factory, 0)


async def test_where_nothing_was_delivered_all_returns(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory)
    await reserve(uow_factory)
    await deliver(uow_factory, 0)
    assert await available(uow_factory) == 1_000


async def test_no_more_is_paid_or_set_aside_than_there_is(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 799)
    with pytest.raises(InsufficientFunds):
        await reserve(uow_factory)
    with pytest.raises(AdvanceExceeded):
        await deliver(uow_factory, 801)


async def test_a_deposit_that_is_charged_back_after_use_is_the_payers_debt(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await pay_in(uow_factory)
    await reserve(uow_factory)
    made = await start(uow_factory, "deposit", 1_000)
    await say(uow_factory, made.id, PaymentStatus.CHARGEBACK)
    assert await available(uow_factory) == 0
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 800
    assert await posted(uow_factory, "asha", AccountKind.CASH_IN) == 0
    await deliver(uow_factory, 800)
    assert await posted(uow_factory, "ravi", AccountKind.PAYABLE) == 800
