"""The books as the journal alone tells them: balances, holds and groups, added up anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from settlement.ledger.accounts import Account
from settlement.ledger.balances import Balance, effect_of
from settlement.ledger.entries import Phase, resolution_id
from settlement.ledger.findings import Finding, Trouble
from settlement.ledger.journal_entry import JournalEntry
from settlement.ledger.posting import group_id


@dataclass(slots=True, kw_only=True, eq=False)
class Books:
    """Takes the journal's entries in any order, and tells what they come to."""

    entries: int = 0
    sums: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0]))
    units: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    holds: dict[UUID, JournalEntry] = field(default_factory=dict)
    ends: list[JournalEntry] = field(default_factory=list)
    groups: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))

    def add(self, entry: JournalEntry) -> None:
        """Take an entry into the books."""
        self.entries += 1
        for account in (entry.debit, entry.credit):
            self.units[account].add(entry.unit)
        if entry.linked is not None:
            self.groups[entry.linked].append(entry.id)
        if entry.hold is not None:
            self.ends.append(entry)
            return
        if entry.phase is Phase.PENDING:
            self.holds[entry.id] = entry
        self._move(entry, held=0)

    def close(self) -> Iterator[Finding]:
        """Settle what became of holds, and yield what cannot be; nothing is added after that."""
        ended: set[UUID] = set()
        for end in self.ends:
            hold = self.holds.get(end.hold) if end.hold is not None else None
            if hold is None:
                yield _of_hold(end, f"there is no hold {end.hold}")
                continue
            self._move(end, held=hold.amount)
            ended.add(hold.id)
            yield from (_of_hold(end, why) for why in _wrongs(end, hold))
        for done in ended:
            del self.holds[done]
        for group, members in self.groups.items():
            if group_id(members) != group:
                for member in members:
                    yield Finding(
                        trouble=Trouble.GROUP,
                        table="ledger_transfers",
                        row=str(member),
                        why=f"the group {group} is not whole: {len(members)} entries are left of it",
                    )

    def check_balances(self, stored: Mapping[UUID, Balance]) -> Iterator[Finding]:
        """Yield the balances that do not follow from the journal."""
        for account_id in self.sums.keys() - stored.keys():
            yield Finding(
                trouble=Trouble.ACCOUNT,
                table="ledger_accounts",
                row=str(account_id),
                why="the journal moves it, and it is not there",
            )
        for account_id, balance in stored.items():
            for why in self._off(account_id, balance):
                yield Finding(
                    trouble=Trouble.BALANCE,
                    table="ledger_balances",
                    row=str(account_id),
                    why=f"{balance.account}: {why}",
                )

    def _off(self, account_id: UUID, stored: Balance) -> Iterator[str]:
        account, sums = stored.account, self.sums[account_id]
        if stored.columns != tuple(sums):
            yield f"{_words(stored.columns)} are kept, the journal comes to {_words(sums)}"
        if self.units[account_id] - {account.unit}:
            yield f"entries of {', '.join(sorted(self.units[account_id]))} move it"
        if account.rule.is_bounded and _balance(account, sums).available < 0:
            yield "it is overdrawn"

    def _move(self, entry: JournalEntry, *, held: int) -> None:
        posted, pending = effect_of(entry, held=held)
        debit, credit = self.sums[entry.debit], self.sums[entry.credit]
        debit[0] += posted
        credit[1] += posted
        debit[2] += pending
        credit[3] += pending


def _balance(account: Account, sums: list[int]) -> Balance:
    names = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    return Balance(account=account, **dict(zip(names, sums, strict=True)))


def _wrongs(end: JournalEntry, hold: JournalEntry) -> Iterator[str]:
    if end.id != resolution_id(hold.id):
        yield "it is not the one end that this hold can have"
    if (end.debit, end.credit, end.unit) != (hold.debit, hold.credit, hold.unit):
        yield "it moves between other accounts than the hold"
    if end.amount > hold.amount or (end.phase is not Phase.POST and end.amount != hold.amount):
        yield f"{end.amount} cannot come of a hold of {hold.amount}"
    if end.phase is Phase.EXPIRE and (hold.expires_at is None or hold.expires_at > end.created_at):
        yield "the hold's time was not over"


def _of_hold(end: JournalEntry, why: str) -> Finding:
    return Finding(trouble=Trouble.HOLD, table="ledger_transfers", row=str(end.id), why=why)


def _words(sums: tuple[int, ...] | list[int]) -> str:
    debits, credits_, held_debits, held_credits = sums
    return f"debits {debits} (+{held_debits} held), credits {credits_} (+{held_credits} held)"
