"""Whatever is paid, bounces, is repeated and crashes: the ledger balances, and no money counts twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from settlement.bills import BillStatus
from settlement.events import find_broken, find_events
from settlement.ledger.accounts import AccountKind
from settlement.payments.notices import take_notice
from settlement.payments.payment import Payment
from settlement.payments.starting import start_payment
from settlement.payments.states import COUNTED, NoticeVerdict, PaymentStatus, judge
from settlement.payments.store import find_due
from settlement.rows import bill_key
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.bills import FIRST, NOW, issue, notice, owed, payment, posted

_NUMBERS: Final = count(1)
_MOVED: Final = text("SELECT sum(debits_posted), sum(credits_posted) FROM ledger_balances")
_ALLOCATED: Final = text(
    "SELECT coalesce(sum(CASE WHEN is_returned THEN -amount_minor ELSE amount_minor END), 0) "
    "FROM payment_allocations WHERE bill = :bill"
)
_KEPT: Final = text("SELECT coalesce(sum(amount_minor), 0) FROM payment_allocations WHERE payment = :id")

_AMOUNTS: Final = st.sampled_from([1_000, 1_000, 400, 600]) | st.integers(1, 1_000)
_CRASHES: Final = st.sampled_from([False, False, False, True])
_WHICH: Final = st.integers(0, 2)
_PAY: Final = st.tuples(st.just("pay"), _WHICH, _AMOUNTS, _CRASHES)
_SAY: Final = st.tuples(st.just("say"), _WHICH, st.sampled_from(PaymentStatus), _CRASHES)
_IN: Final = st.tuples(st.just("say"), _WHICH, st.just(PaymentStatus.SETTLED), _CRASHES)
_BACK: Final = st.tuples(st.just("say"), _WHICH, st.just(PaymentStatus.CHARGEBACK), _CRASHES)
STEPS: Final = st.lists(_PAY | _SAY | _IN | _BACK, min_size=4, max_size=14)
TWICE_BACK: Final = [
    ("pay", 0, 1_000, False),
    ("say", 0, PaymentStatus.SETTLED, False),
    ("say", 0, PaymentStatus.CHARGEBACK, True),
    ("say", 0, PaymentStatus.CHARGEBACK, False),
    ("pay", 1, 1_000, False),
    ("say", 1, PaymentStatus.SETTLED, False),
    ("say", 1, PaymentStatus.CHARGEBACK, False),
    ("say", 0, PaymentStatus.SETTLED, False),
]
Step = tuple[str, int, int, bool] | tuple[str, int, PaymentStatus, bool]


class Crash(Exception):
    """The process dies before it commits."""


def crash(crashes: bool) -> None:
    if crashes:
        raise Crash


@dataclass
class World:
    """One contract with a payer of its own, and what has to be true of it."""

    uow_factory: UnitOfWorkFactory
    name: str
    payments: dict[Payment, PaymentStatus] = field(default_factory=dict)
    heard: set[tuple[UUID, PaymentStatus]] = field(default_factory=set)

    @property
    def payer(self) -> str:
        return f"payer of {self.name}"

    async def pay(self, which: int, minor: int, *, crashes: bool) -> None:
        async with self.uow_factory() as uow:
            bills = await find_bills(self.name, uow=uow)
            bill = bill_key(self.name, bills[which % len(bills)].cycle_id)
            minor = min(minor, await find_due(bill, uow=uow))
        if not minor:
            return
        made = payment(
            f"{self.name} {len(self.payments)}",
            minor,
            [owed(bill, minor, payer=self.payer)],
            payer=self.payer,
        )
        try:
            async with self.uow_factory() as uow:
                await start_payment(made, uow=uow, now=NOW)
                crash(crashes)
        except Crash:
            return
        self.payments[made] = PaymentStatus.PENDING

    async def say(self, which: int, status: PaymentStatus, *, crashes: bool) -> None:
        if not self.payments:
            return
        made = list(self.payments)[which % len(self.payments)]
        expected = judge(self.payments[made], status)
        is_new = (made.id, status) not in self.heard
        try:
            async with self.uow_factory() as uow:
                said = await take_notice(notice(made.id, status), rail="sandbox", uow=uow, now=NOW)
                assert said is expected or not is_new
                crash(crashes)
        except Crash:
            return
        self.heard.add((made.id, status))
        if is_new and expected is NoticeVerdict.APPLIED:
            self.payments[made] = status

    async def check(self) -> None:
        counted = [made for made, status in self.payments.items() if status in COUNTED]
        due = 0
        async with self.uow_factory() as uow:
            debits, credits_ = (await uow.connection.execute(_MOVED)).one()
            assert debits == credits_
            for bill in await find_bills(self.name, uow=uow):
                key = bill_key(self.name, bill.cycle_id)
                paid = (await uow.connection.execute(_ALLOCATED, {"bill": key})).scalar_one()
                assert 0 <= paid <= bill.total.minor
                assert (bill.status is BillStatus.PAID) is (paid == bill.total.minor)
                due += bill.total.minor - paid
            kept = [(await uow.connection.execute(_KEPT, {"id": made.id})).scalar_one() for made in counted]
            assert find_broken(await find_events(self.name, uow=uow)) is None
        cash = sum(made.amount.minor for made in counted)
        if self.payments:
            assert await posted(self.uow_factory, self.payer, AccountKind.RECEIVABLE) == due - cash + sum(
                kept
            )
        if counted:
            assert await posted(self.uow_factory, self.payer, AccountKind.CASH_IN) == cash


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
@example(steps=TWICE_BACK)
async def test_what_is_owed_and_what_came_in_always_agree(
    uow_factory: UnitOfWorkFactory, steps: Sequence[Step]
) -> None:
    world = World(uow_factory, f"contract-{next(_NUMBERS)}")
    await issue(uow_factory, 1_000, contract=world.name, bill_id=FIRST)
    for what, which, value, crashes in steps:
        if isinstance(value, PaymentStatus):
            await world.say(which, value, crashes=crashes)
        else:
            assert what == "pay"
            await world.pay(which, value, crashes=crashes)
        await world.check()
