"""Trades that are paid ahead: set aside from the deposit, paid as delivered, the rest given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kernel.errors import NodeError
from kernel.money import Money, sum_money
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.entries import Entry, Hold, Post, Transfer, Void
from settlement.ledger.ledger import Ledger
from settlement.payments.posting import account
from storage.unit_of_work import UnitOfWork


class AdvanceExceeded(NodeError):
    """More was delivered than was set aside for it."""

    code, http_status, retryable = "PAYMENT_ADVANCE_EXCEEDED", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What a buyer sets aside for a contract: all that its quantity costs, with wheeling, fees and tax."""

    contract_id: str
    buyer: str
    amount: Money
    confirmed_at: datetime

    @property
    def hold(self) -> Hold:
        """What stands for it on the ledger."""
        return Hold(
            key=("advance", self.contract_id),
            debit=account(self.buyer, AccountKind.DEPOSIT, self.amount),
            credit=self.escrow,
            amount=self.amount,
            code="ADVANCE",
            ref=self.contract_id,
            event_at=self.confirmed_at,
        )

    @property
    def escrow(self) -> Account:
        return account(self.buyer, AccountKind.ESCROW, self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of what was delivered, and whose it is: the seller's, a utility's, the tax."""

    account: Account
    amount: Money
    code: str


async def set_aside(advance: Advance, *, uow: UnitOfWork, now: datetime) -> None:
    """Set the advance aside from the buyer's deposit. Raises: InsufficientFunds, TransferMismatch."""
    ledger = Ledger(uow)
    await ledger.open(advance.hold.debit, advance.escrow)
    await ledger.hold(advance.hold, now=now)


async def pay_delivered(
    advance: Advance, shares: Sequence[Share], *, at: datetime, uow: UnitOfWork, now: datetime
) -> None:
    """Pay each its share of what was delivered, and give the buyer the rest back; nought gives back all.

    Paying again changes nothing. Raises: AdvanceExceeded, TransferMismatch, HoldUnknown, HoldResolved.
    """
    moving = [share for share in shares if share.amount.minor]
    total = sum_money((share.amount for share in moving), currency=advance.amount.currency)
    if total > advance.amount:
        raise AdvanceExceeded(f"{total} were delivered, {advance.amount} were set aside")
    hold = advance.hold.id
    end: Entry = Post(hold=hold, amount=total, event_at=at) if moving else Void(hold=hold, event_at=at)
    paid = [
        Transfer(
            key=("advance", advance.contract_id, str(share.account.id), share.code),
            debit=advance.escrow,
            credit=share.account,
            amount=share.amount,
            code=share.code,
            ref=advance.contract_id,
            event_at=at,
        )
        for share in moving
    ]
    ledger = Ledger(uow)
    await ledger.open(advance.escrow, *(share.account for share in moving))
    await ledger.record([end, *paid], now=now, linked=True)
