"""Several bills of one pair of parties, in both directions, as one payment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel.money import Money, sum_money


class NettingInvalid(ValueError):
    """Bills that are not all between the same two parties, in one currency, with something to pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What is due on a bill, who owes it and to whom."""

    bill: UUID
    payer: str
    payee: str
    due: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class NetPayment:
    """What one party pays the other, and the bills that are all covered by it."""

    payer: str
    payee: str
    amount: Money
    parts: tuple[Owed, ...]


def net(owed: Iterable[Owed]) -> NetPayment:
    """Return the one payment that covers all of these bills; of nought, where both owe the same.

    Who owes more pays the difference. Raises: NettingInvalid.
    """
    parts = tuple(sorted(owed, key=lambda part: part.bill))
    _check(parts)
    first, currency = parts[0], parts[0].due.currency
    forth = sum_money((part.due for part in parts if part.payer == first.payer), currency=currency)
    back = sum_money((part.due for part in parts if part.payer != first.payer), currency=currency)
    payer, payee = (first.payer, first.payee) if forth >= back else (first.payee, first.payer)
    return NetPayment(
        payer=payer, payee=payee, amount=Money(abs((forth - back).minor), currency), parts=parts
    )


def _check(parts: Sequence[Owed]) -> None:
    pairs = {frozenset((part.payer, part.payee)) for part in parts}
    if len(pairs) != 1 or any(len(pair) != 2 for pair in pairs):
        raise NettingInvalid("bills are netted between two parties")
    if len({part.due.currency for part in parts}) != 1:
        raise NettingInvalid("bills are netted in one currency")
    if len({part.bill for part in parts}) != len(parts):
        raise NettingInvalid("a bill is netted once")
    if any(part.due.minor <= 0 for part in parts):
        raise NettingInvalid("a bill on which nothing is due is not netted")
