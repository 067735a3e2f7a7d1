"""The audit: everything is worked out anew from the journal, and compared with what is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from protocol.ed25519 import PublicKey
from settlement.ledger.accounts import RULES, account_id
from settlement.ledger.balances import Balance
from settlement.ledger.books import Books
from settlement.ledger.chain import NO_SEAL, Seal, next_hash
from settlement.ledger.findings import Audit, Finding, Trouble
from settlement.ledger.journal_entry import JournalEntry, digest_of
from settlement.ledger.merkle import merkle_root
from settlement.ledger.rows import Row, balance_from, entry_from
from settlement.ledger.sealing import seal_from
from storage.unit_of_work import UnitOfWork

_SEALS: Final = "SELECT * FROM ledger_seals ORDER BY day"
_CHAINED: Final = """
SELECT transfer, place, hash, ledger_transfers.*
FROM ledger_chain LEFT JOIN ledger_transfers ON id = transfer WHERE day = $1 ORDER BY place, transfer
"""
_UNSEALED: Final = """
SELECT transfer FROM ledger_chain AS chain
WHERE NOT EXISTS (SELECT FROM ledger_seals WHERE ledger_seals.day = chain.day)
"""
_LOOSE: Final = """
SELECT * FROM ledger_transfers
WHERE NOT EXISTS (SELECT FROM ledger_chain WHERE transfer = id) ORDER BY seq
"""
_ACCOUNTS: Final = """
SELECT id, owner, kind, unit, account, bound, debits_posted, credits_posted, debits_pending, credits_pending
FROM ledger_accounts LEFT JOIN ledger_balances ON account = id ORDER BY id
"""
_HOLDS: Final = "SELECT transfer, expires_at FROM ledger_holds"
_A_DAY: Final = timedelta(days=1)


async def audit_ledger(
    *, uow: UnitOfWork, keys: Mapping[str, PublicKey], outside: Sequence[PublicKey] = ()
) -> Audit:
    """Work everything out anew, and return what does not agree; `keys` are those that seals are signed with.

    If there are keys from `outside` the database, every seal must be of one of them: who can write to
    the database can put a key of his own there, and seal with it whatever he likes.
    The unit of work should see one instant, or what is recorded meanwhile looks wrong.
    """
    auditor = _Auditor(uow=uow, keys=keys, outside=outside)
    await auditor.look()
    return Audit(
        entries=auditor.books.entries,
        accounts=auditor.accounts,
        sealed_until=auditor.sealed_until,
        findings=tuple(auditor.findings),
    )


@dataclass(slots=True, kw_only=True, eq=False)
class _Auditor:
    uow: UnitOfWork
    keys: Mapping[str, PublicKey]
    outside: Sequence[PublicKey]
    books: Books = field(default_factory=Books)
    findings: list[Finding] = field(default_factory=list)
    accounts: int = 0
    sealed_until: date | None = None

    async def look(self) -> None:
        previous: Seal | None = None
        for row in await self.uow.driver.fetch(_SEALS):
            seal = seal_from(row)
            await self._look_at_day(seal, previous)
            previous = seal
            self.sealed_until = seal.summary.day
        for unsealed in await self.uow.driver.fetch(_UNSEALED):
            self._find(Trouble.SEAL, "ledger_chain", unsealed["transfer"], "its day has no seal")
        async for loose in self._rows(_LOOSE):
            entry = self._read(loose)
            if entry is not None and self.sealed_until is not None and entry.day <= self.sealed_until:
                why = f"the journal is sealed up to {self.sealed_until} without it"
                self._find(Trouble.ADDED, "ledger_transfers", entry.id, why)
        self.findings += self.books.close()
        await self._look_at_accounts()
        await self._look_at_holds()

    async def _look_at_day(self, seal: Seal, previous: Seal | None) -> None:
        """Follow a day's chain from row to row; the seal itself is blamed only if no row of it is."""
        before = len(self.findings)
        digests: list[bytes] = []
        link, last_seq = seal.summary.previous, 0
        async for row in self._rows(_CHAINED, seal.summary.day):
            entry = self._read(row)
            digest = b"" if entry is None else digest_of(entry)
            digests.append(digest)
            linked = {next_hash(link, each) for each in (digest, row["digest"] or b"")}
            is_linked = entry is None or row["hash"] in linked
            if entry is not None:
                in_order = row["place"] == len(digests) and entry.seq > last_seq
                self._look_at_link(entry, row, seal.summary.day, in_order=in_order, is_linked=is_linked)
                last_seq = entry.seq
            link = row["hash"] if is_linked else next_hash(link, digest)
        rows_hold = len(self.findings) == before
        believed = self.outside or [key for name, key in self.keys.items() if name == seal.key_id]
        for why in _faults(seal, previous, digests, link, rows_hold=rows_hold, believed=believed):
            self._find(Trouble.SEAL, "ledger_seals", seal.summary.day, why)

    def _look_at_link(
        self, entry: JournalEntry, row: Row, day: date, *, in_order: bool, is_linked: bool
    ) -> None:
        if not in_order:
            why = f"it stands in place {row['place']} of {day}, as number {entry.seq}"
            self._find(Trouble.REORDERED, "ledger_chain", entry.id, why)
        elif not is_linked:
            why = f"it is not what was chained in place {row['place']} of {day}"
            self._find(Trouble.CHANGED, "ledger_chain", entry.id, why)
        elif entry.day != day:
            why = f"it was recorded on {entry.day} and is chained in {day}"
            self._find(Trouble.CHANGED, "ledger_chain", entry.id, why)

    def _read(self, row: Row) -> JournalEntry | None:
        """Return a row's entry, taken into the books, if the row is there and can be read."""
        if row["id"] is None:
            self._find(Trouble.MISSING, "ledger_transfers", row["transfer"], "it was chained and is gone")
            return None
        try:
            entry = entry_from(row)
        except ValueError as error:
            self._find(Trouble.CHANGED, "ledger_transfers", row["id"], str(error))
            return None
        if digest_of(entry) != entry.digest:
            self._find(Trouble.CHANGED, "ledger_transfers", entry.id, "its digest is that of something else")
        self.books.add(entry)
        return entry

    async def _look_at_accounts(self) -> None:
        stored: dict[UUID, Balance] = {}
        for row in await self.uow.driver.fetch(_ACCOUNTS):
            self.accounts += 1
            if row["id"] != account_id(row["owner"], row["kind"], row["unit"]) or row["kind"] not in RULES:
                self._find(Trouble.ACCOUNT, "ledger_accounts", row["id"], "it is not what its id says")
            elif row["account"] is None:
                self._find(Trouble.BALANCE, "ledger_balances", row["id"], "the account has no balance")
            else:
                balance = stored[row["id"]] = balance_from(row)
                rule = balance.account.rule
                if row["bound"] != (rule.side if rule.is_bounded else None):
                    self._find(Trouble.BALANCE, "ledger_balances", row["id"], "its bound is not its kind's")
        self.findings += self.books.check_balances(stored)

    async def _look_at_holds(self) -> None:
        rows = await self.uow.driver.fetch(_HOLDS)
        kept = {row["transfer"]: row["expires_at"] for row in rows}
        due = {hold.id: hold.expires_at for hold in self.books.holds.values()}
        for hold in sorted(kept.keys() | due.keys()):
            if hold not in due or hold not in kept or kept[hold] != due[hold]:
                self._find(Trouble.HOLD, "ledger_holds", hold, "the list of open holds is not the journal's")

    async def _rows(self, query: str, *values: object) -> AsyncIterator[Row]:
        async for row in self.uow.driver.cursor(query, *values, prefetch=2_000):
            yield row

    def _find(self, trouble: Trouble, table: str, row: object, why: str) -> None:
        self.findings.append(Finding(trouble=trouble, table=table, row=str(row), why=why))


def _faults(
    seal: Seal,
    previous: Seal | None,
    digests: list[bytes],
    head: bytes,
    *,
    rows_hold: bool,
    believed: Sequence[PublicKey],
) -> Iterator[str]:
    """Yield what is wrong with a seal."""
    summary = seal.summary
    if summary.previous != (NO_SEAL if previous is None else previous.summary.digest):
        yield "it does not follow from the seal before it"
    if previous is not None and summary.day != previous.summary.day + _A_DAY:
        yield f"the days between {previous.summary.day} and it have none"
    if rows_hold and (summary.entries, summary.head, summary.root) != (
        len(digests),
        head,
        merkle_root(digests),
    ):
        yield "it is not the seal of the entries that are chained"
    if not believed:
        yield f"it is signed with {seal.key_id!r}, a key that is not known here"
    elif not any(seal.is_signed_by(key) for key in believed):
        yield f"its signature is not that of the key {seal.key_id!r}"
