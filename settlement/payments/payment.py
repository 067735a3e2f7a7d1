"""A payment: who pays whom, how much, and which bills by that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from kernel.errors import NodeError
from kernel.ids import derived_id
from kernel.money import Money, sum_money
from settlement.payments.netting import Owed


class PaymentInvalid(NodeError):
    """A payment that pays nothing, or not what its parts come to."""

    code, http_status, retryable = "PAYMENT_INVALID", 400, False


class Collector(StrEnum):
    """Whose platform takes the money in."""

    BAP = "BAP"
    BPP = "BPP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What one party pays another through a rail.

    `parts` are the bills that it is to pay, each whole or in part, those that the payee owes the payer
    taken off; without any, it is for the payer's deposit.
    Raises: PaymentInvalid.
    """

    id: UUID
    payer: str
    payee: str
    amount: Money
    collected_by: Collector
    parts: tuple[Owed, ...] = ()

    def __post_init__(self) -> None:
        if self.payer == self.payee:
            raise PaymentInvalid(f"{self.payer} cannot pay itself")
        if self.amount.minor < 0 or not (self.parts or self.amount.minor):
            raise PaymentInvalid(f"a payment is of more than nothing, not {self.amount}")
        if self.parts and _worth(self.parts, self.payer, self.payee, self.amount) != self.amount:
            raise PaymentInvalid("the parts of a payment come to its amount, in its currency")

    @property
    def taken_off(self) -> Money:
        """What of the payer's bills is paid by what the payee owes it."""
        back = (part.due for part in self.parts if part.payer == self.payee)
        return sum_money(back, currency=self.amount.currency)


def payment_id(*key: str) -> UUID:
    """Return the id of the payment with that key: who starts it again says the same."""
    return derived_id("payment", *key)


def _worth(parts: tuple[Owed, ...], payer: str, payee: str, amount: Money) -> Money | None:
    """Return what the parts come to for the payer; None, if they are others' or of another currency."""
    signs = {(payer, payee): 1, (payee, payer): -1}
    if any((part.payer, part.payee) not in signs or part.due.minor <= 0 for part in parts):
        return None
    if any(part.due.currency != amount.currency for part in parts):
        return None
    total = sum(signs[part.payer, part.payee] * part.due.minor for part in parts)
    return Money(total, amount.currency)
