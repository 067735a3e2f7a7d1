"""`degnode ledger`: what stands in the ledger, whether it holds, and how it is handed to others."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator, Callable
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

import typer

from degnode.commands.key_desk import KeyPlace, key_desk
from degnode.commands.place import Place, at_a_place
from degnode.ledger_views import AuditView, JournalView, view_audit, view_balance, view_line
from degnode.printing import AsJson, print_json, print_table
from degnode.roles.own_keys import key_manager_of
from kernel.clock import format_instant
from kernel.plain_text import one_line
from keystore.keychain import Keychain
from keystore.store import find_key_sets, list_subscribers
from protocol.ed25519 import PublicKey
from protocol.keys import KeyUnreadable, read_public_key
from settlement.ledger.accounts import AccountKind
from settlement.ledger.audit import audit_ledger
from settlement.ledger.balances import Balance
from settlement.ledger.beancount_export import beancount_balances, beancount_entry, beancount_head
from settlement.ledger.chain import Seal
from settlement.ledger.findings import Audit
from settlement.ledger.reading import JournalLine, list_balances, read_journal, see_one_instant, walk_journal
from settlement.ledger.sealing import seal_next_day
from storage.unit_of_work import UnitOfWork

ledger = typer.Typer(
    help="Who owes what to whom, by double entry; whether that is as it was written.",
    no_args_is_help=True,
)

_MOST: Final = 100_000
Owner = Annotated[str | None, typer.Option(help="Only of this owner.")]
Kind = Annotated[AccountKind | None, typer.Option(help="Only of this kind.", case_sensitive=False)]
Unit = Annotated[str | None, typer.Option(help="Only in this unit: WH, or a currency like INR.")]
Limit = Annotated[int, typer.Option(min=1, max=_MOST, help="How many at most.")]


class Format(StrEnum):
    """How the ledger is written out."""

    BEANCOUNT = "beancount"
    CSV = "csv"
    JSON = "json"


@ledger.command()
@at_a_place
def accounts(
    *, owner: Owner = None, kind: Kind = None, unit: Unit = None, as_json: AsJson = False, place: Place
) -> None:
    """List accounts and what stands on them."""
    views = [view_balance(each) for each in asyncio.run(_accounts(place, owner, kind, unit))]
    if as_json:
        print_json(views)
        return
    print_table(
        "Accounts",
        ("owner", "kind", "unit", "balance", "available"),
        [(view.owner, view.kind, view.unit, view.balance, view.available) for view in views],
    )


@ledger.command()
@at_a_place
def show(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Whose accounts.")],
    *,
    kind: Kind = None,
    unit: Unit = None,
    limit: Limit = 50,
    place: Place,
) -> None:
    """Show an owner's accounts, each with the entries that moved it, the oldest first."""
    shown = asyncio.run(_show(place, owner, kind, unit, limit))
    if not shown:
        print("There is no such account.")
    for balance, lines in shown:
        view = view_balance(balance)
        _print_lines(f"{balance.account}: {view.balance}, at disposal {view.available}", lines)


@ledger.command()
@at_a_place
def journal(
    *,
    ref: Annotated[str | None, typer.Option(help="Only what belongs to this, like a contract.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries after this number.")] = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """List the journal's entries in order."""
    lines = asyncio.run(_journal(place, ref, after, limit))
    if as_json:
        print_json([view_line(line) for line in lines])
        return
    _print_lines("Journal", lines)


@ledger.command()
@at_a_place
def audit(
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PUBLIC",
            help="Believe only seals of this public key (base64), whatever the database says; repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """Work everything out anew from the journal; name every row that is not as it was written.

    Ends with status 1 if there is one.
    """
    outside = [_public_key(each) for each in key or ()]
    found = view_audit(asyncio.run(_audit(place, outside)))
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        _print_audit(found)
    if found.findings:
        sys.exit(1)


@ledger.command()
@at_a_place
def seal(*, place: KeyPlace) -> None:
    """Sign every day of the journal that is over and was not signed yet."""
    for each in asyncio.run(_seal(place)):
        summary = each.summary
        print(f"{summary.day}  {summary.entries} entries  root {summary.root.hex()}  by {each.key_id}")


@ledger.command()
@at_a_place
def export(
    *,
    form: Annotated[Format, typer.Option("--format", help="For beancount, a table, or programs.")],
    place: Place,
) -> None:
    """Print the whole ledger: for beancount with an assertion of every balance, or entry by entry."""
    asyncio.run(_export(place, _EXPORTS[form]))


async def _accounts(
    place: Place, owner: str | None, kind: AccountKind | None, unit: str | None
) -> list[Balance]:
    async with place.desk() as desk:
        return await list_balances(uow=desk.uow, owner=owner, kind=kind, unit=unit)


async def _show(
    place: Place, owner: str, kind: AccountKind | None, unit: str | None, limit: int
) -> list[tuple[Balance, list[JournalLine]]]:
    async with place.desk() as desk:
        found = await list_balances(uow=desk.uow, owner=owner, kind=kind, unit=unit)
        return [
            (each, await read_journal(uow=desk.uow, account=each.account.id, limit=limit)) for each in found
        ]


async def _journal(place: Place, ref: str | None, after: int, limit: int) -> list[JournalLine]:
    async with place.desk() as desk:
        return await read_journal(uow=desk.uow, ref=ref, after=after, limit=limit)


async def _audit(place: Place, outside: list[PublicKey]) -> Audit:
    async with place.desk() as desk:
        await see_one_instant(uow=desk.uow)
        return await audit_ledger(uow=desk.uow, keys=await _keys(desk.uow), outside=outside)


def _public_key(text: str) -> PublicKey:
    try:
        return read_public_key(text)
    except KeyUnreadable as error:
        raise typer.BadParameter(str(error), param_hint="--key") from error


async def _keys(uow: UnitOfWork) -> dict[str, PublicKey]:
    """Return the node's own public keys, those too that count no more, by the names that seals have."""
    sets = [
        each
        for subscriber in await list_subscribers(uow.connection)
        for each in await find_key_sets(uow.connection, subscriber_id=subscriber)
    ]
    return {f"{each.subscriber_id}|{each.key_id}": each.signing_public_key for each in sets}


async def _seal(place: KeyPlace) -> list[Seal]:
    async with key_desk(place) as desk:
        keychain = Keychain(
            subscriber_id=desk.subscriber_id,
            uow_factory=desk.uow_factory,
            key_manager=key_manager_of(desk.settings, may_make=False),
            clock=desk.clock,
        )
        await keychain.reload()
        sealed: list[Seal] = []
        while True:
            now = desk.clock.now()
            async with desk.uow_factory() as uow:
                done = await seal_next_day(uow=uow, signer=keychain.at(now), now=now)
            if done is None:
                return sealed
            sealed.append(done)


async def _export(place: Place, write: Callable[[UnitOfWork], AsyncIterator[str]]) -> None:
    async with place.desk() as desk:
        await see_one_instant(uow=desk.uow)
        async for text in write(desk.uow):
            print(text)


async def _beancount(uow: UnitOfWork) -> AsyncIterator[str]:
    balances = await list_balances(uow=uow)
    for text in beancount_head(each.account for each in balances):
        yield text
    last: date | None = None
    async for line in walk_journal(uow=uow):
        for text in beancount_entry(line):
            yield text
        last = line.entry.day if last is None else max(last, line.entry.day)
    for text in beancount_balances(balances, after=last):
        yield text


async def _csv(uow: UnitOfWork) -> AsyncIterator[str]:
    yield _csv_row(list(JournalView.model_fields))
    async for line in walk_journal(uow=uow):
        yield _csv_row(list(view_line(line).model_dump(mode="json").values()))


async def _json(uow: UnitOfWork) -> AsyncIterator[str]:
    before = "["
    async for line in walk_journal(uow=uow):
        yield before + view_line(line).model_dump_json()
        before = ","
    yield "[]" if before == "[" else "]"


_EXPORTS: Final[dict[Format, Callable[[UnitOfWork], AsyncIterator[str]]]] = {
    Format.BEANCOUNT: _beancount,
    Format.CSV: _csv,
    Format.JSON: _json,
}


def _csv_row(values: list[object]) -> str:
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(values)
    return row.getvalue()


def _print_lines(title: str, lines: list[JournalLine]) -> None:
    print(one_line(title))
    for line in lines:
        entry = line.entry
        words = (
            f"{entry.seq:>7}",
            format_instant(entry.created_at),
            entry.phase,
            entry.code,
            str(entry.quantity),
            f"from {line.debit} to {line.credit}",
            f"for {entry.ref}" if entry.ref else "",
        )
        print(one_line("  ".join(words).rstrip()))


def _print_audit(found: AuditView) -> None:
    until = "no day is sealed yet" if found.sealed_until is None else f"sealed up to {found.sealed_until}"
    print(f"{found.entries} entries, {found.accounts} accounts, {until}.")
    for each in found.findings:
        print(one_line(f"{each.trouble}  {each.table} {each.row}: {each.why}"))
    print("Something is not as it was written." if found.findings else "All of it holds.")
