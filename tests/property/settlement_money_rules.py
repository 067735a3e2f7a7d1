"""What happens to bills and money in a town, in steps of a machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from settlement.ledger.accounts import AccountKind
from settlement.ledger.sealing import seal_next_day
from settlement.payments.due_dates import PaymentTerms
from settlement.payments.netting import Owed, net
from settlement.payments.notices import take_notice
from settlement.payments.overdue import list_pending, mark_overdue
from settlement.payments.payment import Collector, Payment, payment_id
from settlement.payments.ports import RailNotice
from settlement.payments.posting import account
from settlement.payments.prepaid import Advance, Share, pay_delivered, set_aside
from settlement.payments.starting import start_payment
from settlement.payments.states import PaymentStatus
from storage.unit_of_work import UnitOfWork
from tests.property.settlement_town_machine import TownMachine, again, dies
from tests.support.naive_money import IN, Demand, Paying
from tests.support.naive_town import closed_cycles
from tests.support.sealed_ledgers import SIGNER
from tests.support.town import METERS, OWNERS, ZONE, at, money

OUT: Final = (PaymentStatus.CHARGEBACK, PaymentStatus.FAILED, PaymentStatus.REFUNDED)
arrives = st.sampled_from([True, True, False])
which_one = st.integers(0, 20)


class PayingTown(TownMachine):
    """Bills are paid, in part, in one and ahead; money bounces; what is late is marked; days are sealed."""

    def _act(self, work: Callable[[UnitOfWork], Awaitable[object]], *, dies_in: Any, twice: bool) -> None:
        self.step(self.town.act(work), dies_in=0 if dies_in is not None else None)
        if twice:
            self.unchanged(lambda: self.town.act(work))

    def _unpaid(self) -> list[str]:
        return sorted(bill for bill in self.money.demands if self.money.due(bill))

    def _pay(self, paying: Paying, *, arrives: bool, dies_in: Any, twice: bool) -> None:
        self.money.start(paying)
        made = Payment(
            id=UUID(paying.id),
            payer=paying.payer,
            payee=paying.payee,
            amount=money(paying.amount),
            collected_by=Collector.BPP,
            parts=tuple(
                Owed(bill=UUID(bill), payer=payer, payee=payee, due=money(minor))
                for bill, (payer, payee, minor) in paying.parts.items()
            ),
        )

        async def work(uow: UnitOfWork) -> None:
            await start_payment(made, uow=uow, now=self.town.now)

        self._act(work, dies_in=dies_in, twice=twice)
        if arrives:
            self.begin()
            self._hear(paying, PaymentStatus.SETTLED, dies_in=dies_in, twice=twice)

    def _new_payment(self) -> str:
        return str(payment_id("machine", str(len(self.money.payments))))

    @precondition(lambda self: self._unpaid())
    @rule(
        which=which_one,
        share=st.sampled_from([100, 100, 60, 40]),
        arrives=arrives,
        dies_in=dies,
        twice=again,
    )
    def pay(self, which: int, share: int, arrives: bool, dies_in: Any, twice: bool) -> None:
        self.begin()
        unpaid = self._unpaid()
        demand = self.money.demands[unpaid[which % len(unpaid)]]
        self._pay(self._part(demand, share), arrives=arrives, dies_in=dies_in, twice=twice)

    @precondition(lambda self: self._unpaid())
    @rule(which=which_one, share=st.sampled_from([100, 60]), dies_in=dies)
    def pay_too_much(self, which: int, share: int, dies_in: Any) -> None:
        """Begin two payments of the same bill; both arrive."""
        self.begin()
        unpaid = self._unpaid()
        demand = self.money.demands[unpaid[which % len(unpaid)]]
        both = []
        for _ in range(2):
            both.append(self._part(demand, share))
            self._pay(both[-1], arrives=False, dies_in=dies_in, twice=False)
        for paying in both:
            self.begin()
            self._hear(paying, PaymentStatus.CAPTURED, dies_in=dies_in, twice=False)

    def _part(self, demand: Demand, share: int) -> Paying:
        minor = max(1, self.money.due(demand.id) * share // 100)
        return Paying(
            id=self._new_payment(),
            payer=demand.payer,
            payee=demand.payee,
            amount=minor,
            parts={demand.id: (demand.payer, demand.payee, minor)},
        )

    @precondition(lambda self: len(self._unpaid()) > 1)
    @rule(which=which_one, arrives=arrives, dies_in=dies, twice=again)
    def pay_net(self, which: int, arrives: bool, dies_in: Any, twice: bool) -> None:
        """Pay all that two owe each other, in one."""
        self.begin()
        unpaid = [self.money.demands[bill] for bill in self._unpaid()]
        between = {unpaid[which % len(unpaid)].payer, unpaid[which % len(unpaid)].payee}
        parts = {
            each.id: (each.payer, each.payee, self.money.due(each.id))
            for each in unpaid
            if {each.payer, each.payee} == between
        }
        owes = {name: sum(minor for payer, _, minor in parts.values() if payer == name) for name in between}
        paid = net(
            Owed(bill=UUID(bill), payer=payer, payee=payee, due=money(minor))
            for bill, (payer, payee, minor) in parts.items()
        )
        assert paid.amount.minor == owes[paid.payer] - owes[paid.payee]
        paying = Paying(
            id=self._new_payment(),
            payer=paid.payer,
            payee=paid.payee,
            amount=paid.amount.minor,
            parts=parts,
        )
        self._pay(paying, arrives=arrives, dies_in=dies_in, twice=twice)

    @rule(
        owner=st.sampled_from(sorted(METERS)),
        amount=st.integers(1, 20_000),
        arrives=arrives,
        dies_in=dies,
        twice=again,
    )
    def pay_into_deposit(self, owner: str, amount: int, arrives: bool, dies_in: Any, twice: bool) -> None:
        self.begin()
        paying = Paying(id=self._new_payment(), payer=owner, payee="platform", amount=amount, parts={})
        self._pay(paying, arrives=arrives, dies_in=dies_in, twice=twice)

    @precondition(lambda self: self.money.payments)
    @rule(which=which_one, said=st.sampled_from(PaymentStatus), dies_in=dies, twice=again)
    def hear_of(self, which: int, said: PaymentStatus, dies_in: Any, twice: bool) -> None:
        self.begin()
        payments = list(self.money.payments.values())
        self._hear(payments[-1 - which % len(payments)], said, dies_in=dies_in, twice=twice)

    @precondition(lambda self: self._arrived())
    @rule(which=which_one, said=st.sampled_from(OUT), dies_in=dies, twice=again)
    def bounce(self, which: int, said: PaymentStatus, dies_in: Any, twice: bool) -> None:
        self.begin()
        arrived = self._arrived()
        self._hear(arrived[-1 - which % len(arrived)], said, dies_in=dies_in, twice=twice)

    def _arrived(self) -> list[Paying]:
        return [paying for paying in self.money.payments.values() if paying.status in IN]

    def _hear(self, paying: Paying, said: PaymentStatus, *, dies_in: Any, twice: bool) -> None:
        expected = self.money.hear(paying, said.value)
        word = RailNotice(
            event_id=f"{paying.id} {self.town.second}", payment=UUID(paying.id), status=said, at=self.town.now
        )

        async def work(uow: UnitOfWork) -> None:
            assert await take_notice(word, rail="sandbox", uow=uow, now=self.town.now) == expected

        self._act(work, dies_in=dies_in, twice=twice)

    @precondition(lambda self: any(sale.id not in self.books.advances for sale in self.sales))
    @rule(which=which_one, amount=st.integers(1, 9_000), dies_in=dies, twice=again)
    def pay_ahead(self, which: int, amount: int, dies_in: Any, twice: bool) -> None:
        self.begin()
        without = [sale for sale in self.sales if sale.id not in self.books.advances]
        sale = without[which % len(without)]
        buyer = OWNERS[sale.takes]
        advance = Advance(
            contract_id=sale.id, buyer=buyer, amount=money(amount), confirmed_at=at(sale.confirmed)
        )

        async def work(uow: UnitOfWork) -> None:
            await set_aside(advance, uow=uow, now=self.town.now)

        if self.money.set_aside(sale.id, buyer, amount):
            self.books.advances[sale.id] = advance
            self._act(work, dies_in=dies_in, twice=twice)
        else:
            self.is_refused(self.town.act(work))

    @precondition(lambda self: self.money.ahead)
    @rule(which=which_one, dies_in=dies, twice=again)
    def pay_out(self, which: int, dies_in: Any, twice: bool) -> None:
        """Pay what was delivered so far out of what was set aside for it, and give the rest back."""
        self.begin()
        contract = sorted(self.money.ahead)[which % len(self.money.ahead)]
        sale = next(each for each in self.sales if each.id == contract)
        closed = closed_cycles(sale, self.sales, self.books.counted, self.town.second)
        minor = min(self.money.ahead[contract][1], sum(cycle.amount for cycle in closed))
        seller = OWNERS[sale.gives]
        shares = [
            Share(
                account=account(seller, AccountKind.REVENUE, money(minor)), amount=money(minor), code="SOLD"
            )
        ]
        self.money.pay_out(contract, seller, minor)
        now = self.town.now

        async def work(uow: UnitOfWork) -> None:
            await pay_delivered(self.books.advances[contract], shares, at=now, uow=uow, now=self.town.now)

        self._act(work, dies_in=dies_in, twice=twice)

    @precondition(lambda self: self._unpaid())
    @rule(dies_in=dies, twice=again)
    def remind(self, dies_in: Any, twice: bool) -> None:
        """Mark what is late: a bill has one day to be paid after that of its issue."""
        self.begin()
        terms = PaymentTerms(zone=ZONE, days=1)
        self.books.note_late(self.town.second)

        async def work(uow: UnitOfWork) -> None:
            for bill in await list_pending(uow=uow, issued_before=self.town.now):
                await mark_overdue(bill, terms, uow=uow, now=self.town.now)

        self._act(work, dies_in=dies_in, twice=twice)

    @precondition(lambda self: self.money.posted)
    @rule(dies_in=dies)
    def seal(self, dies_in: Any) -> None:
        self.begin()

        async def work(uow: UnitOfWork) -> None:
            await seal_next_day(uow=uow, signer=SIGNER, now=self.town.now)

        self._act(work, dies_in=dies_in, twice=False)
