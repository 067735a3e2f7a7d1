"""Whatever happens in a town that trades, in whatever order and wherever it dies: everything still agrees.

    python -m tests.property.settlement_machine --seconds 600

runs it for so long, seed after seed, and prints the steps of what fails, as short as they can be made.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from itertools import count
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kernel.errors import NodeError
from settlement.ledger.accounts import AccountKind
from settlement.payments.netting import Owed, net
from settlement.payments.notices import take_notice
from settlement.payments.due_dates import PaymentTerms
from settlement.payments.overdue import list_pending, mark_overdue
from settlement.payments.payment import Collector, Payment, payment_id
from settlement.payments.ports import RailNotice
from settlement.payments.posting import account
from settlement.payments.prepaid import Advance, Share, pay_delivered, set_aside
from settlement.payments.starting import start_payment
from settlement.payments.states import PaymentStatus
from settlement.ledger.sealing import seal_next_day
from storage.database import Database
from storage.embedded import start_embedded
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWork
from tests.property.settlement_invariants import Books, check_all
from tests.support.naive_money import Money, Paying
from tests.support.naive_town import DAY, GIVES, HOUR, TAKES, Deal, Sale, closed_cycles
from tests.support.sealed_ledgers import SIGNER
from tests.support.town import DEALS, FIRST, METERS, OWNERS, SLOT, ZONE, Rows, Town, at, money

T = TypeVar("T")

NEWS: Final = {"reported", "standing", "told_at", "updated_at", "refresh_at"}
"""What is kept of a contract so that its buyer is told."""
OUT: Final = (PaymentStatus.CHARGEBACK, PaymentStatus.FAILED, PaymentStatus.REFUNDED)
MOST_SALES: Final = 6
SLOTS: Final = [(FIRST + place * SLOT, FIRST + (place + 1) * SLOT) for place in range(-2, 22)]
orders = st.fixed_dictionaries(
    {
        "pair": st.permutations(sorted(METERS.values())),
        "begins": st.sampled_from([0, 0, 6, 33, 40]),
        "lasts": st.sampled_from([72, 48, 18, 5]),
        "deal": st.sampled_from(DEALS),
        "amount": st.sampled_from([4_000, 9_000]) | st.integers(1, 9_000),
        "together": st.booleans(),
    }
)

watt_hours = st.sampled_from([1_000, 2_001, 333, 1, 0]) | st.integers(0, 3_000)
patterns = st.lists(watt_hours, min_size=1, max_size=5)
meters = st.sampled_from(sorted(METERS.values()))
dies = st.sampled_from([None, None, None, 0, 1, 2])
"""Which unit of work of a step dies."""
again = st.sampled_from([False, False, True])
arrives = st.sampled_from([True, True, False])


class TimeIsOver(BaseException):
    """No further example is begun."""


class SettlementMachine(RuleBasedStateMachine):
    """The node beside a naive town: the same is said to both, and they have to come to the same."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    database: ClassVar[Database]
    until: ClassVar[float]
    steps: ClassVar[int] = 0
    examples: ClassVar[int] = 0
    is_over: ClassVar[bool] = False
    found: ClassVar[bool] = False
    """Something was found: what comes after looks for fewer steps."""

    def __init__(self) -> None:
        if self.examples and not self.found and monotonic() >= self.until:
            type(self).is_over = True
            raise TimeIsOver
        super().__init__()
        type(self).examples += 1
        self.town = Town(database=self.database)
        self.books = Books()
        self.rows: Rows = {}
        self.may_share_instant = False
        self.run(self.town.open())

    @property
    def sales(self) -> list[Sale]:
        return self.books.sales

    @property
    def money(self) -> Money:
        return self.books.money

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self.loop.run_until_complete(work)
        except BaseException:
            type(self).found = True
            raise

    def is_refused(self, work: Coroutine[Any, Any, object]) -> None:
        with pytest.raises(NodeError):
            self.loop.run_until_complete(work)

    def step(self, *acts: Coroutine[Any, Any, object], dies_in: int | None = None) -> None:
        """Do something, then what is due by that."""
        type(self).steps += 1
        self.town.dies_in = dies_in
        for work in acts:
            self.run(work)
        self.run(self.town.look_after())
        self.town.dies_in = None
        self._note_fulfilled()

    def begin(self, *, later: bool = True) -> None:
        """Let a second go by, and what is due by that be done: nothing else is known of that instant."""
        self.may_share_instant = False
        if later:
            self.town.clock.advance(timedelta(seconds=1))
            while self.run(self.town.look_after()):
                self._note_fulfilled()
                self.town.clock.advance(timedelta(seconds=1))

    def unchanged(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do once more what was done, and all that is due by that: it has to come to nothing."""

        async def both() -> None:
            before = await self.town.look()
            await work()
            await self.town.look_after()
            _same(before, await self.town.look())

        self.run(both())

    def _note_fulfilled(self) -> None:
        for sale in self.sales:
            if sale.cancelled is None and sale.fulfilled is None:
                closed = closed_cycles(sale, self.sales, self.books.counted, self.town.second)
                if closed and closed[-1].end == sale.end:
                    sale.fulfilled = self.town.second

    # trades

    @initialize(
        orders=st.lists(orders, min_size=2, max_size=4), hours=st.sampled_from([72, 36, 0]), pattern=patterns
    )
    def begin_in_the_middle(self, orders: list[dict[str, Any]], hours: int, pattern: list[int]) -> None:
        for order in orders:
            self._confirm(**order, dies_in=None)
        self._let_pass(hours, sorted(METERS.values()), pattern, dies_in=None)

    @precondition(lambda self: len(self.sales) < MOST_SALES and self.town.second < SLOTS[-1][0])
    @rule(order=orders, dies_in=dies)
    def confirm(self, order: dict[str, Any], dies_in: Any) -> None:
        self._confirm(**order, dies_in=dies_in)

    def _confirm(
        self,
        *,
        pair: Sequence[str],
        begins: int,
        lasts: int,
        deal: Deal,
        amount: int,
        together: bool,
        dies_in: Any,
    ) -> None:
        self.begin(later=not (together and self.may_share_instant))
        lasts = min(lasts, 18 if deal.hourly else lasts)
        start = FIRST + begins * HOUR
        while start + lasts * HOUR <= self.town.second:
            start += DAY
        sale = Sale(
            id="",
            gives=pair[0],
            takes=pair[1],
            confirmed=self.town.second,
            start=start,
            end=start + lasts * HOUR,
            watt_hours=amount,
            deal=deal,
        )
        self.sales.append(sale)
        self.step(self.town.buy(sale), dies_in=dies_in)
        self.may_share_instant = True

    @precondition(lambda self: self.sales)
    @rule(
        which=st.integers(0, MOST_SALES),
        share=st.integers(1, 100),
        since=st.integers(-6, 72),
        dies_in=dies,
        twice=again,
    )
    def cut(self, which: int, share: int, since: int, dies_in: Any, twice: bool) -> None:
        self.begin()
        sale = self.sales[which % len(self.sales)]
        cut, begins = sale.watt_hours * share // 100, sale.start + since * HOUR
        if not self._may_be_cut(sale, cut, begins):
            self.is_refused(self.town.cut(sale, cut, since=begins))
            return
        sale.cuts.append((begins, cut, self.town.second))
        self.step(self.town.cut(sale, cut, since=begins), dies_in=dies_in)
        if twice and sale.fulfilled is None:
            self.unchanged(lambda: self.town.cut(sale, cut, since=begins))

    def _may_be_cut(self, sale: Sale, cut: int, since: int) -> bool:
        closed = closed_cycles(sale, self.sales, self.books.counted, self.town.second)
        last = sale.cuts[-1] if sale.cuts else (0, 0, 0)
        return (
            sale.cancelled is None
            and sale.fulfilled is None
            and 0 < cut <= sale.watt_hours - sum(cycle.delivered for cycle in closed)
            and sale.start <= since < sale.end
            and since > last[0]
            and cut >= last[1]
        )

    @precondition(lambda self: self.sales)
    @rule(which=st.integers(0, MOST_SALES), dies_in=dies)
    def cancel(self, which: int, dies_in: Any) -> None:
        self.begin()
        sale = self.sales[which % len(self.sales)]
        if sale.cancelled is not None or sale.fulfilled is not None:
            self.is_refused(self.town.cancel(sale))
            return
        sale.cancelled = self.town.second
        if self.town.second > sale.start:
            sale.end = min(sale.end, self.town.second)
        self.step(self.town.cancel(sale), dies_in=dies_in)

    # meters and time

    @rule(
        meter=meters,
        first=st.integers(0, 23),
        gives=st.lists(watt_hours, max_size=6),
        takes=st.lists(watt_hours, max_size=6),
        dies_in=dies,
        twice=again,
    )
    def tell(
        self, meter: str, first: int, gives: list[int], takes: list[int], dies_in: Any, twice: bool
    ) -> None:
        self.begin()
        told = {
            way: {
                slot: amount
                for slot, amount in zip(SLOTS[first:], amounts, strict=False)
                if slot[1] <= self.town.second
            }
            for way, amounts in ((GIVES, gives), (TAKES, takes))
        }
        self._tell(meter, told, dies_in=dies_in, twice=twice)

    @rule(
        hours=st.sampled_from([24, 48, 6, 1]),
        silent=st.sampled_from([(), (), *((meter,) for meter in METERS.values()), tuple(METERS.values())]),
        pattern=patterns,
        dies_in=dies,
        twice=again,
    )
    def time_passes(
        self, hours: int, silent: tuple[str, ...], pattern: list[int], dies_in: Any, twice: bool
    ) -> None:
        self.begin()
        self._let_pass(hours, sorted(set(METERS.values()) - set(silent)), pattern, dies_in=dies_in)
        if twice:
            self.begin()
            self.unchanged(self._settle_again)

    async def _settle_again(self) -> None:
        for sale in self.sales:
            if not sale.claims_nothing:
                await self.town.look_again(sale.id)

    def _let_pass(self, hours: int, telling: list[str], pattern: list[int], *, dies_in: Any) -> None:
        """Let hours go by; then these meters tell of all that they have not told of."""
        self.town.clock.advance(timedelta(hours=hours))
        self.step(dies_in=None if telling else dies_in)
        for number, meter in enumerate(telling):
            self.begin()
            told = {
                way: {
                    slot: pattern[(place + number) % len(pattern)]
                    for place, slot in enumerate(SLOTS)
                    if slot[1] <= self.town.second and slot not in self.books.counted[meter, way]
                }
                for way in (GIVES, TAKES)
            }
            self._tell(meter, told, dies_in=dies_in if number == 0 else None, twice=False)

    @precondition(lambda self: any(self.books.counted.values()))
    @rule(data=st.data(), dies_in=dies)
    def revise(self, data: st.DataObject, dies_in: Any) -> None:
        self.begin()
        meter, way = data.draw(
            st.sampled_from(sorted(key for key, known in self.books.counted.items() if known))
        )
        slots = sorted(self.books.counted[meter, way])
        told = {way: {data.draw(st.sampled_from(slots)): data.draw(watt_hours)}}
        self._tell(meter, told, dies_in=dies_in, twice=False)

    def _tell(
        self, meter: str, told: dict[str, dict[tuple[int, int], int]], *, dies_in: Any, twice: bool
    ) -> None:
        if not any(told.values()):
            return
        for way, of_way in told.items():
            self.books.counted[meter, way].update(of_way)
        self.step(self.town.tell(meter, told), dies_in=dies_in)
        if twice:
            self.unchanged(lambda: self.town.tell(meter, told))

    # money

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
        which=st.integers(0, 20),
        share=st.sampled_from([100, 100, 60, 40]),
        arrives=arrives,
        dies_in=dies,
        twice=again,
    )
    def pay(self, which: int, share: int, arrives: bool, dies_in: Any, twice: bool) -> None:
        self.begin()
        unpaid = self._unpaid()
        demand = self.money.demands[unpaid[which % len(unpaid)]]
        minor = max(1, self.money.due(demand.id) * share // 100)
        paying = Paying(
            id=self._new_payment(),
            payer=demand.payer,
            payee=demand.payee,
            amount=minor,
            parts={demand.id: (demand.payer, demand.payee, minor)},
        )
        self._pay(paying, arrives=arrives, dies_in=dies_in, twice=twice)

    @precondition(lambda self: len(self._unpaid()) > 1)
    @rule(which=st.integers(0, 20), arrives=arrives, dies_in=dies, twice=again)
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
    @rule(which=st.integers(0, 20), said=st.sampled_from(PaymentStatus), dies_in=dies, twice=again)
    def hear_of(self, which: int, said: PaymentStatus, dies_in: Any, twice: bool) -> None:
        self.begin()
        payments = list(self.money.payments.values())
        self._hear(payments[-1 - which % len(payments)], said, dies_in=dies_in, twice=twice)

    @precondition(lambda self: self._arrived())
    @rule(which=st.integers(0, 20), said=st.sampled_from(OUT), dies_in=dies, twice=again)
    def bounce(self, which: int, said: PaymentStatus, dies_in: Any, twice: bool) -> None:
        self.begin()
        arrived = self._arrived()
        self._hear(arrived[-1 - which % len(arrived)], said, dies_in=dies_in, twice=twice)

    def _arrived(self) -> list[Paying]:
        return [paying for paying in self.money.payments.values() if paying.took]

    def _hear(self, paying: Paying, said: PaymentStatus, *, dies_in: Any, twice: bool) -> None:
        expected = self.money.hear(paying, said.value)
        word = RailNotice(
            event_id=f"{paying.id} {self.town.second}", payment=UUID(paying.id), status=said, at=self.town.now
        )

        async def work(uow: UnitOfWork) -> None:
            assert await take_notice(word, rail="sandbox", uow=uow, now=self.town.now) == expected

        self._act(work, dies_in=dies_in, twice=twice)

    @precondition(lambda self: any(sale.id not in self.books.advances for sale in self.sales))
    @rule(which=st.integers(0, MOST_SALES), amount=st.integers(1, 9_000), dies_in=dies, twice=again)
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
    @rule(which=st.integers(0, MOST_SALES), dies_in=dies, twice=again)
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

    @invariant()
    def everything_agrees(self) -> None:
        self.run(check_all(self.town, self.books))

    def teardown(self) -> None:
        self.run(self._verify())

    async def _verify(self) -> None:
        bills = self.books.bills_of_cycles()
        assert await self.town.differences(bills) == []


def _same(before: Rows, after: Rows) -> None:
    """Compare all but when buyers were told last: time alone may be worth telling."""
    for name, rows in before.items():
        if name != "count of outbox":
            assert _told_apart(name, after[name]) == _told_apart(name, rows), (
                f"{name} changed, nothing happened"
            )


def _told_apart(name: str, rows: list[Any]) -> list[Any]:
    if name != "contracts":
        return rows
    return sorted(
        ({key: value for key, value in row.items() if key not in NEWS} for row in rows), key=itemgetter("id")
    )


def run_for(seconds: int, *, url: str, first_seed: int = 0, shrinks: bool = True) -> tuple[int, int]:
    """Run examples, seed after seed, until the time is over; return the last seed and the steps.

    How many are run depends on the machine, which they are does not.
    """
    loop = asyncio.new_event_loop()
    SettlementMachine.loop, SettlementMachine.database = loop, Database.connect(url)
    SettlementMachine.until = monotonic() + seconds
    SettlementMachine.steps = SettlementMachine.examples = 0
    SettlementMachine.found = SettlementMachine.is_over = False
    try:
        for number in count(first_seed):
            try:
                _run_seed(number, shrinks=shrinks)
            except BaseException as error:
                if SettlementMachine.is_over:  # hypothesis may wonder that an example ended in its middle
                    return number, SettlementMachine.steps
                again = (
                    f"python -m tests.property.settlement_machine --seed {number} --seconds {round(seconds)}"
                )
                error.add_note(f"Once more, with as few steps as will do: {again}")
                raise
    finally:
        loop.run_until_complete(SettlementMachine.database.close())
        loop.close()
    raise AssertionError("there is always a next seed")


def _run_seed(number: int, *, shrinks: bool) -> None:
    run_state_machine_as_test(
        seed(number)(SettlementMachine),
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )


async def _prepare(url: str) -> None:
    database = Database.connect(url)
    await migrate(database)
    await database.close()


def main() -> None:
    asked = argparse.ArgumentParser(description="Run the town that trades, with a PostgreSQL of its own.")
    asked.add_argument("--seconds", type=int, default=600)
    asked.add_argument("--seed", type=int, default=0, help="the first one")
    asked.add_argument("--as-found", action="store_true", help="do not look for fewer steps that fail, too")
    options = asked.parse_args()
    with TemporaryDirectory(prefix="degnode-machine-", ignore_cleanup_errors=True) as folder:
        server = start_embedded(Path(folder) / "data")
        try:
            asyncio.run(_prepare(server.get_uri()))
            last, steps = run_for(
                options.seconds, url=server.get_uri(), first_seed=options.seed, shrinks=not options.as_found
            )
        finally:
            server.cleanup()
    print(f"seeds {options.seed} to {last}: {steps} steps, nothing found")


if __name__ == "__main__":
    main()
