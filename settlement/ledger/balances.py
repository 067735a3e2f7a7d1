"""What stands on accounts, and how entries move it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from kernel.errors import NodeError
from settlement.ledger.accounts import Account, Side, amount_in
from settlement.ledger.entries import MOST, Phase
from settlement.ledger.journal_entry import JournalEntry


class InsufficientFunds(NodeError):
    """More was asked of an account than it has."""

    code, http_status, retryable = "LEDGER_INSUFFICIENT_FUNDS", 409, False


class BalanceTooLarge(NodeError):
    """A sum that no account can hold."""

    code, http_status, retryable = "LEDGER_BALANCE_TOO_LARGE", 422, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What stands on an account, in minor units or Wh; what is pending is set aside by open holds."""

    account: Account
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def posted(self) -> int:
        """What has moved, counted on the side on which the account grows."""
        grown = self.credits_posted - self.debits_posted
        return grown if self.account.rule.side is Side.CREDIT else -grown

    @property
    def available(self) -> int:
        """What has moved, less what is set aside to leave."""
        is_credit = self.account.rule.side is Side.CREDIT
        return self.posted - (self.debits_pending if is_credit else self.credits_pending)

    @property
    def columns(self) -> tuple[int, int, int, int]:
        return self.debits_posted, self.credits_posted, self.debits_pending, self.credits_pending


Effect = tuple[int, int]
"""By how much an entry moves what is posted, and what is pending."""

_EFFECTS: Final[Mapping[Phase, Callable[[int, int], Effect]]] = {
    Phase.POSTED: lambda amount, held: (amount, held),
    Phase.PENDING: lambda amount, held: (held, amount),
    Phase.POST: lambda amount, held: (amount, -held),
    Phase.VOID: lambda _amount, held: (0, -held),
    Phase.EXPIRE: lambda _amount, held: (0, -held),
}


def effect_of(entry: JournalEntry, *, held: int) -> Effect:
    """Return what `entry` moves; `held` is the amount of the hold that it is about, else nought."""
    return _EFFECTS[entry.phase](entry.amount, held)


def moved(
    balances: Mapping[UUID, Balance], entries: Iterable[JournalEntry], *, held: Mapping[UUID, int]
) -> dict[UUID, Balance]:
    """Return the balances as `entries` leave them; `held` has the amount of every hold that they are about.

    The entries are one act: only what they come to together is judged.
    Raises: InsufficientFunds, BalanceTooLarge.
    """
    sums = {account: list(balance.columns) for account, balance in balances.items()}
    for entry in entries:
        posted, pending = effect_of(entry, held=0 if entry.hold is None else held[entry.hold])
        debit, credit = sums[entry.debit], sums[entry.credit]
        debit[0] += posted
        credit[1] += posted
        debit[2] += pending
        credit[3] += pending
    return {account: _checked(balance, sums[account]) for account, balance in balances.items()}


def _checked(before: Balance, sums: list[int]) -> Balance:
    debits_posted, credits_posted, debits_pending, credits_pending = sums
    after = replace(
        before,
        debits_posted=debits_posted,
        credits_posted=credits_posted,
        debits_pending=debits_pending,
        credits_pending=credits_pending,
    )
    account = before.account
    if max(debits_posted + debits_pending, credits_posted + credits_pending) > MOST:
        raise BalanceTooLarge(f"the {account} would go beyond 2^63")
    if account.rule.is_bounded and after.available < 0:
        has = amount_in(account.unit, before.available)
        wants = amount_in(account.unit, before.available - after.available)
        raise InsufficientFunds(
            f"the {account} has {has} at its disposal, not {wants}",
            hint="What open holds have set aside comes back when they are voided or expire.",
        )
    return after
