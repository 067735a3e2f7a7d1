"""What payments come to, the naive way: who owes whom, what counts towards which bill, and every account.

Amounts are whole paise. An account is what was put on it less what was taken off it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

NOT_IN: Final = ("PENDING", "AUTHORIZED")
IN: Final = ("CAPTURED", "SETTLED")
COMES_AFTER: Final = {
    "PENDING": (),
    "AUTHORIZED": ("PENDING",),
    "CAPTURED": NOT_IN,
    "SETTLED": (*NOT_IN, "CAPTURED"),
    "VOIDED": NOT_IN,
    "FAILED": (*NOT_IN, *IN),
    "CHARGEBACK": (*NOT_IN, *IN),
    "REFUNDED": (*NOT_IN, *IN),
}
Account = tuple[str, str]


@dataclass(kw_only=True)
class Paying:
    """A payment: `parts` has payer, payee and amount of each bill, `took` what counted towards it."""

    id: str
    payer: str
    payee: str
    amount: int
    parts: dict[str, tuple[str, str, int]]
    status: str = "PENDING"
    took: dict[str, int] = field(default_factory=dict)
    given_back: set[str] = field(default_factory=set)

    @property
    def taken_off(self) -> int:
        return sum(minor for payer, _, minor in self.parts.values() if payer == self.payee)


@dataclass(kw_only=True)
class Demand:
    """An issued bill: its total, and what credit notes paid of it."""

    id: str
    payer: str
    payee: str
    total: int
    credited: int
    is_of_return: bool


@dataclass(kw_only=True)
class Money:
    """All accounts and payments of a town."""

    accounts: dict[Account, int] = field(default_factory=lambda: defaultdict(int))
    pending: dict[Account, int] = field(default_factory=lambda: defaultdict(int))
    payments: dict[str, Paying] = field(default_factory=dict)
    demands: dict[str, Demand] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    posted: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    demanded_again: list[tuple[str, str, int]] = field(default_factory=list)
    """Payment, the bill that was paid, and what went out."""
    ahead: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Who set aside how much for a contract; what was paid out is not there any more."""

    def due(self, bill: str) -> int:
        demand = self.demands[bill]
        return demand.total - demand.credited - self.counted[bill]

    def status(self, bill: str) -> str:
        if self.due(bill) == 0:
            return "PAID"
        return "OVERDUE" if bill in self.late else "PENDING"

    def move(self, debit: Account, credit: Account, amount: int) -> None:
        self.accounts[debit] -= amount
        self.accounts[credit] += amount

    def issue(self, demand: Demand) -> None:
        """Put a bill on the accounts as it is first seen; one of a return is there by its return."""
        if demand.id not in self.demands and not demand.is_of_return:
            self.posted.add(demand.id)
            self.move((demand.payer, "RECEIVABLE"), (demand.payee, "PAYABLE"), demand.total)
            self.move((demand.payer, "CREDIT"), (demand.payer, "RECEIVABLE"), demand.credited)
        self.demands[demand.id] = demand

    def credit(self, note: str, *, payer: str, payee: str, amount: int) -> None:
        """Put a credit note on the accounts as it is first seen."""
        if note not in self.notes:
            self.notes.add(note)
            self.move((payee, "PAYABLE"), (payer, "CREDIT"), amount)

    def start(self, paying: Paying) -> None:
        self.payments[paying.id] = paying

    def hear(self, paying: Paying, said: str) -> str:
        """Return what comes of a rail's word of a payment."""
        was = paying.status
        if was in COMES_AFTER[said]:
            paying.status = said
            if was not in IN and said in IN:
                self._come_in(paying)
            elif was in IN and said not in IN:
                self._go_out(paying)
            return "APPLIED"
        was_in = was in (*IN, "CHARGEBACK", "REFUNDED")
        if was == said or said in NOT_IN or (was_in and said in IN):
            return "STALE"
        return "CONTRADICTS"

    def _come_in(self, paying: Paying) -> None:
        into = "RECEIVABLE" if paying.parts else "DEPOSIT"
        self.move((paying.payer, "CASH_IN"), (paying.payer, into), paying.amount)
        for owner in (paying.payer, paying.payee):
            self.move((owner, "PAYABLE"), (owner, "RECEIVABLE"), paying.taken_off)
        for bill, (_, _, minor) in paying.parts.items():
            if taken := min(minor, self.due(bill)):
                paying.took[bill] = taken
                self.counted[bill] += taken

    def _go_out(self, paying: Paying) -> None:
        payer = paying.payer
        ahead = 0 if paying.parts else min(paying.amount, self.free(payer))
        self.move((payer, "DEPOSIT"), (payer, "CASH_IN"), ahead)
        self.move((payer, "RECEIVABLE"), (payer, "CASH_IN"), paying.amount - ahead)
        for owner in (payer, paying.payee):
            self.move((owner, "RECEIVABLE"), (owner, "PAYABLE"), paying.taken_off)
        for bill, minor in paying.took.items():
            if self.due(bill):
                self.counted[bill] -= minor
                paying.given_back.add(bill)
            else:
                self.demanded_again.append((paying.id, bill, minor))

    def free(self, owner: str) -> int:
        """Return what of an owner's deposit is not set aside."""
        return self.accounts[owner, "DEPOSIT"] - self.pending[owner, "DEPOSIT"]

    def set_aside(self, contract: str, buyer: str, amount: int) -> bool:
        if self.free(buyer) < amount:
            return False
        self.pending[buyer, "DEPOSIT"] += amount
        self.ahead[contract] = buyer, amount
        return True

    def pay_out(self, contract: str, seller: str, amount: int) -> None:
        buyer, held = self.ahead.pop(contract)
        self.pending[buyer, "DEPOSIT"] -= held
        self.move((buyer, "DEPOSIT"), (seller, "REVENUE"), amount)
