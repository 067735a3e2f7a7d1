"""Bills that are paid, in parts, twice, together, late, and whose payments come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from kernel.currency import Currency
from kernel.money import Money
from settlement.bills import BillingCycle, BillNotFound, BillStatus
from settlement.events import find_broken, find_events
from settlement.ledger.accounts import AccountKind
from settlement.payments.due_dates import PaymentTerms
from settlement.payments.given_up import give_up
from settlement.payments.netting import net
from settlement.payments.notices import NoticeMismatch, take_notice
from settlement.payments.overdue import list_pending, mark_overdue
from settlement.payments.payment import Collector, PaymentInvalid
from settlement.payments.ports import RailAction, RailOrder
from settlement.payments.starting import PaymentMismatch, start_payment
from settlement.payments.states import NoticeVerdict, PaymentStatus
from settlement.payments.store import PaymentNotFound, find_due
from settlement.payments.tables import payment_alerts, payment_events
from settlement.rows import bill_key
from settlement.store import find_bills
from settlement.tables import bill_corrections, carried_corrections
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.bills import FIRST, ISSUED_AT, NOW, issue, notice, owed, payment, posted, say, start

S = PaymentStatus
TERMS = PaymentTerms(zone="Asia/Kolkata", grace_days=3)


async def bills(uow_factory: UnitOfWorkFactory, contract: str = "contract-1") -> list[BillingCycle]:
    async with uow_factory() as uow:
        return await find_bills(contract, uow=uow)


async def status(uow_factory: UnitOfWorkFactory, contract: str = "contract-1") -> BillStatus:
    return (await bills(uow_factory, contract))[0].status


async def due(uow_factory: UnitOfWorkFactory, bill: UUID) -> int:
    async with uow_factory() as uow:
        return await find_due(bill, uow=uow)


async def test_a_bill_is_paid_once_its_parts_cover_it(uow_factory: UnitOfWorkFactory) -> None:
    bill = await issue(uow_factory, 1_000)
    first = await start(uow_factory, "one", 400, [owed(bill, 400)])
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 1_000
    assert await say(uow_factory, first.id, S.AUTHORIZED) is NoticeVerdict.APPLIED
    assert await due(uow_factory, bill) == 1_000
    await say(uow_factory, first.id, S.CAPTURED)
    assert (await due(uow_factory, bill), await status(uow_factory)) == (600, BillStatus.PENDING)
    second = await start(uow_factory, "two", 600, [owed(bill, 600)])
    await say(uow_factory, second.id, S.SETTLED)
    assert (await due(uow_factory, bill), await status(uow_factory)) == (0, BillStatus.PAID)
    assert await say(uow_factory, first.id, S.SETTLED) is NoticeVerdict.APPLIED
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 0
    assert await posted(uow_factory, "asha", AccountKind.CASH_IN) == 1_000
    assert await posted(uow_factory, "ravi", AccountKind.PAYABLE) == 1_000


async def test_a_notice_counts_once_and_another_under_its_id_is_refused(
    uow_factory: UnitOfWorkFactory,
) -> None:
    bill = await issue(uow_factory, 1_000)
    made = await start(uow_factory, "one", 400, [owed(bill, 400)])

    async def again() -> NoticeVerdict:
        return await say(uow_factory, made.id, S.CAPTURED)

    assert set(await asyncio.gather(*(again() for _ in range(4)))) == {NoticeVerdict.APPLIED}
    assert await due(uow_factory, bill) == 600
    assert await posted(uow_factory, "asha", AccountKind.CASH_IN) == 400
    with pytest.raises(NoticeMismatch):
        await say(uow_factory, made.id, S.FAILED, event_id=f"{made.id} {S.CAPTURED}")
    with pytest.raises(PaymentNotFound):
        await say(uow_factory, uuid4(), S.CAPTURED)
    async with uow_factory() as uow:
        assert len((await uow.connection.execute(select(payment_events))).all()) == 1


async def test_what_bounces_before_its_bill_is_paid_is_due_again(uow_factory: UnitOfWorkFactory) -> None:
    bill = await issue(uow_factory, 1_000)
    made = await start(uow_factory, "one", 400, [owed(bill, 400)])
    await say(uow_factory, made.id, S.CAPTURED)
    await say(uow_factory, made.id, S.FAILED)
    assert (await due(uow_factory, bill), len(await bills(uow_factory))) == (1_000, 1)
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 1_000
    assert await posted(uow_factory, "asha", AccountKind.CASH_IN) == 0


async def test_a_paid_bill_whose_payment_bounces_stays_paid_and_gets_a_new_one(
    uow_factory: UnitOfWorkFactory,
) -> None:
    bill = await issue(uow_factory, 1_000)
    for name, minor in (("one", 400), ("two", 600)):
        made = await start(uow_factory, name, minor, [owed(bill, minor)])
        await say(uow_factory, made.id, S.SETTLED)
    await say(uow_factory, made.id, S.CHARGEBACK)
    paid, again = await bills(uow_factory)
    assert (paid.status, again.status) == (BillStatus.PAID, BillStatus.PENDING)
    assert (again.cycle_id, again.total.minor) == (f"{FIRST}-b2", 600)
    assert [line.title for line in again.lines] == [f"Returned payment ({FIRST})"]
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 600
    key = bill_key("contract-1", again.cycle_id)
    third = await start(uow_factory, "three", 600, [owed(key, 600)])
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 600
    await say(uow_factory, third.id, S.SETTLED)
    await say(uow_factory, third.id, S.CHARGEBACK)
    *_, last = await bills(uow_factory)
    assert (last.cycle_id, last.total.minor) == (f"{FIRST}-b3", 600)
    async with uow_factory() as uow:
        events = await find_events("contract-1", uow=uow)
    assert find_broken(events) is None
    assert [event.change.event for event in events] == ["COVERED", "ISSUED", "COVERED", "ISSUED"]


async def test_what_a_bill_does_not_need_stays_with_the_payer(uow_factory: UnitOfWorkFactory) -> None:
    bill = await issue(uow_factory, 1_000)
    first = await start(uow_factory, "one", 1_000, [owed(bill, 1_000)])
    second = await start(uow_factory, "two", 1_000, [owed(bill, 1_000)])
    for each in (first, second):
        await say(uow_factory, each.id, S.CAPTURED)
    assert await due(uow_factory, bill) == 0
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == -1_000
    await say(uow_factory, second.id, S.REFUNDED)
    assert len(await bills(uow_factory)) == 1
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 0


async def test_a_credit_note_lessens_what_is_due(uow_factory: UnitOfWorkFactory) -> None:
    wrong = await issue(uow_factory, 500, bill_id="bill-2025-12-001")
    bill = await issue(uow_factory, 1_000)
    note = uuid4()
    async with uow_factory() as uow:
        row = {
            "id": note,
            "bill": wrong,
            "run": 2,
            "kind": "CREDIT_NOTE",
            "amount_minor": 300,
            "explanation": {},
            "issued_at": ISSUED_AT,
        }
        await uow.connection.execute(insert(bill_corrections).values(row))
        part = {"correction": note, "billing_cycle": bill, "amount_minor": 300}
        await uow.connection.execute(insert(carried_corrections).values(part))
    with pytest.raises(PaymentInvalid, match="is due on"):
        await start(uow_factory, "much", 701, [owed(bill, 701)])
    made = await start(uow_factory, "one", 700, [owed(bill, 700)])
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 700
    await say(uow_factory, made.id, S.CAPTURED)
    assert (await bills(uow_factory))[-1].status is BillStatus.PAID
    assert await posted(uow_factory, "asha", AccountKind.RECEIVABLE) == 0
    assert await posted(uow_factory, "ravi", AccountKind.PAYABLE) == 700


@pytest.mark.parametrize("back", [300, 1_000])
async def test_bills_in_both_directions_are_paid_as_one(uow_factory: UnitOfWorkFactory, back: int) -> None:
    forth = await issue(uow_factory, 1_000)
    other = await issue(uow_factory, back, contract="contract-2")
    together = net([owed(forth, 1_000), owed(other, back, payer="ravi", payee="asha")])
    made = payment("net", together.amount.minor, together.parts, payer=together.payer, payee=together.payee)
    async with uow_factory() as uow:
        await start_payment(made, uow=uow, now=NOW)
    await say(uow_factory, made.id, S.SETTLED)
    for contract in ("contract-1", "contract-2"):
        assert await status(uow_factory, contract) is BillStatus.PAID
    for owner in ("asha", "ravi"):
        assert await posted(uow_factory, owner, AccountKind.RECEIVABLE) == 0
    claims = [await posted(uow_factory, owner, AccountKind.PAYABLE) for owner in ("asha", "ravi")]
    assert sorted(claims) == [0, 1_000 - back]
    await say(uow_factory, made.id, S.CHARGEBACK)
    owing = [await posted(uow_factory, owner, AccountKind.RECEIVABLE) for owner in ("asha", "ravi")]
    assert owing == [1_000, back]
    assert [len(await bills(uow_factory, each)) for each in ("contract-1", "contract-2")] == [2, 2]


async def test_starting_again_changes_nothing_and_starting_another_is_refused(
    uow_factory: UnitOfWorkFactory,
) -> None:
    bill = await issue(uow_factory, 1_000)
    made = await start(uow_factory, "one", 400, [owed(bill, 400)])
    await say(uow_factory, made.id, S.CAPTURED)
    assert await start(uow_factory, "one", 400, [owed(bill, 400)]) == made
    assert await due(uow_factory, bill) == 600
    for other in (replace(made, collected_by=Collector.BAP), payment("one", 300, [owed(bill, 300)])):
        with pytest.raises(PaymentMismatch):
            async with uow_factory() as uow:
                await start_payment(other, uow=uow, now=NOW)


async def test_a_payment_of_no_bill_or_in_another_currency_is_refused(
    uow_factory: UnitOfWorkFactory,
) -> None:
    with pytest.raises(BillNotFound):
        await start(uow_factory, "none", 5, [owed(uuid4(), 5)])
    bill = await issue(uow_factory, 1_000)
    dollars = Money(5, Currency("USD"))
    foreign = replace(payment("usd", 5), amount=dollars, parts=(replace(owed(bill, 5), due=dollars),))
    with pytest.raises(PaymentInvalid, match="is in INR"):
        async with uow_factory() as uow:
            await start_payment(foreign, uow=uow, now=NOW)


async def test_a_contradiction_alerts_the_operator_and_moves_nothing(uow_factory: UnitOfWorkFactory) -> None:
    bill = await issue(uow_factory, 1_000)
    made = await start(uow_factory, "one", 400, [owed(bill, 400)])
    await say(uow_factory, made.id, S.FAILED)
    assert await say(uow_factory, made.id, S.CAPTURED) is NoticeVerdict.CONTRADICTS
    assert await say(uow_factory, made.id, S.AUTHORIZED) is NoticeVerdict.STALE
    assert await due(uow_factory, bill) == 1_000
    async with uow_factory() as uow:
        (alert,) = (await uow.connection.execute(select(payment_alerts))).all()
    assert (alert.audience, alert.message) == (
        "OPERATOR",
        "sandbox says CAPTURED of a payment that is FAILED",
    )


async def test_an_order_that_is_given_up_is_told_to_the_operator_and_the_payer_once(
    uow_factory: UnitOfWorkFactory,
) -> None:
    bill = await issue(uow_factory, 1_000)
    made = await start(uow_factory, "one", 400, [owed(bill, 400)])
    order = RailOrder(payment=made.id, action=RailAction.CAPTURE, amount=made.amount)
    for _ in range(2):
        async with uow_factory() as uow:
            await give_up(order, reason="no answer", uow=uow, now=NOW)
    async with uow_factory() as uow:
        told = (await uow.connection.execute(select(payment_alerts.c.audience))).scalars().all()
    assert sorted(told) == ["OPERATOR", "asha"]
    assert await say(uow_factory, made.id, S.CAPTURED) is NoticeVerdict.APPLIED


async def test_a_bill_is_overdue_after_its_days_and_can_still_be_paid(uow_factory: UnitOfWorkFactory) -> None:
    key = await issue(uow_factory, 1_000)
    over = TERMS.overdue_from(ISSUED_AT)
    async with uow_factory() as uow:
        assert await list_pending(uow=uow, issued_before=ISSUED_AT) == []
        (bill,) = await list_pending(uow=uow, issued_before=NOW)
    for now, overdue in (
        (over - timedelta(microseconds=1), False),
        (over, True),
        (over, False),
    ):
        async with uow_factory() as uow:
            assert await mark_overdue(bill, TERMS, uow=uow, now=now) is overdue
    assert await status(uow_factory) is BillStatus.OVERDUE
    first = await start(uow_factory, "one", 999, [owed(key, 999)])
    await say(uow_factory, first.id, S.SETTLED)
    assert await status(uow_factory) is BillStatus.OVERDUE
    second = await start(uow_factory, "two", 1, [owed(key, 1)])
    await say(uow_factory, second.id, S.SETTLED)
    assert await status(uow_factory) is BillStatus.PAID


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments SET amount_minor = 1",
        "UPDATE payments SET status = 'PENDING'",
        "DELETE FROM payments",
        "UPDATE payment_allocations SET amount_minor = 1",
        "DELETE FROM payment_events",
    ],
)
async def test_the_database_keeps_what_was_paid(uow_factory: UnitOfWorkFactory, statement: str) -> None:
    bill = await issue(uow_factory, 1_000)
    made = await start(uow_factory, "one", 400, [owed(bill, 400)])
    await say(uow_factory, made.id, S.CAPTURED)
    with pytest.raises(IntegrityError):
        async with uow_factory() as uow:
            await uow.connection.execute(text(statement))


async def die_after(payment: UUID, uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await take_notice(notice(payment, S.CAPTURED), rail="sandbox", uow=uow, now=NOW)
        raise RuntimeError("the process dies")


async def test_a_crash_before_the_end_leaves_no_trace(uow_factory: UnitOfWorkFactory) -> None:
    bill = await issue(uow_factory, 1_000)
    made = await start(uow_factory, "one", 1_000, [owed(bill, 1_000)])
    with pytest.raises(RuntimeError):
        await die_after(made.id, uow_factory)
    assert await due(uow_factory, bill) == 1_000
    assert await say(uow_factory, made.id, S.CAPTURED) is NoticeVerdict.APPLIED
    assert await status(uow_factory) is BillStatus.PAID
