"""The way of a payment, from being asked for to having arrived, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class PaymentStatus(StrEnum):
    """How far a payment has come."""

    PENDING = "PENDING"  # asked for; the rail has not said anything yet
    AUTHORIZED = "AUTHORIZED"  # set aside with the payer
    CAPTURED = "CAPTURED"  # taken
    SETTLED = "SETTLED"  # with the collector
    VOIDED = "VOIDED"  # what was set aside is the payer's again
    FAILED = "FAILED"  # it did not come about, or bounced
    CHARGEBACK = "CHARGEBACK"  # the payer took it back
    REFUNDED = "REFUNDED"  # the collector gave it back


COUNTED: Final = frozenset({PaymentStatus.CAPTURED, PaymentStatus.SETTLED})
"""Where the money is in: it counts towards bills as long as the payment is here, and no longer."""
OVER: Final = frozenset(
    {PaymentStatus.VOIDED, PaymentStatus.FAILED, PaymentStatus.CHARGEBACK, PaymentStatus.REFUNDED}
)
"""Where nothing comes after."""

_BEFORE: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = {
    PaymentStatus.AUTHORIZED: frozenset({PaymentStatus.PENDING}),
    PaymentStatus.CAPTURED: frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED}),
    PaymentStatus.SETTLED: frozenset(
        {PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED}
    ),
    PaymentStatus.VOIDED: frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED}),
    PaymentStatus.FAILED: frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, *COUNTED}),
    PaymentStatus.CHARGEBACK: frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, *COUNTED}),
    PaymentStatus.REFUNDED: frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, *COUNTED}),
}
"""From where each status is reached: notices may overtake each other, so steps may be left out."""
NEXT_PAYMENT_STATUS: Final = frozenset((old, new) for new, olds in _BEFORE.items() for old in olds)
"""Every step that there is."""


class NoticeVerdict(StrEnum):
    """What a rail's notice does."""

    APPLIED = "APPLIED"
    STALE = "STALE"
    """It was overtaken by another, and says nothing new."""
    CONTRADICTS = "CONTRADICTS"
    """The payment was over, and the money is said to have gone another way: for a person to look at."""


def judge(status: PaymentStatus, said: PaymentStatus) -> NoticeVerdict:
    """Say what it does to a payment of that status that a rail says another."""
    if (status, said) in NEXT_PAYMENT_STATUS:
        return NoticeVerdict.APPLIED
    if status is said or said not in OVER | COUNTED or (_was_in(status) and said in COUNTED):
        return NoticeVerdict.STALE
    return NoticeVerdict.CONTRADICTS


def _was_in(status: PaymentStatus) -> bool:
    """Say whether the money had to be in before that status."""
    return status in COUNTED or status in {PaymentStatus.CHARGEBACK, PaymentStatus.REFUNDED}
