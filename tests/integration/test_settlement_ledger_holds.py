"""What is set aside on the ledger: posted, given up or over, and each once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.energy import Energy
from kernel.money import Money
from settlement.ledger.balances import InsufficientFunds
from settlement.ledger.entries import Entry, Phase, Post, TransferInvalid, Void
from settlement.ledger.journal import HoldResolved, HoldUnknown, TransferMismatch
from settlement.ledger.journal_entry import JournalEntry
from settlement.ledger.ledger import Ledger
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.ledgers import (
    ASHA,
    ESCROW,
    EVENT,
    INR,
    NOW,
    RAVI,
    available,
    hold,
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


async def test_what_is_held_is_not_at_disposal_and_has_not_moved(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    async with uow_factory() as uow:
        held = await Ledger(uow).hold(hold(), now=NOW)
    assert held.phase is Phase.PENDING
    assert await standing(uow_factory, ASHA) == (0, 10_000, 4_000, 0)
    assert await standing(uow_factory, ESCROW) == (0, 0, 0, 4_000)
    assert await available(uow_factory, ASHA) == 6_000
    assert await available(uow_factory, ESCROW) == 0
    with pytest.raises(InsufficientFunds):
        await record(uow_factory, transfer("spend", debit=ASHA, credit=RAVI, amount=rupees("60.01")))
    with pytest.raises(InsufficientFunds):
        await record(uow_factory, hold("held", "2", amount=rupees("60.01")))
    assert await record(uow_factory, hold()) == [held]


@pytest.mark.parametrize(("part", "moved"), [(None, 4_000), ("40", 4_000), ("0.01", 1), ("39.99", 3_999)])
async def test_a_hold_is_posted_in_whole_or_in_part_and_the_rest_returns(
    uow_factory: UnitOfWorkFactory, part: str | None, moved: int
) -> None:
    await pay_in(uow_factory, 100)
    (held,) = await record(uow_factory, hold(ref="contract-1", run=3))
    amount = None if part is None else rupees(part)
    async with uow_factory() as uow:
        posted = await Ledger(uow).post(held.id, amount=amount, event_at=EVENT, now=NOW)
    assert (posted.phase, posted.hold, posted.amount) == (Phase.POST, held.id, moved)
    assert (posted.ref, posted.run, posted.code) == ("contract-1", 3, "ESCROW")
    assert await standing(uow_factory, ASHA) == (moved, 10_000, 0, 0)
    assert await standing(uow_factory, ESCROW) == (0, moved, 0, 0)
    async with uow_factory() as uow:
        again = await Ledger(uow).post(held.id, amount=amount, event_at=LATER, now=LATER)
    assert again == posted


async def test_a_hold_that_is_given_up_returns(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    (held,) = await record(uow_factory, hold())
    async with uow_factory() as uow:
        voided = await Ledger(uow).void(held.id, event_at=EVENT, now=NOW)
    assert voided.phase is Phase.VOID
    assert await standing(uow_factory, ASHA) == (0, 10_000, 0, 0)
    assert await record(uow_factory, Void(hold=held.id, event_at=LATER)) == [voided]


async def test_of_a_hold_one_thing_becomes(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    posted, voided = await record(uow_factory, hold("p"), hold("v"))
    post, void = (
        Post(hold=posted.id, amount=rupees(10), event_at=EVENT),
        Void(hold=voided.id, event_at=EVENT),
    )
    await record(uow_factory, post, void)
    for other in (
        Post(hold=posted.id, amount=rupees(11), event_at=EVENT),
        Void(hold=posted.id, event_at=EVENT),
        Post(hold=voided.id, event_at=EVENT),
    ):
        with pytest.raises(HoldResolved, match="Of a hold one thing becomes"):
            await record(uow_factory, other)
    assert await standing(uow_factory, ASHA) == (1_000, 10_000, 0, 0)


async def test_of_many_ends_of_one_hold_at_once_one_counts(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    (held,) = await record(uow_factory, hold())
    ends: list[Entry] = [Post(hold=held.id, amount=rupees(n + 1), event_at=EVENT) for n in range(4)]
    ends.append(Void(hold=held.id, event_at=EVENT))
    done = await asyncio.gather(*(record(uow_factory, each) for each in ends), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["HoldResolved"] * 4 + ["list"]
    assert (await standing(uow_factory, ASHA))[2:] == (0, 0)


async def test_posting_and_voiding_one_hold_in_one_act_is_refused(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    (held,) = await record(uow_factory, hold())
    with pytest.raises(TransferMismatch):
        await record(uow_factory, Post(hold=held.id, event_at=EVENT), Void(hold=held.id, event_at=EVENT))


async def test_what_is_no_hold_is_not_posted(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    (paid,) = await record(uow_factory, transfer())
    for which in (paid.id, ASHA.id):
        with pytest.raises(HoldUnknown):
            await record(uow_factory, Post(hold=which, event_at=EVENT))


@pytest.mark.parametrize("amount", [rupees("40.01"), Energy(4_000), Money(1, replace(INR, code="USD"))])
async def test_no_more_is_posted_than_is_held_nor_anything_else(
    uow_factory: UnitOfWorkFactory, amount: Money | Energy
) -> None:
    await pay_in(uow_factory, 100)
    (held,) = await record(uow_factory, hold())
    with pytest.raises(TransferInvalid, match=r"a hold of 40.00 INR cannot be posted as"):
        await record(uow_factory, Post(hold=held.id, amount=amount, event_at=EVENT))


async def test_a_hold_whose_time_is_over_is_given_up_once(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    soon, late = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    first, second, ever = await record(
        uow_factory,
        hold("1", amount=rupees(1), expires_at=soon),
        hold("2", amount=rupees(2), expires_at=late),
        hold("3", amount=rupees(3)),
    )
    assert await expired(uow_factory, at=timedelta(seconds=59)) == []
    (gone,) = await expired(uow_factory, at=timedelta(seconds=60))
    assert (gone.phase, gone.hold, gone.event_at) == (Phase.EXPIRE, first.id, soon)
    with pytest.raises(HoldResolved):
        await record(uow_factory, Post(hold=first.id, event_at=EVENT))
    assert [each.hold for each in await expired(uow_factory, at=timedelta(days=400))] == [second.id]
    assert await expired(uow_factory, at=timedelta(days=400)) == []
    assert await standing(uow_factory, ASHA) == (0, 10_000, 300, 0)
    await record(uow_factory, Post(hold=ever.id, event_at=EVENT))


async def expired(uow_factory: UnitOfWorkFactory, *, at: timedelta, limit: int = 1_000) -> list[JournalEntry]:
    async with uow_factory() as uow:
        return await Ledger(uow).expire(now=NOW + at, limit=limit)


async def test_a_hold_whose_time_is_over_is_not_posted_even_before_it_is_given_up(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await pay_in(uow_factory, 100)
    held = await record(uow_factory, hold("1", expires_at=NOW + timedelta(minutes=1)))
    async with uow_factory() as uow:
        with pytest.raises(HoldResolved, match="expired on 2026-01-15T10:01"):
            await Ledger(uow).post(held[0].id, event_at=EVENT, now=NOW + timedelta(minutes=1))
        await Ledger(uow).post(held[0].id, event_at=EVENT, now=NOW + timedelta(seconds=59))
    assert await expired(uow_factory, at=timedelta(hours=1)) == []


async def test_many_sweepers_give_up_each_hold_once(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    soon = NOW + timedelta(minutes=1)
    await record(uow_factory, *(hold(str(n), amount=rupees(1), expires_at=soon) for n in range(20)))
    assert len(await expired(uow_factory, at=timedelta(hours=1), limit=3)) == 3
    await asyncio.gather(*(expired(uow_factory, at=timedelta(hours=1)) for _ in range(4)))
    assert await standing(uow_factory, ASHA) == (0, 10_000, 0, 0)
    assert await rows(uow_factory) == 41


async def test_a_sweeper_leaves_alone_what_is_posted_while_it_waits(uow_factory: UnitOfWorkFactory) -> None:
    await pay_in(uow_factory, 100)
    (held,) = await record(uow_factory, hold(expires_at=NOW + timedelta(minutes=1)))
    async with uow_factory() as uow:
        await Ledger(uow).post(held.id, event_at=EVENT, now=NOW)
        sweeping = asyncio.create_task(expired(uow_factory, at=timedelta(hours=1)))
        await somebody_waits(uow)
    assert await sweeping == []
    assert await standing(uow_factory, ASHA) == (4_000, 10_000, 0, 0)
