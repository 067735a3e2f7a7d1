"""What is to be done about a bill that nobody pays, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import parse_instant
from settlement.bills import BillEvent, BillStatus
from settlement.payments.due_dates import PaymentTermsInvalid
from settlement.payments.dunning import (
    LEVELS,
    STEPS,
    Collected,
    CollectionStep,
    CollectionTerms,
    DunningEvent,
    find_step,
)

ISSUED = parse_instant("2026-01-31T20:00:00Z")  # in India it is the first of February
BILL = Collected(issued_at=ISSUED, status=BillStatus.PENDING, zone="Asia/Kolkata", taken=(), last_at=ISSUED)
TERMS = CollectionTerms(grace_days=2)
A_MOMENT = timedelta(microseconds=1)
A_DAY = timedelta(days=1)


def after(bill: Collected, step: CollectionStep, at: datetime) -> Collected:
    """Return the bill once a step was taken."""
    status = BillStatus.OVERDUE if step is BillEvent.FELL_DUE else bill.status
    return replace(bill, status=status, taken=[*bill.taken, step], last_at=at)


@pytest.mark.parametrize(
    ("at", "step"),
    [
        ("2026-02-12T18:29:59Z", None),
        ("2026-02-12T18:30:00Z", DunningEvent.REMINDED),  # three days before the due day, the 16th, begins
        ("2026-02-16T18:29:59Z", DunningEvent.REMINDED),
        ("2026-02-16T18:30:00Z", None),  # days of grace
        ("2026-02-18T18:29:59Z", None),
        ("2026-02-18T18:30:00Z", BillEvent.FELL_DUE),
        ("2027-01-01T00:00:00Z", BillEvent.FELL_DUE),
    ],
)
def test_a_pending_bill_is_reminded_of_and_then_overdue_by_the_local_calendar(
    at: str, step: CollectionStep | None
) -> None:
    assert find_step(BILL, TERMS, now=parse_instant(at)) is step


def test_a_reminder_comes_once_and_none_of_a_paid_bill() -> None:
    now = parse_instant("2026-02-14T00:00:00Z")
    assert find_step(after(BILL, DunningEvent.REMINDED, now), TERMS, now=now) is None
    paid = replace(BILL, status=BillStatus.PAID)
    assert find_step(paid, TERMS, now=now + 365 * A_DAY) is None


def test_levels_follow_each_other_at_their_distance_however_late_the_first_is() -> None:
    now = parse_instant("2026-09-01T12:00:00Z")
    bill = after(BILL, BillEvent.FELL_DUE, now)
    for level, begins in zip(
        LEVELS,
        ("2026-09-07T18:30:00Z", "2026-09-14T18:30:00Z", "2026-09-21T18:30:00Z", "2026-09-28T18:30:00Z"),
        strict=True,
    ):
        now = parse_instant(begins)
        assert find_step(bill, TERMS, now=now - A_MOMENT) is None
        assert find_step(bill, TERMS, now=now) is level
        bill = after(bill, level, now)
    assert find_step(bill, TERMS, now=now + 365 * A_DAY) is None


@given(
    st.lists(st.integers(0, 40 * 24), max_size=30),
    st.builds(
        CollectionTerms,
        days=st.integers(0, 40),
        grace_days=st.integers(0, 10),
        reminder_days=st.integers(0, 50),
        level_days=st.integers(1, 20),
    ),
    st.sampled_from(["Asia/Kolkata", "Pacific/Apia", "Europe/Berlin", "America/St_Johns", "Africa/Cairo"]),
)
def test_whenever_somebody_looks_every_step_comes_once_and_in_order(
    waits: list[int], terms: CollectionTerms, zone: str
) -> None:
    bill, now, taken = replace(BILL, zone=zone), ISSUED, []
    for hours in waits:
        now += timedelta(hours=hours)
        step = find_step(bill, terms, now=now)
        if step is not None:
            if step in LEVELS:
                assert now - bill.last_at > (terms.level_days - 1) * A_DAY - timedelta(hours=2)
            bill = after(bill, step, now)
            taken.append(step)
    assert taken == sorted(set(taken), key=STEPS.index)
    assert (BillEvent.FELL_DUE in taken) or not set(taken) & set(LEVELS)
    long_ago = now - ISSUED > (terms.days + terms.grace_days + 3) * A_DAY
    assert not (long_ago and find_step(bill, terms, now=now) is DunningEvent.REMINDED)


@pytest.mark.parametrize(
    "wrong", [{"days": -1}, {"grace_days": -1}, {"reminder_days": -1}, {"level_days": 0}], ids=str
)
def test_terms_that_no_calendar_has_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(PaymentTermsInvalid):
        CollectionTerms(**wrong)
