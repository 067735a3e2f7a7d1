"""The pure rules of payments: which way a payment goes, when a bill is due, what is netted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.money import Money
from settlement.payments.due_dates import PaymentTerms, PaymentTermsInvalid
from settlement.payments.netting import NettingInvalid, Owed, net
from settlement.payments.payment import Collector, Payment, PaymentInvalid, payment_id
from settlement.payments.states import COUNTED, NEXT_PAYMENT_STATUS, OVER, NoticeVerdict, PaymentStatus, judge

INR, USD = Currency("INR"), Currency("USD")
S = PaymentStatus


def owed(number: int, minor: int, *, payer: str = "asha", payee: str = "ravi", unit: Currency = INR) -> Owed:
    return Owed(bill=UUID(int=number), payer=payer, payee=payee, due=Money(minor, unit))


def payment(minor: int, *parts: Owed, payer: str = "asha", payee: str = "ravi") -> Payment:
    return Payment(
        id=payment_id("p"),
        payer=payer,
        payee=payee,
        amount=Money(minor, INR),
        collected_by=Collector.BAP,
        parts=parts,
    )


@pytest.mark.parametrize(
    ("status", "said", "verdict"),
    [
        (S.PENDING, S.CAPTURED, NoticeVerdict.APPLIED),
        (S.PENDING, S.SETTLED, NoticeVerdict.APPLIED),
        (S.SETTLED, S.CAPTURED, NoticeVerdict.STALE),
        (S.CHARGEBACK, S.CAPTURED, NoticeVerdict.STALE),
        (S.REFUNDED, S.SETTLED, NoticeVerdict.STALE),
        (S.FAILED, S.AUTHORIZED, NoticeVerdict.STALE),
        (S.FAILED, S.FAILED, NoticeVerdict.STALE),
        (S.FAILED, S.CAPTURED, NoticeVerdict.CONTRADICTS),
        (S.VOIDED, S.CAPTURED, NoticeVerdict.CONTRADICTS),
        (S.SETTLED, S.VOIDED, NoticeVerdict.CONTRADICTS),
        (S.SETTLED, S.CHARGEBACK, NoticeVerdict.APPLIED),
    ],
)
def test_a_notice_is_applied_overtaken_or_a_contradiction(
    status: PaymentStatus, said: PaymentStatus, verdict: NoticeVerdict
) -> None:
    assert judge(status, said) is verdict


@given(st.lists(st.sampled_from(PaymentStatus)))
def test_whatever_is_said_money_comes_in_once_at_most_and_goes_out_once_at_most(
    said: list[PaymentStatus],
) -> None:
    status, ins, outs = S.PENDING, 0, 0
    for each in said:
        if judge(status, each) is NoticeVerdict.APPLIED:
            ins += status not in COUNTED and each in COUNTED
            outs += status in COUNTED and each not in COUNTED
            status = each
        assert (ins, outs) in {(0, 0), (1, 0), (1, 1)}
        assert (ins - outs == 1) is (status in COUNTED)
    assert all(old not in OVER for old, _ in NEXT_PAYMENT_STATUS)


@pytest.mark.parametrize(
    ("zone", "issued", "terms", "due", "overdue"),
    [
        ("Asia/Kolkata", "2026-01-31T20:00:00Z", (15, 0), date(2026, 2, 16), "2026-02-16T18:30:00Z"),
        ("Asia/Kolkata", "2026-01-31T18:00:00Z", (15, 0), date(2026, 2, 15), "2026-02-15T18:30:00Z"),
        ("Europe/Berlin", "2026-03-13T23:30:00Z", (15, 0), date(2026, 3, 29), "2026-03-29T22:00:00Z"),
        ("Europe/Berlin", "2026-03-13T12:00:00Z", (15, 3), date(2026, 3, 28), "2026-03-31T22:00:00Z"),
        ("Africa/Cairo", "2026-04-08T12:00:00Z", (15, 0), date(2026, 4, 23), "2026-04-23T22:00:00Z"),
        ("UTC", "2026-01-01T00:00:00Z", (0, 0), date(2026, 1, 1), "2026-01-02T00:00:00Z"),
    ],
)
def test_a_bill_is_overdue_from_the_first_instant_after_its_due_day(
    zone: str, issued: str, terms: tuple[int, int], due: date, overdue: str
) -> None:
    days, grace = terms
    by = PaymentTerms(zone=zone, days=days, grace_days=grace)
    assert by.due_date(parse_instant(issued)) == due
    assert by.overdue_from(parse_instant(issued)) == parse_instant(overdue)


def test_a_bill_is_not_due_before_it_is_issued() -> None:
    with pytest.raises(PaymentTermsInvalid):
        PaymentTerms(zone="UTC", days=-1)
    assert PaymentTerms(zone="UTC").days == 15
    assert PaymentTerms(zone="UTC", days=1).overdue_from(
        parse_instant("2026-01-01T00:00:00Z")
    ) == parse_instant("2026-01-01T00:00:00Z") + timedelta(days=2)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 10**12)), min_size=1, max_size=12))
def test_netting_leaves_each_with_what_all_bills_would(bills: Sequence[tuple[bool, int]]) -> None:
    parts = [
        owed(number, minor, payer="asha" if forth else "ravi", payee="ravi" if forth else "asha")
        for number, (forth, minor) in enumerate(bills)
    ]
    together = net(parts)
    asha = sum(Fraction(-minor if forth else minor) for forth, minor in bills)
    assert together.amount.minor == abs(asha)
    assert not asha or together.payer == ("asha" if asha < 0 else "ravi")
    made = payment(together.amount.minor, *together.parts, payer=together.payer, payee=together.payee)
    assert made.taken_off.minor == sum(part.due.minor for part in parts if part.payer == together.payee)
    assert net(reversed(parts)).amount == together.amount


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [owed(1, 5), owed(2, 5, payee="mina")],
        [owed(1, 5, payee="asha")],
        [owed(1, 5), owed(2, 5, unit=USD)],
        [owed(1, 5), owed(1, 5)],
        [owed(1, 0)],
    ],
)
def test_only_bills_between_two_in_one_currency_are_netted(parts: list[Owed]) -> None:
    with pytest.raises(NettingInvalid):
        net(parts)


@pytest.mark.parametrize(
    ("minor", "parts"),
    [
        (0, []),
        (-5, [owed(1, 5, payer="ravi", payee="asha")]),
        (4, [owed(1, 5)]),
        (5, [owed(1, 5, payee="mina")]),
        (5, [owed(1, 5, unit=USD)]),
        (0, [owed(1, 0)]),
    ],
)
def test_a_payment_is_of_what_its_parts_come_to(minor: int, parts: list[Owed]) -> None:
    with pytest.raises(PaymentInvalid):
        payment(minor, *parts)


def test_nobody_pays_oneself() -> None:
    with pytest.raises(PaymentInvalid, match="itself"):
        payment(5, payee="asha")
    assert payment(5).taken_off == Money(0, INR)
