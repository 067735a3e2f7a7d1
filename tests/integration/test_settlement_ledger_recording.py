"""The ledger in a real PostgreSQL: moved once, all or nothing, never overdrawn."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.clock import NaiveInstant
from kernel.money import Money
from settlement.ledger.accounts import AccountKind
from settlement.ledger.balances import BalanceTooLarge, InsufficientFunds
from settlement.ledger.entries import MOST, Entry, Hold, Phase, Post, TransferInvalid, transfer_id
from settlement.ledger.journal import AccountUnknown, TransferMismatch
from settlement.ledger.journal_entry import digest_of
from settlement.ledger.ledger import Ledger
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.ledgers import (
    ASHA,
    BANK,
    EVENT,
    HOME,
    INR,
    NOW,
    RAVI,
    ROOF,
    SUN,
    account,
    available,
    hold,
    kwh,
    open_accounts,
    pay_in,
    record,
    rows,
    rupees,
    somebody_waits,
    standing,
    transfer,
)

LATER = NOW + timedelta(hours=1)


async def test_a_transfer_moves_its_amount_from_debit_to_credit(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    asked = transfer("bill-1", amount=rupees("12.50"), ref="bill-1", run=2)
    (entry,) = await record(uow_factory, asked)
    assert entry.id == transfer_id("bill-1") == asked.id
    assert (entry.phase, entry.amount, entry.unit, entry.ref, entry.run) == (
        Phase.POSTED,
        1250,
        "INR",
        "bill-1",
        2,
    )
    assert (entry.debit, entry.credit, entry.linked, entry.hold) == (BANK.id, ASHA.id, None, None)
    assert (entry.event_at, entry.created_at) == (EVENT, NOW)
    assert entry.digest == digest_of(entry)
    assert await standing(uow_factory, BANK) == (1250, 0, 0, 0)
    assert await standing(uow_factory, ASHA) == (0, 1250, 0, 0)
    async with uow_factory() as uow:
        ledger = Ledger(uow)
        assert await ledger.find(entry.id) == entry
        assert await ledger.find(ASHA.id) is None
        balance = await ledger.balance(BANK)
    assert (balance.posted, balance.available) == (1250, 1250)
    assert balance.account == BANK


async def test_recording_again_is_the_same_and_moves_nothing(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    first = await record(uow_factory, transfer())
    async with uow_factory() as uow:
        again = await Ledger(uow).transfer(transfer(), now=LATER)
    assert [again] == first
    assert await standing(uow_factory, ASHA) == (0, 10_000, 0, 0)
    assert await record(uow_factory, transfer(), transfer()) == first
    assert await rows(uow_factory) == 1


@pytest.mark.parametrize(
    "other",
    [
        transfer(amount=rupees(101)),
        transfer(credit=RAVI),
        transfer(code="REFUND"),
        transfer(ref="bill-2"),
        transfer(run=1),
        transfer(event_at=LATER),
        hold("paid", "1", amount=rupees(100), debit=BANK, credit=ASHA, code="PAYMENT"),
    ],
)
async def test_another_transfer_of_the_same_key_is_refused(
    uow_factory: UnitOfWorkFactory, other: Entry
) -> None:
    await open_accounts(uow_factory)
    await record(uow_factory, transfer())
    with pytest.raises(TransferMismatch, match="another entry has the key") as caught:
        await record(uow_factory, other)
    assert caught.value.http_status == 409
    with pytest.raises(TransferMismatch):
        await record(uow_factory, transfer("fresh"), other)
    assert await standing(uow_factory, ASHA) == (0, 10_000, 0, 0)
    assert await rows(uow_factory) == 1


async def test_two_transfers_of_one_key_in_one_act_are_refused(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    with pytest.raises(TransferMismatch):
        await record(uow_factory, transfer(), transfer(amount=rupees(7)))
    assert await rows(uow_factory) == 0


async def test_of_two_transfers_of_one_key_between_other_accounts_at_once_one_is_recorded(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await open_accounts(uow_factory, account("ravi", AccountKind.CASH_IN))
    elsewhere = transfer(debit=account("ravi", AccountKind.CASH_IN), credit=RAVI)
    done = await asyncio.gather(
        *(record(uow_factory, each) for each in (transfer(), elsewhere)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["TransferMismatch", "list"]
    assert await rows(uow_factory) == 1


async def test_one_that_waits_for_the_same_key_between_other_accounts_is_told(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await open_accounts(uow_factory, account("ravi", AccountKind.CASH_IN))
    elsewhere = transfer(debit=account("ravi", AccountKind.CASH_IN), credit=RAVI)
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer(), now=NOW)
        waiting = asyncio.create_task(record(uow_factory, elsewhere))
        await somebody_waits(uow)
    with pytest.raises(TransferMismatch, match="at the same time"):
        await waiting
    assert await standing(uow_factory, RAVI) == (0, 0, 0, 0)


async def test_an_account_that_may_not_be_overdrawn_is_not(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    spend = transfer("spend", debit=ASHA, credit=RAVI, amount=rupees("100.01"))
    with pytest.raises(InsufficientFunds, match=r"has 100.00 INR at its disposal, not 100.01 INR"):
        await record(uow_factory, spend)
    await record(uow_factory, replace(spend, amount=rupees(100)))
    assert await available(uow_factory, ASHA) == 0
    assert await available(uow_factory, RAVI) == 10_000


async def test_a_meter_takes_back_no_more_than_it_gave(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    await record(uow_factory, transfer("made", amount=kwh(3), debit=SUN, credit=ROOF))
    assert await available(uow_factory, SUN) == 3_000
    with pytest.raises(InsufficientFunds, match=r"has 3 kWh at its disposal, not 4 kWh"):
        await record(uow_factory, transfer("back", amount=kwh(4), debit=ROOF, credit=SUN))
    await record(uow_factory, transfer("back", amount=kwh(3), debit=ROOF, credit=SUN))
    assert await standing(uow_factory, SUN) == (3_000, 3_000, 0, 0)


async def test_only_what_an_act_comes_to_is_judged(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    onward = transfer("onward", debit=ASHA, credit=RAVI)
    entries = await record(uow_factory, onward, transfer("in"), linked=True)
    assert [entry.id for entry in entries] == [transfer_id("onward"), transfer_id("in")]
    assert len({entry.linked for entry in entries} - {None}) == 1
    assert await available(uow_factory, RAVI) == 10_000


async def test_a_group_is_recorded_as_a_whole_or_not_at_all(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 10)
    money = transfer("sold", "money", debit=ASHA, credit=RAVI, amount=rupees(24))
    energy = transfer("sold", "energy", debit=SUN, credit=ROOF, amount=kwh(8))
    with pytest.raises(InsufficientFunds):
        await record(uow_factory, energy, money, linked=True)
    assert await standing(uow_factory, SUN) == (0, 0, 0, 0)
    cheap = replace(money, amount=rupees(10))
    group = await record(uow_factory, energy, cheap, linked=True)
    assert await record(uow_factory, cheap, energy, linked=True) == group[::-1]
    for other in ([energy], [energy, cheap, transfer("more")]):
        with pytest.raises(TransferMismatch):
            await record(uow_factory, *other, linked=True)
    with pytest.raises(TransferMismatch):
        await record(uow_factory, energy)


async def test_nothing_is_recorded_of_nothing(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    assert await record(uow_factory) == []
    assert await record(uow_factory, linked=True) == []


async def test_what_is_rolled_back_has_not_moved(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    with pytest.raises(ZeroDivisionError):
        await record_and_fail(uow_factory)
    assert await standing(uow_factory, ASHA) == (0, 0, 0, 0)
    (entry,) = await record(uow_factory, transfer())
    assert entry.digest == digest_of(entry)


async def record_and_fail(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer(), now=NOW)
        raise ZeroDivisionError


async def test_who_is_refused_and_commits_all_the_same_has_moved_nothing(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await open_accounts(uow_factory)
    async with uow_factory() as uow:
        ledger = Ledger(uow)
        with pytest.raises(InsufficientFunds):
            await ledger.record([transfer("a"), transfer("b", debit=RAVI, credit=ASHA)], now=NOW)
        await ledger.transfer(transfer("c"), now=NOW)
    assert await standing(uow_factory, ASHA) == (0, 10_000, 0, 0)


async def test_an_account_is_opened_once_and_must_be(uow_factory: UnitOfWorkFactory) -> None:
    with pytest.raises(AccountUnknown, match="there is no CASH_IN of asha in INR"):
        await record(uow_factory, transfer())
    await open_accounts(uow_factory)
    await record(uow_factory, transfer())
    await open_accounts(uow_factory)
    assert await standing(uow_factory, ASHA) == (0, 10_000, 0, 0)
    async with uow_factory() as uow:
        with pytest.raises(AccountUnknown, match="Open the account first"):
            await Ledger(uow).balance(account("nobody"))


async def test_many_processes_open_the_same_accounts(uow_factory: UnitOfWorkFactory) -> None:
    await asyncio.gather(*(open_accounts(uow_factory) for _ in range(6)))
    await record(uow_factory, transfer())


async def test_transfers_in_both_directions_at_once_wait_for_each_other_and_all_arrive(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await pay_in(uow_factory, 1_000)
    await record(uow_factory, transfer("half", debit=ASHA, credit=RAVI, amount=rupees(500)))
    there = [transfer(f"there-{n}", debit=ASHA, credit=RAVI, amount=rupees(1)) for n in range(40)]
    back = [transfer(f"back-{n}", debit=RAVI, credit=ASHA, amount=rupees(2)) for n in range(40)]
    acts = [act for pair in zip(there, back, strict=True) for act in pair]
    await asyncio.gather(*(record(uow_factory, act) for act in acts))
    assert await available(uow_factory, ASHA) == 54_000
    assert await available(uow_factory, RAVI) == 46_000


async def test_the_same_act_at_once_on_many_processes_is_recorded_once(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await open_accounts(uow_factory)
    done = await asyncio.gather(
        *(record(uow_factory, transfer("a"), transfer("b"), linked=True) for _ in range(8))
    )
    assert all(each == done[0] for each in done)
    assert await standing(uow_factory, ASHA) == (0, 20_000, 0, 0)


async def test_of_many_who_spend_the_same_money_one_does(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    spending = [transfer(f"spend-{n}", debit=ASHA, credit=RAVI) for n in range(8)]
    done = await asyncio.gather(*(record(uow_factory, each) for each in spending), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["InsufficientFunds"] * 7 + ["list"]


async def test_a_balance_stops_at_the_largest_number(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    await record(uow_factory, transfer("most", amount=Money(MOST, INR)))
    with pytest.raises(BalanceTooLarge):
        await record(uow_factory, transfer("more", amount=Money(1, INR)))
    assert await standing(uow_factory, ASHA) == (0, MOST, 0, 0)


# What cannot be asked


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": Money(0, INR)},
        {"amount": Money(-1, INR)},
        {"amount": Money(MOST + 1, INR)},
        {"amount": kwh(1)},
        {"credit": BANK},
        {"credit": HOME},
        {"code": ""},
        {"code": "A\x00"},
        {"ref": "a\nb"},
        {"ref": "\ud800"},
        {"run": -1},
        {"run": 2**31},
    ],
)
def test_what_no_ledger_could_keep_cannot_be_asked(wrong: dict[str, object]) -> None:
    with pytest.raises(TransferInvalid):
        transfer("x", **wrong)  # type: ignore[arg-type]


def test_a_transfer_has_a_key_and_an_instant() -> None:
    with pytest.raises(TransferInvalid):
        replace(transfer(), key=())
    with pytest.raises(NaiveInstant):
        transfer(event_at=EVENT.replace(tzinfo=None))
    with pytest.raises(NaiveInstant):
        hold(expires_at=EVENT.replace(tzinfo=None))
    with pytest.raises(TransferInvalid):
        Post(hold=ASHA.id, amount=rupees(0), event_at=EVENT)


def test_a_hold_is_a_transfer_that_waits() -> None:
    waiting = hold(expires_at=LATER)
    assert isinstance(waiting, Hold)
    assert (waiting.phase, waiting.expires, transfer().phase, transfer().expires) == (
        Phase.PENDING,
        LATER,
        Phase.POSTED,
        None,
    )


# What PostgreSQL itself refuses


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfers SET amount = 1",
        "DELETE FROM ledger_transfers",
        "TRUNCATE ledger_transfers CASCADE",
        "UPDATE ledger_accounts SET owner = 'me'",
        "DELETE FROM ledger_accounts",
        "DELETE FROM ledger_balances",
        "TRUNCATE ledger_balances",
        "UPDATE ledger_chain SET place = 2",
        "DELETE FROM ledger_seals",
    ],
)
async def test_what_is_in_the_ledger_stays(uow_factory: UnitOfWorkFactory, statement: str) -> None:
    await pay_in(uow_factory)
    with pytest.raises(DBAPIError, match=r"is append-only"):
        await run(uow_factory, statement)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE ledger_balances SET debits_posted = 10001", "never_overdrawn"),
        ("UPDATE ledger_balances SET credits_pending = -1", "forward"),
        ("UPDATE ledger_balances SET bound = 'NONE'", "bound"),
        ("INSERT INTO ledger_transfers SELECT * FROM ledger_transfers", "unique"),
    ],
)
async def test_what_cannot_be_is_refused_below_everything(
    uow_factory: UnitOfWorkFactory, statement: str, reason: str
) -> None:
    await pay_in(uow_factory)
    with pytest.raises(DBAPIError, match=reason):
        await run(uow_factory, statement)


async def run(uow_factory: UnitOfWorkFactory, statement: str) -> None:
    async with uow_factory() as uow:
        await uow.connection.execute(text(statement))
