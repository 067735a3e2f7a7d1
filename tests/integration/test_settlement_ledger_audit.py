"""The audit of a real ledger: whatever is changed below it, it names the row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from protocol.ed25519 import PrivateKey
from settlement.ledger.accounts import account_id
from settlement.ledger.audit import audit_ledger
from settlement.ledger.balances import InsufficientFunds
from settlement.ledger.entries import transfer_id
from settlement.ledger.findings import Audit, Trouble
from settlement.ledger.journal import DayIsSealed
from settlement.ledger.ledger import Ledger
from settlement.ledger.reading import see_one_instant
from settlement.ledger.sealing import find_last_seal
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.ledgers import ASHA, BANK, NOW, RAVI, account, open_accounts, transfer
from tests.support.sealed_ledgers import KEYS, SIGNER, TOMORROW, audit, seal, two_days

TABLES = (
    "ledger_accounts",
    "ledger_balances",
    "ledger_transfers",
    "ledger_holds",
    "ledger_chain",
    "ledger_seals",
)
IN, MONEY, ENERGY, LATE = (
    transfer_id(*key) for key in (("in",), ("sold", "money"), ("sold", "energy"), ("late",))
)
TODAY = NOW.date()


class Tampering:
    """A ledger that is changed below all triggers and checks, and put back again."""

    def __init__(self, uow_factory: UnitOfWorkFactory) -> None:
        self.uow_factory = uow_factory

    async def run(self, *statements: str, **values: Any) -> None:
        async with self.uow_factory() as uow:
            await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await uow.connection.execute(text(statement), values)

    async def begin(self) -> None:
        async with self.uow_factory() as uow:
            found = await uow.connection.execute(
                text(
                    "SELECT conrelid::regclass::text, conname FROM pg_constraint "
                    "WHERE contype = 'c' AND conrelid::regclass::text LIKE 'ledger%'"
                )
            )
            checks = [f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name in found]
        copies = [f"CREATE TABLE kept_{table} AS TABLE {table}" for table in TABLES]
        await self.run(*checks, *copies)

    async def restore(self) -> None:
        await self.run(*(f"TRUNCATE {table} CASCADE" for table in TABLES))
        for table in TABLES:
            numbered = "OVERRIDING SYSTEM VALUE" if table == "ledger_transfers" else ""
            await self.run(f"INSERT INTO {table} {numbered} TABLE kept_{table}")

    async def named(self, *statements: str, **values: Any) -> dict[str, set[str]]:
        """Return which rows the audit names after these statements, by trouble; then put all back."""
        await self.run(*statements, **values)
        found = await audit(self.uow_factory)
        await self.restore()
        named: dict[str, set[str]] = {}
        for finding in found.findings:
            assert finding.why
            named.setdefault(finding.trouble, set()).add(finding.row)
        return named


@pytest.fixture
async def tampering(uow_factory: UnitOfWorkFactory) -> AsyncIterator[Tampering]:
    await two_days(uow_factory)
    tampering = Tampering(uow_factory)
    await tampering.begin()
    yield tampering
    assert (await audit(uow_factory)).findings == ()


async def test_a_ledger_that_nobody_touched_is_found_in_order(uow_factory: UnitOfWorkFactory) -> None:
    assert await audit(uow_factory) == Audit(entries=0, accounts=0, sealed_until=None, findings=())
    await two_days(uow_factory)
    assert await audit(uow_factory) == Audit(entries=11, accounts=7, sealed_until=TODAY, findings=())
    assert await seal(uow_factory) is None
    assert await seal(uow_factory, after=timedelta(days=2)) is not None
    assert await audit(uow_factory) == Audit(
        entries=11, accounts=7, sealed_until=TODAY + timedelta(days=1), findings=()
    )


CHANGES = {
    "id": "gen_random_uuid()",
    "seq": "1000000",
    "phase": "'PENDING'",
    "hold": f"'{LATE}'",
    "debit": f"'{RAVI.id}'",
    "credit": f"'{BANK.id}'",
    "amount": "amount + 1",
    "unit": "'INS'",
    "code": "code || 'X'",
    "ref": "ref || '.'",
    "run": "run + 1",
    "linked": "gen_random_uuid()",
    "event_at": "event_at + interval '1 microsecond'",
    "expires_at": "created_at",
    "created_at": "created_at + interval '1 microsecond'",
    "digest": "set_byte(digest, 31, get_byte(digest, 31) # 1)",
}


async def test_every_column_of_every_row_is_watched(tampering: Tampering) -> None:
    async with tampering.uow_factory() as uow:
        columns = await uow.connection.execute(
            text(
                "SELECT attname FROM pg_attribute "
                "WHERE attrelid = 'ledger_transfers'::regclass AND attnum > 0"
            )
        )
        assert set(columns.scalars()) == CHANGES.keys()
    for row in (MONEY, LATE):
        for column, value in CHANGES.items():
            named = await tampering.named(
                f"UPDATE ledger_transfers SET {column} = {value} WHERE id = :id",  # noqa: S608
                id=row,
            )
            if column == "id" and row == MONEY:
                assert str(row) in named[Trouble.MISSING]
            elif column == "id":
                assert len(named[Trouble.CHANGED]) == 1
            else:
                assert named[Trouble.CHANGED] == {str(row)}, column


async def test_a_row_that_cannot_be_read_is_named(tampering: Tampering) -> None:
    named = await tampering.named("UPDATE ledger_transfers SET phase = 'POSTEF' WHERE id = :id", id=MONEY)
    assert named[Trouble.CHANGED] == {str(MONEY)}


async def test_a_row_that_is_gone_is_named(tampering: Tampering) -> None:
    named = await tampering.named("DELETE FROM ledger_transfers WHERE id = :id", id=MONEY)
    assert named[Trouble.MISSING] == {str(MONEY)}
    assert str(ENERGY) in named[Trouble.GROUP]
    assert named[Trouble.BALANCE] == {str(ASHA.id), str(RAVI.id)}
    named = await tampering.named("DELETE FROM ledger_transfers WHERE id = :id", id=LATE)
    assert named == {Trouble.BALANCE: {str(ASHA.id), str(RAVI.id)}}
    named = await tampering.named(
        "DELETE FROM ledger_transfers WHERE id = :id", "DELETE FROM ledger_chain WHERE transfer = :id", id=IN
    )
    assert named[Trouble.REORDERED]


async def test_the_last_rows_of_a_day_cannot_be_taken_out_with_their_links(tampering: Tampering) -> None:
    named = await tampering.named(
        "DELETE FROM ledger_transfers WHERE id = :id",
        "DELETE FROM ledger_chain WHERE transfer = :id",
        id=ENERGY,
    )
    assert named[Trouble.SEAL] == {str(TODAY)}
    assert named[Trouble.GROUP]


async def test_a_row_that_was_added_is_named(tampering: Tampering) -> None:
    columns = ", ".join(column for column in CHANGES if column not in ("id", "seq"))
    added = (
        f"INSERT INTO ledger_transfers (id, seq, {columns}) OVERRIDING SYSTEM VALUE "  # noqa: S608
        f"SELECT :new, 1000, {columns} FROM ledger_transfers WHERE id = :id"
    )
    new = UUID(int=7)
    named = await tampering.named(added, new=new, id=IN)
    assert named[Trouble.ADDED] == {str(new)}
    assert str(new) in named[Trouble.CHANGED]
    named = await tampering.named(added, new=new, id=LATE)
    assert named[Trouble.CHANGED] == {str(new)}


async def test_rows_that_were_swapped_are_named(tampering: Tampering) -> None:
    pair = {"a": MONEY, "b": ENERGY}
    named = await tampering.named(
        "CREATE TEMPORARY TABLE swap ON COMMIT DROP AS SELECT * FROM ledger_chain WHERE transfer IN (:a, :b)",
        "DELETE FROM ledger_chain WHERE transfer IN (:a, :b)",
        "INSERT INTO ledger_chain SELECT CASE transfer WHEN :a THEN CAST(:b AS uuid) ELSE :a END, "
        "day, place, hash FROM swap",
        **pair,
    )
    assert named[Trouble.REORDERED] | named[Trouble.CHANGED] == {str(MONEY), str(ENERGY)}
    named = await tampering.named(
        "UPDATE ledger_transfers SET seq = -seq WHERE id IN (:a, :b)",
        "UPDATE ledger_transfers AS one SET seq = -other.seq FROM ledger_transfers AS other "
        "WHERE one.id IN (:a, :b) AND other.id IN (:a, :b) AND one.id <> other.id",
        **pair,
    )
    assert named[Trouble.CHANGED] == {str(MONEY), str(ENERGY)}


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ("place = 1000", Trouble.REORDERED),
        ("hash = set_byte(hash, 0, get_byte(hash, 0) # 1)", Trouble.CHANGED),
        ("day = day + 1", Trouble.SEAL),
        ("transfer = gen_random_uuid()", Trouble.MISSING),
    ],
)
async def test_a_link_that_was_changed_is_named(tampering: Tampering, change: str, trouble: str) -> None:
    named = await tampering.named(f"UPDATE ledger_chain SET {change} WHERE transfer = :id", id=ENERGY)  # noqa: S608
    if trouble is not Trouble.MISSING:
        assert str(ENERGY) in named[trouble]
        return
    assert len(named[trouble]) == 1
    assert named[Trouble.ADDED] == {str(ENERGY)}


async def test_an_entry_that_is_chained_into_another_day_is_named(tampering: Tampering) -> None:
    await seal(tampering.uow_factory, after=timedelta(days=2))
    await tampering.run("DELETE FROM kept_ledger_chain", "DELETE FROM kept_ledger_seals")
    await tampering.run(
        "INSERT INTO kept_ledger_chain SELECT * FROM ledger_chain",
        "INSERT INTO kept_ledger_seals SELECT * FROM ledger_seals",
    )
    assert (await audit(tampering.uow_factory)).findings == ()
    moved = "UPDATE ledger_chain SET day = day - 1, place = 8"
    named = await tampering.named(f"{moved} WHERE transfer = :id", id=LATE)
    assert str(LATE) in named[Trouble.CHANGED]
    head = "(SELECT head FROM ledger_seals ORDER BY day LIMIT 1)"
    digest = "(SELECT digest FROM ledger_transfers WHERE id = :id)"
    linked = f"{moved}, hash = sha256({head} || {digest}) WHERE transfer = :id"
    named = await tampering.named(linked, id=LATE)
    assert named[Trouble.CHANGED] == {str(LATE)}


@pytest.mark.parametrize(
    "change",
    [
        "day = day - 1",
        "entries = entries + 1",
        "previous = set_byte(previous, 0, 1)",
        "head = set_byte(head, 0, get_byte(head, 0) # 1)",
        "root = set_byte(root, 0, get_byte(root, 0) # 1)",
        "key_id = 'k2'",
        "signature = set_byte(signature, 40, get_byte(signature, 40) # 1)",
    ],
)
async def test_a_seal_that_was_changed_is_named(tampering: Tampering, change: str) -> None:
    named = await tampering.named(f"UPDATE ledger_seals SET {change}")  # noqa: S608
    assert named[Trouble.SEAL] & {str(TODAY), str(TODAY - timedelta(days=1))}


async def test_a_seal_of_another_key_or_before_a_gap_is_named(uow_factory: UnitOfWorkFactory) -> None:
    await two_days(uow_factory)
    for days in (2, 3, 4):
        await seal(uow_factory, after=timedelta(days=days))
    async with uow_factory() as uow:
        stranger = PrivateKey(bytes(32)).public_key
        await see_one_instant(uow=uow)
        found = await audit_ledger(uow=uow, keys={"bpp.example.com|k1": stranger})
    assert {finding.trouble for finding in found.findings} == {Trouble.SEAL}
    assert len(found.findings) == 4
    tampering = Tampering(uow_factory)
    await tampering.run(f"DELETE FROM ledger_seals WHERE day = '{TODAY + timedelta(days=2)}'")  # noqa: S608
    found = await audit(uow_factory)
    assert {(each.trouble, each.row) for each in found.findings} == {
        (Trouble.SEAL, str(TODAY + timedelta(days=3)))
    }


@pytest.mark.parametrize(
    "change",
    [
        "debits_posted = debits_posted + 1",
        "credits_posted = credits_posted + 1",
        "debits_pending = 0",
        "credits_pending = credits_pending + 1",
        "bound = NULL",
    ],
)
async def test_a_balance_that_was_changed_is_named(tampering: Tampering, change: str) -> None:
    named = await tampering.named(f"UPDATE ledger_balances SET {change} WHERE account = :id", id=ASHA.id)  # noqa: S608
    assert named == {Trouble.BALANCE: {str(ASHA.id)}}


async def test_a_balance_or_an_account_that_is_gone_or_another_is_named(tampering: Tampering) -> None:
    named = await tampering.named("DELETE FROM ledger_balances WHERE account = :id", id=RAVI.id)
    assert named[Trouble.BALANCE] == {str(RAVI.id)}
    named = await tampering.named("DELETE FROM ledger_accounts WHERE id = :id", id=RAVI.id)
    assert named == {Trouble.ACCOUNT: {str(RAVI.id)}}
    for change in ("owner = 'mallory'", "kind = 'WALLET'", "unit = 'USD'"):
        named = await tampering.named(f"UPDATE ledger_accounts SET {change} WHERE id = :id", id=RAVI.id)  # noqa: S608
        assert named == {Trouble.ACCOUNT: {str(RAVI.id)}}
    odd = account_id("mallory", "PURSE", "INR")
    named = await tampering.named(
        "INSERT INTO ledger_accounts VALUES (:id, 'mallory', 'PURSE', 'INR')", id=odd
    )
    assert named == {Trouble.ACCOUNT: {str(odd)}}


async def test_an_open_hold_that_was_changed_is_named(tampering: Tampering) -> None:
    held = transfer_id("open")
    for statement in (
        "DELETE FROM ledger_holds WHERE transfer = :id",
        "UPDATE ledger_holds SET expires_at = now() WHERE transfer = :id",
    ):
        assert await tampering.named(statement, id=held) == {Trouble.HOLD: {str(held)}}
    named = await tampering.named("INSERT INTO ledger_holds VALUES (:id)", id=LATE)
    assert named == {Trouble.HOLD: {str(LATE)}}


async def test_what_an_entry_that_was_changed_does_to_holds_is_told(tampering: Tampering) -> None:
    end = "WHERE phase = 'POST'"
    for change in ("amount = 400000", "hold = gen_random_uuid()", f"debit = '{RAVI.id}'"):
        named = await tampering.named(f"UPDATE ledger_transfers SET {change} {end}")  # noqa: S608
        assert len(named[Trouble.HOLD] & named[Trouble.CHANGED]) == 1
    named = await tampering.named(
        "UPDATE ledger_transfers SET created_at = created_at - interval '2 days' WHERE phase = 'EXPIRE'"
    )
    assert named[Trouble.HOLD] & named[Trouble.CHANGED]
    named = await tampering.named("UPDATE ledger_transfers SET id = gen_random_uuid() WHERE phase = 'VOID'")
    assert named[Trouble.HOLD] & named[Trouble.CHANGED]


async def test_what_an_entry_that_was_changed_does_to_accounts_is_told(tampering: Tampering) -> None:
    named = await tampering.named("UPDATE ledger_transfers SET amount = 20000 WHERE id = :id", id=MONEY)
    assert named[Trouble.BALANCE] == {str(ASHA.id), str(RAVI.id)}
    named = await tampering.named("UPDATE ledger_transfers SET unit = 'USD' WHERE id = :id", id=MONEY)
    assert named[Trouble.BALANCE] == {str(ASHA.id), str(RAVI.id)}


# Sealing


async def test_a_sealed_day_takes_no_entry_any_more(uow_factory: UnitOfWorkFactory) -> None:
    await two_days(uow_factory)
    async with uow_factory() as uow:
        ledger = Ledger(uow)
        with pytest.raises(DayIsSealed, match="sealed up to 2026-01-15") as caught:
            await ledger.transfer(transfer("too late"), now=NOW)
        assert caught.value.retryable
        await ledger.transfer(transfer("in time"), now=TOMORROW)


async def test_days_are_sealed_in_order_once_they_are_over_empty_ones_too(
    uow_factory: UnitOfWorkFactory,
) -> None:
    assert await seal(uow_factory, after=timedelta(days=9)) is None
    await open_accounts(uow_factory)
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer("1"), now=NOW)
        await Ledger(uow).transfer(transfer("3"), now=NOW + timedelta(days=2))
    last_moment = datetime(2026, 1, 15, 23, 59, 59, 999_999, tzinfo=UTC) - NOW
    assert await seal(uow_factory, after=last_moment) is None
    seals = [await seal(uow_factory, after=timedelta(days=3)) for _ in range(4)]
    assert seals.pop() is None
    done = [(each.summary.day, each.summary.entries) for each in seals if each]
    assert done == [(date(2026, 1, 15), 1), (date(2026, 1, 16), 0), (date(2026, 1, 17), 1)]
    async with uow_factory() as uow:
        assert await find_last_seal(uow=uow) == seals[-1]
    assert (await audit(uow_factory)).findings == ()


async def test_of_many_who_seal_at_once_each_day_is_sealed_by_one(uow_factory: UnitOfWorkFactory) -> None:
    await two_days(uow_factory)
    done = await asyncio.gather(*(seal(uow_factory, after=timedelta(days=4)) for _ in range(5)))
    assert sorted(each.summary.day for each in done if each) == [TODAY + timedelta(days=n) for n in (1, 2, 3)]
    assert (await audit(uow_factory)).findings == ()


async def test_a_seal_waits_for_who_still_writes_in_its_day(uow_factory: UnitOfWorkFactory) -> None:
    await open_accounts(uow_factory)
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer("1"), now=NOW)
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer("2"), now=NOW)
        sealing = asyncio.create_task(seal(uow_factory))
        while not await uow.driver.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            pass
        async with uow_factory() as other:  # the next day's writers do not wait
            await Ledger(other).open(account("new"))
            with pytest.raises(InsufficientFunds):
                await Ledger(other).transfer(
                    transfer("3", debit=account("new"), credit=account("ravi")), now=TOMORROW
                )
    done = await sealing
    assert done is not None
    assert done.summary.entries == 2
    assert done.is_signed_by(SIGNER.public_key)
    assert done.key_id in KEYS
    assert (await audit(uow_factory)).findings == ()
