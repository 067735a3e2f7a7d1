"""A session never leaves its table, and what it comes to follows from when things happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.charges import Charge, LineKind, Percent
from trading.charging.facts import SessionFacts, session_costs
from trading.charging.fees import Buffer, MinuteFee, NoShow, SessionTerms, finder_fee
from trading.charging.report import report_of, session_delivery
from trading.charging.session import Session
from trading.charging.session_course import (
    OVERTIME,
    SessionNotThere,
    due_event,
    happen,
    heard,
    next_look,
    require_startable,
)
from trading.charging.session_states import FINAL, NEXT, SessionEvent, SessionState
from trading.delivery import DeliveryStatus
from trading.rates import TermsInvalid

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
INR = Currency("INR")
RESERVED = Session(
    contract_id="c",
    plug="p",
    slot=Interval(NOON, NOON + HOUR),
    is_reserved=True,
    start_by=NOON + 15 * MINUTE,
    most=Energy(10_000),
)
E, S = SessionEvent, SessionState


def after(*events: tuple[SessionEvent, int], of: Session = RESERVED) -> Session:
    """Return the session after some events, each so many minutes past noon."""
    for event, minutes in events:
        of = happen(of, event, at=NOON + minutes * MINUTE)
    return of


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("event", SessionEvent)
def test_what_the_table_does_not_hold_is_refused_to_buyers_and_passed_over_of_stations(
    state: SessionState, event: SessionEvent
) -> None:
    session = replace(RESERVED, state=state, started_at=NOON)
    if (state, event) in NEXT:
        assert happen(session, event, at=NOON).state is NEXT[state, event]
    else:
        with pytest.raises(SessionNotThere, match=f"{event} cannot happen"):
            happen(session, event, at=NOON)
        assert heard(session, event, at=NOON) == session


def test_what_is_final_stays_and_everything_else_can_end() -> None:
    assert not any(state in FINAL for state, _ in NEXT)
    ends = {state for state in SessionState if state in FINAL}
    for _ in SessionState:
        ends |= {state for (state, _), following in NEXT.items() if following in ends}
    assert ends == set(SessionState)


def test_every_state_is_told() -> None:
    for state in SessionState:
        session = replace(RESERVED, state=state)
        assert session_delivery(session) in DeliveryStatus
        assert report_of(session).status


def test_energy_counts_from_start_to_stop_and_the_time_after_is_idle() -> None:
    ended = after((E.START, 1), (E.STARTED, 2), (E.STOP, 30), (E.STOPPED, 31), (E.LEFT, 45))
    assert ended.window == Interval(NOON + 2 * MINUTE, NOON + 31 * MINUTE)
    assert ended.facts == SessionFacts(began=True, charging=29 * MINUTE, idle=14 * MINUTE)
    assert report_of(ended).minutes == 29


def test_a_plug_that_is_pulled_ends_the_charging_and_leaves_no_idle_time() -> None:
    ended = after((E.STARTED, 2), (E.LEFT, 12))
    assert ended.facts == SessionFacts(began=True, charging=10 * MINUTE)
    assert ended.window == Interval(NOON + 2 * MINUTE, NOON + 12 * MINUTE)


@pytest.mark.parametrize("resumed", [E.RESUMED, E.SUSPENDED])
def test_a_vehicle_that_takes_nothing_is_idle_until_it_takes_again(resumed: SessionEvent) -> None:
    sated = after((E.STARTED, 0), (E.SATED, 10))
    assert after((E.SATED, 20), (E.LEFT, 30), of=sated).facts.idle == 20 * MINUTE
    again = after((resumed, 20), (E.LEFT, 30), of=sated)
    assert again.facts == SessionFacts(began=True, charging=30 * MINUTE)


def test_who_is_found_again_is_as_idle_as_before() -> None:
    found = after((E.STARTED, 0), (E.SATED, 10), (E.INTERRUPTED, 20), (E.FOUND, 21))
    assert found.state is S.CHARGING
    assert after((E.LEFT, 30), of=found).facts.idle == 20 * MINUTE
    assert after((E.RESUMED, 25), (E.LEFT, 30), of=found).facts.idle == timedelta(0)


def test_a_clock_that_is_behind_begins_no_session_before_its_slot() -> None:
    begun = happen(RESERVED, E.STARTED, at=datetime(1970, 1, 1, tzinfo=UTC))
    assert begun.started_at == RESERVED.slot.start
    odd = replace(RESERVED, slot=Interval(NOON + timedelta(microseconds=7), NOON + HOUR))
    assert happen(odd, E.STARTED, at=NOON).started_at == NOON  # as its meter counts


def test_a_stop_that_is_refused_after_the_slot_is_not_told_again_and_again() -> None:
    stopping = after((E.STARTED, 0), (E.STOP, 60))
    assert heard(stopping, E.REJECTED, at=NOON + HOUR) == stopping
    assert heard(stopping, E.REJECTED, at=NOON + 59 * MINUTE).state is S.CHARGING


def test_a_start_that_ran_out_at_the_plug_can_be_wished_again() -> None:
    waiting = after((E.START, 1), (E.TIMED_OUT, 3))
    assert due_event(waiting, now=NOON + 59 * MINUTE) is None  # its driver is there
    assert after((E.START, 20), of=waiting).state is S.STARTING
    assert due_event(waiting, now=waiting.slot.end) is E.MISSED


def test_of_what_nobody_tells_no_idle_time_is_charged() -> None:
    assert after((E.STARTED, 0), (E.STOPPED, 10), (E.ABANDONED, 900)).facts.idle == timedelta(0)
    assert after((E.STARTED, 0), (E.ABANDONED, 10)).facts.charging == 10 * MINUTE


@pytest.mark.parametrize(
    ("session", "event", "missed"),
    [
        (RESERVED, E.MISSED, True),
        (replace(RESERVED, is_reserved=False), E.MISSED, False),
        (after((E.START, 1)), E.MISSED, True),
        (after((E.START, 1), (E.TIMED_OUT, 2)), E.MISSED, True),
        (after((E.START, 1), (E.TIMED_OUT, 2)), E.CANCEL, True),
        (after((E.START, 1), (E.REJECTED, 2)), E.UNSERVED, False),
        (after((E.START, 1), (E.REJECTED, 2)), E.CANCEL, False),
        (RESERVED, E.CANCEL, True),
        (replace(RESERVED, slot=Interval(NOON + HOUR, NOON + 2 * HOUR)), E.CANCEL, False),
    ],
)
def test_a_slot_is_missed_by_who_reserved_it_and_could_have_had_it(
    session: Session, event: SessionEvent, missed: bool
) -> None:
    ended = happen(session, event, at=NOON + 20 * MINUTE)
    assert ended.facts == SessionFacts(began=False, missed=missed)
    assert ended.window.end <= max(NOON + 20 * MINUTE, ended.slot.start + timedelta(seconds=1))


def test_clocks_that_disagree_make_nothing_negative() -> None:
    ended = after((E.STARTED, 10), (E.STOPPED, 5), (E.LEFT, 1))
    assert ended.facts == SessionFacts(began=True)
    assert ended.window.duration == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("session", "minutes", "due", "look"),
    [
        (RESERVED, 14, None, 15),
        (RESERVED, 15, E.MISSED, 15),
        (after((E.START, 1)), 59, None, 60),
        (after((E.START, 1)), 60, E.MISSED, 60),
        (after((E.START, 1), (E.REJECTED, 2)), 20, None, 60),
        (after((E.START, 1), (E.REJECTED, 2)), 60, E.UNSERVED, 60),
        (after((E.STARTED, 1)), 59, None, 60),
        (after((E.STARTED, 1)), 60, E.STOP, 25 * 60),
        (after((E.STARTED, 1), (E.STOP, 60)), 61, None, 25 * 60),
        (after((E.STARTED, 1), (E.STOP, 60)), 25 * 60, E.ABANDONED, 25 * 60),
        (after((E.STARTED, 1), (E.STOPPED, 70)), 25 * 60, None, 70 + 24 * 60),
    ],
)
def test_time_alone_moves_a_session_when_it_is_looked_at(
    session: Session, minutes: int, due: SessionEvent | None, look: int
) -> None:
    now = NOON + minutes * MINUTE
    assert due_event(session, now=now) is due
    assert next_look(session, now=now) == NOON + look * MINUTE
    assert OVERTIME == 24 * HOUR


def test_a_session_starts_within_its_slot() -> None:
    require_startable(RESERVED, now=NOON)
    with pytest.raises(SessionNotThere, match="begins at"):
        require_startable(RESERVED, now=NOON - MINUTE)
    with pytest.raises(SessionNotThere, match="ended at"):
        require_startable(RESERVED, now=NOON + HOUR)


TERMS = SessionTerms(
    idle=MinuteFee(amount=Money.of(2, INR), minutes=10, grace=10 * MINUTE),
    occupancy=MinuteFee(amount=Money.of(1, INR)),
    no_show=NoShow(fee=Money.of(50, INR), grace=15 * MINUTE),
)


def test_minutes_cost_in_proportion_after_their_grace() -> None:
    facts = SessionFacts(began=True, charging=90 * timedelta(seconds=1), idle=25 * MINUTE)
    costs = {cost.title: cost.amount for cost in session_costs(TERMS, facts)}
    assert costs == {"Occupancy": Fraction(3, 2), "Idle Fee": 3}
    missed = {
        cost.title: cost.amount for cost in session_costs(TERMS, SessionFacts(began=False, missed=True))
    }
    assert missed == {"Occupancy": 0, "Idle Fee": 0, "No-show Fee": 50}
    assert list(session_costs(SessionTerms(), facts)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: MinuteFee(amount=Money.of(-1, INR)),
        lambda: MinuteFee(amount=Money.of(1, INR), minutes=0),
        lambda: MinuteFee(amount=Money.of(1, INR), grace=-MINUTE),
        lambda: NoShow(fee=Money.of(-1, INR), grace=MINUTE),
        lambda: Buffer(title="b", amount=Money.of(-1, INR), energy=Energy(1)),
        lambda: SessionTerms(longest=timedelta(0)),
        lambda: SessionTerms(finder=Charge(kind=LineKind.ADD_ON, title="f", value=Money.of(1, INR))),
    ],
)
def test_terms_that_nobody_could_be_charged_by_are_refused(make: object) -> None:
    with pytest.raises(TermsInvalid):
        make()  # type: ignore[operator]  # each is a function


def test_what_the_buyers_platform_gets_is_a_fee_of_the_energy_or_an_amount() -> None:
    percent = finder_fee(Percent(of_energy=Decimal("2.50"), before_discounts=True))
    assert (percent.kind, percent.title) == (LineKind.FEE, "Buyer finder fee (2.5 %)")
    assert finder_fee(Money.of(3, INR)).title == "Buyer finder fee"
    assert dict(TERMS.currencies()).keys() == {"the idle fee", "the fee for occupancy", "the no-show fee"}
