"""Bills and credit notes are on the ledger from the transaction in which they are issued."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import delete, func, select, text

from kernel.currency import Currency
from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.correcting import Reversal, find_corrections, reverse_correction
from settlement.corrections import BillCorrection, CorrectionKind
from settlement.ledger.accounts import WATT_HOURS, AccountKind
from settlement.ledger.journal import TransferMismatch
from settlement.ledger.tables import ledger_accounts, ledger_balances, ledger_transfers
from settlement.payments.netting import Owed
from settlement.payments.payment import Collector, Payment, payment_id
from settlement.payments.starting import start_payment
from settlement.payments.store import find_due
from settlement.rows import bill_key
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.monthly_sale import DAY, HOUR, audit, count_day, count_days, on_account, open_seller
from tests.support.seller_world import BAP_ID, BPP_ID, PARTIES, SellerWorld


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await open_seller(uow_factory)


async def bills_of(world: SellerWorld, contract: str) -> list[BillingCycle]:
    async with world.uow_factory() as uow:
        return await find_bills(contract, uow=uow)


async def credited(world: SellerWorld, contract: str) -> int:
    async with world.uow_factory() as uow:
        found = await find_corrections(contract, uow=uow)
    return sum(each.amount.minor for each in found if each.kind is CorrectionKind.CREDIT_NOTE)


async def entries(world: SellerWorld) -> int:
    """Return how many entries of money there are."""
    async with world.uow_factory() as uow:
        money = ledger_transfers.c.unit != WATT_HOURS
        query = select(func.count()).select_from(ledger_transfers).where(money)
        return int((await uow.connection.execute(query)).scalar_one())


async def check_posted(world: SellerWorld, contract: str) -> None:
    """The bills' totals less the credit notes are what is posted, on both sides."""
    bills = await bills_of(world, contract)
    posted = sum(bill.total.minor for bill in bills) - await credited(world, contract)
    debt = await on_account(world.uow_factory, AccountKind.RECEIVABLE)
    credit = await on_account(world.uow_factory, AccountKind.CREDIT)
    assert debt - credit == posted
    assert await on_account(world.uow_factory, AccountKind.PAYABLE) == posted
    assert debt == await due_on(world, bills)
    assert (await audit(world.uow_factory)).findings == ()


async def due_on(world: SellerWorld, bills: Sequence[BillingCycle]) -> int:
    async with world.uow_factory() as uow:
        return sum([await find_due(bill_key(each.contract_id, each.cycle_id), uow=uow) for each in bills])


async def test_an_issued_bill_is_owed_on_the_ledger_and_looking_again_posts_nothing(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(100))["beckn:id"]
    await count_days(world, range(1))
    assert (await bills_of(world, contract), await entries(world)) == ([], 0)
    await count_days(world, range(1, 2))
    [bill] = await bills_of(world, contract)
    assert bill.total.minor > 0
    assert await entries(world) == 1
    await check_posted(world, contract)
    await count_day(world, 1, 1_000, world.clock.now() + HOUR)
    assert await entries(world) == 1


async def test_credit_notes_lessen_what_is_posted_as_issued_and_what_is_owed_as_taken_up(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(100))["beckn:id"]
    await count_days(world, range(3))
    await count_day(world, 0, 600, world.clock.now() + HOUR)
    [first] = await bills_of(world, contract)
    assert await credited(world, contract) > 0
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == await credited(world, contract)
    await check_posted(world, contract)
    await count_days(world, range(3, 5))
    _, second = await bills_of(world, contract)
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == 0
    assert await due_on(world, [first]) == first.total.minor
    assert await due_on(world, [second]) == second.total.minor - await credited(world, contract)
    await check_posted(world, contract)


async def test_adjustments_are_posted_with_the_bill_that_takes_them_up(world: SellerWorld) -> None:
    contract: str = (await world.buy(200))["beckn:id"]
    await count_days(world, range(3))
    await count_day(world, 1, 1_300, world.clock.now() + HOUR)
    assert await entries(world) == 1
    await count_days(world, range(3, 5))
    await count_day(world, 2, 2_000, world.clock.now() + DAY)  # after the last: a bill of its own
    assert len(await bills_of(world, contract)) == 3
    await check_posted(world, contract)


async def take_back(world: SellerWorld, contract: str) -> BillCorrection:
    """Take the contract's first correction back, as an operator does who finds that it was wrong."""
    async with world.uow_factory() as uow:
        [wrong, *_] = await find_corrections(contract, uow=uow)
        return await reverse_correction(
            Reversal(
                contract_id=contract,
                bill_id=wrong.bill_id,
                run=wrong.run,
                actor="operator",
                reason="the meter was right",
            ),
            parties=PARTIES,
            uow=uow,
            now=world.clock.advance(HOUR),
        )


async def test_an_adjustment_that_was_wrong_is_credited_on_the_ledger_as_it_is_taken_back(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(200))["beckn:id"]
    await count_days(world, range(5))
    await count_day(world, 1, 1_300, world.clock.now() + HOUR)  # after the last: a bill of its own
    *_, own = await bills_of(world, contract)
    await check_posted(world, contract)
    before = await on_account(world.uow_factory, AccountKind.PAYABLE)
    back = await take_back(world, contract)
    assert (back.kind, back.amount.minor) == (CorrectionKind.CREDIT_NOTE, own.total.minor)
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == back.amount.minor
    assert await on_account(world.uow_factory, AccountKind.PAYABLE) == before - back.amount.minor
    await check_posted(world, contract)


async def test_an_adjustment_that_waits_is_taken_back_on_the_bill_that_asks_for_it(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(200))["beckn:id"]
    await count_days(world, range(3))
    await count_day(world, 1, 1_300, world.clock.now() + HOUR)
    back = await take_back(world, contract)
    await check_posted(world, contract)
    await count_days(world, range(3, 5))
    *_, last = await bills_of(world, contract)
    assert await due_on(world, [last]) == last.total.minor - back.amount.minor
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == 0
    await check_posted(world, contract)


async def test_a_credit_note_that_was_wrong_is_owed_again_with_the_bill_that_asks_for_it(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(100))["beckn:id"]
    await count_days(world, range(3))
    await count_day(world, 0, 600, world.clock.now() + HOUR)
    before = await entries(world)
    back = await take_back(world, contract)
    assert (back.kind, await entries(world)) == (CorrectionKind.ADJUSTMENT, before)
    await check_posted(world, contract)
    await count_days(world, range(3, 5))
    *_, last = await bills_of(world, contract)
    assert await due_on(world, [last]) == last.total.minor - back.amount.minor  # by the note that was wrong
    await check_posted(world, contract)


async def test_a_payment_starts_with_its_bill_posted_and_not_between_others(world: SellerWorld) -> None:
    contract: str = (await world.buy(100))["beckn:id"]
    await count_days(world, range(2))
    [bill] = await bills_of(world, contract)

    async def start(payer: str) -> None:
        owed = Owed(bill=bill_key(contract, bill.cycle_id), payer=payer, payee=BPP_ID, due=bill.total)
        payment = Payment(
            id=payment_id(payer),
            payer=payer,
            payee=BPP_ID,
            amount=bill.total,
            collected_by=Collector.BPP,
            parts=(owed,),
        )
        async with world.uow_factory() as uow:
            await start_payment(payment, uow=uow, now=world.clock.now())

    await start(BAP_ID)
    assert await entries(world) == 1
    with pytest.raises(TransferMismatch):
        await start("bap.stranger.example")
    await check_posted(world, contract)


async def test_bills_of_before_are_posted_with_their_credit_notes_as_they_are_paid(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(100))["beckn:id"]
    await count_days(world, range(3))
    await count_day(world, 0, 600, world.clock.now() + HOUR)
    await count_days(world, range(3, 5))
    first, second = await bills_of(world, contract)
    async with world.uow_factory() as uow:
        await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in (ledger_transfers, ledger_balances, ledger_accounts):
            await uow.connection.execute(delete(table))
    due = Money(await due_on(world, [second]), Currency("USD"))
    owed = Owed(bill=bill_key(contract, second.cycle_id), payer=BAP_ID, payee=BPP_ID, due=due)
    payment = Payment(
        id=payment_id("late"),
        payer=BAP_ID,
        payee=BPP_ID,
        amount=due,
        collected_by=Collector.BPP,
        parts=(owed,),
    )
    async with world.uow_factory() as uow:
        await start_payment(payment, uow=uow, now=world.clock.now())
    assert await on_account(world.uow_factory, AccountKind.RECEIVABLE) == due.minor
    assert first.status is BillStatus.PENDING


async def test_a_bill_of_nought_moves_nothing(world: SellerWorld) -> None:
    contract: str = (await world.buy(100))["beckn:id"]
    await count_days(world, range(2), exported=0)
    [bill] = await bills_of(world, contract)
    if bill.total.minor:
        pytest.fail(f"the catalogue charges {bill.total} for nothing")
    assert (bill.status, await entries(world)) == (BillStatus.PAID, 0)
