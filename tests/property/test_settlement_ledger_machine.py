"""The ledger's invariants, whatever is done to it and in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from kernel.money import Money
from settlement.ledger.accounts import Account, AccountKind, whole
from settlement.ledger.audit import audit_ledger
from settlement.ledger.balances import InsufficientFunds
from settlement.ledger.entries import Hold, Post, Transfer, Void
from settlement.ledger.journal import HoldResolved
from settlement.ledger.ledger import Ledger
from settlement.ledger.reading import see_one_instant
from settlement.ledger.sealing import seal_next_day
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.ledgers import EVENT, INR, NOW, account
from tests.support.sealed_ledgers import KEYS, SIGNER

T = TypeVar("T")

BANK = account("bank", AccountKind.CASH_IN)
BOUNDED = [account(name, kind) for name in ("a", "b") for kind in (AccountKind.DEPOSIT, AccountKind.ESCROW)]
ACCOUNTS = [BANK, *BOUNDED]
TABLES = "ledger_seals, ledger_chain, ledger_holds, ledger_transfers, ledger_balances, ledger_accounts"

pairs = st.permutations(ACCOUNTS).map(lambda order: (order[0], order[1]))
amounts = st.integers(1, 60)


class LedgerMachine(RuleBasedStateMachine):
    """A ledger beside a naive one: two numbers an account, and what every open hold has set aside."""

    loop: asyncio.AbstractEventLoop
    uow_factory: UnitOfWorkFactory

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.now = NOW
        self.posted = dict.fromkeys(ACCOUNTS, 0)
        self.open: dict[UUID, Hold] = {}
        self.ended: dict[UUID, Post | Void] = {}
        self.done: list[Transfer] = []
        self.run(self._clear())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _clear(self) -> None:
        async with self.uow_factory() as uow:
            await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
            await uow.connection.execute(text(f"TRUNCATE {TABLES}"))
        async with self.uow_factory() as uow:
            await Ledger(uow).open(BANK, *BOUNDED)

    async def _record(self, *entries: Transfer | Post | Void, crash: bool = False) -> None:
        async with self.uow_factory() as uow:
            await Ledger(uow).record(entries, now=self.now, linked=len(entries) > 1)
            if crash:
                raise ZeroDivisionError

    def available(self, which: Account) -> int:
        held = sum(whole(each.amount) for each in self.open.values() if each.debit == which)
        return self.posted[which] - held

    def key(self) -> tuple[str, ...]:
        self.number += 1
        return ("machine", str(self.number))

    def move(self, debit: Account, credit: Account, amount: int) -> None:
        self.posted[debit] -= amount
        self.posted[credit] += amount

    @rule(pair=pairs, amount=amounts, crash=st.booleans())
    def transfer(self, pair: tuple[Account, Account], amount: int, *, crash: bool) -> None:
        asked = Transfer(
            key=self.key(), debit=pair[0], credit=pair[1], amount=Money(amount, INR), code="T", event_at=EVENT
        )
        if pair[0] is not BANK and self.available(pair[0]) < amount:
            with pytest.raises(InsufficientFunds):
                self.run(self._record(asked))
        elif crash:
            with pytest.raises(ZeroDivisionError):
                self.run(self._record(asked, crash=True))
        else:
            self.run(self._record(asked))
            self.move(*pair, amount)
            self.done.append(asked)

    @rule(pair=pairs, amount=amounts, minutes=st.sampled_from([None, 1, 5]))
    def hold(self, pair: tuple[Account, Account], amount: int, minutes: int | None) -> None:
        asked = Hold(
            key=self.key(),
            debit=pair[0],
            credit=pair[1],
            amount=Money(amount, INR),
            code="H",
            event_at=EVENT,
            expires_at=None if minutes is None else self.now + timedelta(minutes=minutes),
        )
        if pair[0] is not BANK and self.available(pair[0]) < amount:
            with pytest.raises(InsufficientFunds):
                self.run(self._record(asked))
        else:
            self.run(self._record(asked))
            self.open[asked.id] = asked

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def end_a_hold(self, data: st.DataObject) -> None:
        held = self.open[data.draw(st.sampled_from(list(self.open)))]
        part = data.draw(st.integers(0, whole(held.amount)))
        end: Post | Void = Void(hold=held.id, event_at=EVENT)
        if part:
            end = Post(hold=held.id, amount=Money(part, INR), event_at=EVENT)
        if part and held.expires_at is not None and held.expires_at <= self.now:
            with pytest.raises(HoldResolved):
                self.run(self._record(end))
            return
        self.run(self._record(end))
        del self.open[held.id]
        self.ended[held.id] = end
        self.move(held.debit, held.credit, part)

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def end_a_hold_again(self, data: st.DataObject) -> None:
        hold, end = data.draw(st.sampled_from(list(self.ended.items())))
        self.run(self._record(end))
        other = Post(hold=hold, event_at=EVENT) if isinstance(end, Void) else Void(hold=hold, event_at=EVENT)
        with pytest.raises(HoldResolved):
            self.run(self._record(other))

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def say_it_again(self, data: st.DataObject) -> None:
        self.run(self._record(data.draw(st.sampled_from(self.done))))

    @rule(first=pairs, second=pairs, one=amounts, other=amounts)
    def group(
        self, first: tuple[Account, Account], second: tuple[Account, Account], one: int, other: int
    ) -> None:
        legs = [
            Transfer(key=self.key(), debit=a, credit=b, amount=Money(amount, INR), code="G", event_at=EVENT)
            for (a, b), amount in ((first, one), (second, other))
        ]
        before = dict(self.posted)
        self.move(*first, one)
        self.move(*second, other)
        if any(self.available(each) < 0 for each in BOUNDED):
            self.posted = before
            with pytest.raises(InsufficientFunds):
                self.run(self._record(*legs))
        else:
            self.run(self._record(*legs))

    @rule(minutes=st.integers(1, 3))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        async def work() -> int:
            async with self.uow_factory() as uow:
                return len(await Ledger(uow).expire(now=self.now))

        due = [each.id for each in self.open.values() if each.expires_at and each.expires_at <= self.now]
        assert self.run(work()) == len(due)
        for each in due:
            del self.open[each]

    @rule()
    def a_day_ends_and_is_sealed(self) -> None:
        async def work() -> None:
            async with self.uow_factory() as uow:
                await seal_next_day(uow=uow, signer=SIGNER, now=self.now)

        self.now += timedelta(days=1)
        self.run(work())

    @invariant()
    def the_books_agree(self) -> None:
        async def look() -> None:
            async with self.uow_factory() as uow:
                await see_one_instant(uow=uow)
                assert (await audit_ledger(uow=uow, keys=KEYS)).findings == ()
                ledger = Ledger(uow)
                balances = {each: await ledger.balance(each) for each in ACCOUNTS}
            for which, balance in balances.items():
                assert balance.credits_posted - balance.debits_posted == self.posted[which]
                if which is not BANK:
                    assert balance.available == self.available(which) >= 0
            columns = [balance.columns for balance in balances.values()]
            assert sum(each[0] for each in columns) == sum(each[1] for each in columns)
            assert sum(each[2] for each in columns) == sum(each[3] for each in columns)

        self.run(look())


def test_the_ledger_keeps_its_books_whatever_is_asked_of_it(database_url: str) -> None:
    loop = asyncio.new_event_loop()
    database = Database.connect(database_url)
    LedgerMachine.loop, LedgerMachine.uow_factory = loop, UnitOfWorkFactory(database)
    try:
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=12,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
    finally:
        loop.run_until_complete(database.close())
        loop.close()
