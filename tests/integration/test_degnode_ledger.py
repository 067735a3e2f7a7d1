"""`degnode ledger` on a node's database: what it shows, whether it holds, and what others read of it."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Balance, Custom, Open, Transaction
from sqlalchemy import text
from typer.testing import Result

from kernel.clock import ManualClock
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from keystore.opening import open_keychain
from protocol.keys import new_private_key, write_public_key
from settlement.ledger.accounts import AccountKind
from settlement.ledger.beancount_export import account_name
from settlement.ledger.entries import MOST
from settlement.ledger.ledger import Ledger
from settlement.ledger.reading import AccountMissing
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.key_sets import KEK, key_manager
from tests.support.ledgers import ASHA, NOW, account, record, transfer
from tests.support.sealed_ledgers import two_days

ODD = [
    'Bürgerenergie "Süd" & Söhne',
    "-leading",
    "ravi",
    "Ravi",
    "a-b",
    "a b",
    "a:b",
    "日本",
    "100200300",
    "\\back",
    "it's; a comment",
]


class Shell:
    """A shell whose environment names the node's database and its key-encryption key."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self.environment = {
            "DEGNODE_DATABASE_URL": database_url,
            "DEGNODE_DATA_DIR": str(data_dir),
            "DEGNODE_KEY_ENCRYPTION_KEY": b64encode(KEK).decode(),
            "DEGNODE_SUBSCRIBER_ID": "",
        }

    async def try_(self, *arguments: str) -> Result:
        return await invoke("ledger", *arguments, environment=self.environment)

    async def run(self, *arguments: str) -> str:
        return printed(await self.try_(*arguments))

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.run(*arguments))


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path)


async def test_accounts_are_listed_with_what_stands_on_them(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await two_days(uow_factory)
    listed = await shell.json("accounts", "--json")
    assert len(listed) == 7
    (found,) = await shell.json("accounts", "--owner", "asha", "--kind", "deposit", "--unit", "INR", "--json")
    assert found == {
        "id": str(ASHA.id),
        "owner": "asha",
        "kind": "DEPOSIT",
        "unit": "INR",
        "balance": "45.00",
        "available": "40.00",
        "debits_posted": "55.00",
        "credits_posted": "100.00",
        "debits_pending": "5.00",
        "credits_pending": "0.00",
    }
    assert "GENERATION" in await shell.run("accounts")


async def test_the_journal_is_listed_whole_or_in_part(shell: Shell, uow_factory: UnitOfWorkFactory) -> None:
    await two_days(uow_factory)
    entries = await shell.json("journal", "--json")
    assert [entry["seq"] for entry in entries] == sorted(entry["seq"] for entry in entries)
    assert len(entries) == 11
    (sold,) = await shell.json("journal", "--ref", "contract-1", "--json")
    assert (sold["amount"], sold["unit"], sold["debit"]) == ("24.00", "INR", "DEPOSIT of asha in INR")
    after = await shell.json("journal", "--after", str(sold["seq"]), "--limit", "2", "--json")
    assert after == entries[entries.index(sold) + 1 :][:2]
    assert "24.00 INR  from DEPOSIT of asha in INR to DEPOSIT of ravi in INR  for contract-1" in (
        await shell.run("journal")
    )


async def test_an_owner_s_accounts_are_shown_with_what_moved_them(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await two_days(uow_factory)
    shown = await shell.run("show", "asha", "--kind", "DEPOSIT")
    assert "at disposal 40.00" in shown
    assert await shell.run("show", "nobody") == "There is no such account."


async def test_the_audit_ends_with_status_1_when_something_is_not_as_it_was_written(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await record_on_past_days(uow_factory)
    assert "no day is sealed yet" in await shell.run("audit")
    await open_keychain(
        subscriber_id="bpp.example",
        uow_factory=uow_factory,
        key_manager=key_manager(),
        clock=ManualClock(NOW - timedelta(days=1)),
    )
    sealed = (await shell.run("seal")).splitlines()
    assert sealed[0].startswith("2026-01-15  1 entries  root ")
    assert all(line.endswith("by bpp.example|k1") for line in sealed)
    assert await shell.run("seal") == ""
    assert (await shell.run("audit")).endswith("All of it holds.")
    async with uow_factory() as uow:
        await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
        await uow.connection.execute(text("UPDATE ledger_transfers SET amount = amount + 1"))
    result = await shell.try_("audit")
    assert result.exit_code == 1
    assert f"CHANGED  ledger_transfers {transfer('past').id}: its digest is" in result.stdout
    result = await shell.try_("audit", "--json")
    assert result.exit_code == 1
    troubles = {finding["trouble"] for finding in json.loads(result.stdout)["findings"]}
    assert troubles == {"CHANGED", "BALANCE"}


async def record_on_past_days(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        ledger, asked = Ledger(uow), transfer("past")
        await ledger.open(asked.debit, asked.credit)
        await ledger.transfer(asked, now=NOW)


async def world_of_odd_names(uow_factory: UnitOfWorkFactory) -> None:
    """Move every currency and energy between owners whose names beancount would refuse."""
    units = ["INR", "KWD", "JPY", "WH"]
    async with uow_factory() as uow:
        for kind in AccountKind:
            accounts = [account(owner, kind, unit) for owner in ODD for unit in units]
            await Ledger(uow).open(*accounts)
    asked = [
        transfer(
            owner,
            unit,
            kind,
            debit=account(owner, AccountKind.FX, unit),
            credit=account(owner, kind, unit),
            amount=Energy(1) if unit == "WH" else Money(12_345, Currency(unit)),
            ref=owner,
            code='"C\\',
        )
        for owner in ODD
        for unit in units
        for kind in (AccountKind.WALLET, AccountKind.PAYABLE)
    ]
    large = account("ravi", AccountKind.REVENUE, "KWD")
    asked.append(
        transfer(
            "large",
            debit=account("ravi", AccountKind.RECEIVABLE, "KWD"),
            credit=large,
            amount=Money(MOST, Currency("KWD")),
        )
    )
    await record(uow_factory, *asked, linked=True)


async def test_beancount_itself_finds_nothing_wrong_with_the_export(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await two_days(uow_factory)
    async with uow_factory() as uow:
        await Ledger(uow).open(*(account(owner, AccountKind.FX) for owner in ODD))
    exported = await shell.run("export", "--format", "beancount")
    found, errors, options = loader.load_string(exported)
    assert errors == []
    assert options["tolerance_multiplier"] == 0
    assert len([each for each in found if isinstance(each, Transaction)]) == 5
    assert len([each for each in found if isinstance(each, Custom)]) == 6
    asserted = {each.account: each.amount for each in found if isinstance(each, Balance)}
    assert str(asserted[account_name(ASHA)]) == "-45.00 INR"
    off = exported.replace("-45.00 ~ 0 INR", "-45.01 ~ 0 INR")
    assert off != exported
    _, errors, _ = loader.load_string(off)
    assert ["Balance failed" in each.message for each in errors] == [True]
    unbalanced = exported.replace("  -24.00 INR", "  -24.01 INR")
    _, errors, _ = loader.load_string(unbalanced)
    assert any("does not balance" in each.message for each in errors)


async def test_names_that_beancount_refuses_are_escaped_and_kept_beside(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await world_of_odd_names(uow_factory)
    found, errors, _ = loader.load_string(await shell.run("export", "--format", "beancount"))
    assert errors == []
    opened = {each.account: each.meta["owner"] for each in found if isinstance(each, Open)}
    assert set(opened.values()) == set(ODD)
    assert len(opened) == len(ODD) * len(AccountKind) * 4
    moved = [each for each in found if isinstance(each, Transaction)]
    assert {each.narration for each in moved} == {*ODD, ""}
    assert {each.payee for each in moved} == {'"C\\', "PAYMENT"}
    numbers = {posting.units.number for each in moved for posting in each.postings if posting.units}
    assert {Decimal("12.345"), Decimal("123.45"), Decimal(12345), Decimal(1), Decimal(MOST).scaleb(-3)} <= (
        numbers
    )


async def test_an_empty_ledger_is_exported_too(shell: Shell) -> None:
    _, errors, _ = loader.load_string(await shell.run("export", "--format", "beancount"))
    assert errors == []
    assert await shell.json("export", "--format", "json") == []
    assert len((await shell.run("export", "--format", "csv")).splitlines()) == 1


async def test_the_journal_is_exported_for_tables_and_programs(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await two_days(uow_factory)
    entries = await shell.json("journal", "--json")
    assert await shell.json("export", "--format", "json") == entries
    rows = list(csv.DictReader(io.StringIO(await shell.run("export", "--format", "csv"))))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in entry.items()} for entry in entries
    ]


def test_an_escaped_name_says_its_bytes() -> None:
    assert account_name(account("é", AccountKind.FX, "WH")) == "Equity:FX:Of--c3-a9:WH"


async def test_a_missing_account_is_named_by_the_journal_and_the_exports(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await two_days(uow_factory)
    async with uow_factory() as uow:
        await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
        await uow.connection.execute(text("DELETE FROM ledger_accounts WHERE id = :id"), {"id": ASHA.id})
    for arguments in (["journal"], ["export", "--format", "csv"], ["export", "--format", "beancount"]):
        result = await shell.try_(*arguments)
        assert isinstance(result.exception, AccountMissing)
        assert f"is on the account {ASHA.id}, which is not in the ledger" in result.exception.message


async def test_seals_are_checked_against_a_key_from_outside_the_database(
    shell: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await record_on_past_days(uow_factory)
    keychain = await open_keychain(
        subscriber_id="bpp.example",
        uow_factory=uow_factory,
        key_manager=key_manager(),
        clock=ManualClock(NOW - timedelta(days=1)),
    )
    await shell.run("seal")
    own = write_public_key(keychain.at(NOW).private_key.public_key)
    other = write_public_key(new_private_key().public_key)
    assert (await shell.run("audit", "--key", other, "--key", own)).endswith("All of it holds.")
    result = await shell.try_("audit", "--key", other)
    assert result.exit_code == 1
    assert "its signature is not that of the key 'bpp.example|k1'" in result.stdout
    assert (await shell.try_("audit", "--key", "no key")).exit_code == 2
