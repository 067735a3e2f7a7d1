"""A stall that is sold by the minute: its terms, its ledger, and how both are told and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bpp.catalog_file.reader import CatalogueInvalid, load_catalogue, read_catalogue
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import CurrencyMismatch, Money
from tests.support.stall_world import RESERVED, STALLS
from trading.charges import Charge, LineKind
from trading.charging.fees import NoShow, SessionTerms
from trading.charging.session import Session
from trading.charging.session_course import due_event, happen, next_look
from trading.charging.session_states import SessionEvent, SessionState
from trading.charging.stall_keeping import assign, withdraw
from trading.charging.stall_ledger import StallRow, StallState, append, energies
from trading.charging.stall_terms import StallOffer
from trading.delivery import DeliveryStatus, SessionStatus
from trading.listing import list_catalogue
from trading.mapping import v2_lts
from trading.mapping.bags.delivery import mode_of, read_delivery
from trading.mapping.bags.stall_session import write_ledger
from trading.rates import Price, TermsInvalid
from trading.records import terms_from_record, terms_to_record
from trading.terms import Terms

SIX = datetime(2026, 10, 2, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
GRACE = 5 * MINUTE
INR = Currency("INR")
FEE = Charge(kind=LineKind.FEE, title="Service fee", value=Money(1_000, INR))
_E, _S = SessionEvent, StallState

WAITING = Session(
    contract_id="c-1",
    plug="stall-1",
    slot=Interval(SIX, SIX + 60 * MINUTE),
    is_reserved=True,
    start_by=SIX + GRACE,
    most=Energy(31_000),
    rows=(StallRow(at=SIX - 60 * MINUTE, state=_S.QUEUED),),
)


def sold() -> Terms:
    return load_catalogue(STALLS).offers[1].terms


def stall() -> StallOffer:
    session = sold().session
    assert session is not None
    assert session.stall is not None
    return session.stall


def told(session: Session) -> list[tuple[int, StallState]]:
    """Return the rows of a ledger: the seconds since six, and the state."""
    assert session.rows is not None
    return [((row.at - SIX) // SECOND, row.state) for row in session.rows]


def after(session: Session, steps: Sequence[tuple[int, SessionEvent]]) -> Session:
    """Return a session after events, each some seconds after six."""
    for seconds, event in steps:
        session = happen(session, event, at=SIX + seconds * SECOND)
    return session


def ready(seconds: int = 0) -> Session:
    return assign(WAITING, at=SIX + seconds * SECOND, grace=GRACE)


def test_terms_of_a_stall_are_kept_and_told_whole() -> None:
    terms = sold()
    assert terms_from_record(terms_to_record(terms)) == terms
    listing = list_catalogue(load_catalogue(STALLS), left={})
    message = v2_lts.write_catalog(listing, bpp_id="bpp.example", bpp_url="https://bpp.example")
    offers = message["catalogs"][0]["offers"]
    assert [offer["offerAttributes"]["mode"] for offer in offers] == ["WALK_IN", "RESERVATION"]
    roles = offers[0]["offerAttributes"]["contractAttributes"]["roles"]
    assert [entry["participantId"] for entry in roles] == ["bpp.example", None]
    [read] = v2_lts.read_catalog(message)
    assert [offer.terms.stall for offer in read.offers] == [offer.terms.stall for offer in listing.offers]
    assert all(offer.terms.is_session for offer in read.offers)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"grid_credit": Money(-1, INR)}, "not negative"),
        ({"grace": timedelta(seconds=90)}, "whole minutes"),
        ({"most_demotions": 2}, "nothing to be demoted to"),
    ],
)
def test_terms_that_no_stall_can_have_are_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(TermsInvalid, match=why):
        StallOffer(terms=replace(stall().terms, **changed), promised=Decimal(60))
    with pytest.raises(TermsInvalid, match="more power than nothing"):
        StallOffer(terms=stall().terms, promised=Decimal(0))


def test_nothing_that_costs_is_beside_a_stall() -> None:
    terms = sold()
    with pytest.raises(TermsInvalid, match="nothing but taxes"):
        replace(terms, charges=(FEE,))
    with pytest.raises(TermsInvalid, match="one price"):
        replace(terms, price=Price(per_kwh=Decimal(19), currency=terms.currency))
    dollars = Money(1, Currency("USD"))
    other = replace(stall(), terms=replace(stall().terms, idle=dollars))
    with pytest.raises(CurrencyMismatch, match="the stall is in USD"):
        replace(terms, session=SessionTerms(stall=other))
    with pytest.raises(TermsInvalid, match="as long as its grace"):
        SessionTerms(stall=stall(), longest=4 * MINUTE)
    with pytest.raises(TermsInvalid, match="nothing beside them"):
        SessionTerms(stall=stall(), no_show=NoShow(fee=Money(0, INR), grace=GRACE))


def test_a_stall_is_not_offered_with_a_promotion_for_some() -> None:
    text = STALLS.read_text().replace(
        "    session:", "    promotions: [{title: Letter, percent: 5, code: SPRING-26}]\n    session:", 1
    )
    with pytest.raises(CatalogueInvalid, match="nothing but taxes is beside these"):
        read_catalogue(text, name="stalls.yaml")


def test_no_other_price_can_take_the_place_of_one_at_a_stall() -> None:
    terms = sold()
    assert (terms.has_one_price, terms.can_be_repriced) == (True, False)
    assert replace(terms, session=None).can_be_repriced


def test_a_vehicle_that_takes_more_is_promised_the_power_of_the_plug() -> None:
    session = sold().session
    assert session is not None
    assert session.promising(Decimal(80)) == session
    assert session.promising(None) == session
    lesser = session.promising(Decimal(50)).stall
    assert lesser is not None
    assert lesser.promised == 50
    assert SessionTerms().promising(Decimal(50)) == SessionTerms()


def test_a_session_waits_for_its_stall_and_then_for_its_driver() -> None:
    assert next_look(WAITING, now=SIX - MINUTE) == SIX
    assert next_look(WAITING, now=SIX) == SIX + MINUTE
    assert due_event(WAITING, now=SIX + 30 * MINUTE) is None
    assert due_event(WAITING, now=WAITING.slot.end) is _E.UNSERVED
    late = ready(600)
    assert late.start_by == SIX + 15 * MINUTE
    assert due_event(late, now=SIX + 15 * MINUTE) is _E.MISSED


def test_who_has_less_than_the_grace_for_a_stall_cannot_have_missed_it() -> None:
    late = ready(58 * 60)
    assert next_look(late, now=SIX + 58 * MINUTE) == late.slot.end
    assert due_event(late, now=late.slot.end - SECOND) is None
    assert due_event(late, now=late.slot.end) is _E.UNSERVED
    timed_out = after(late, [(58 * 60, _E.START), (59 * 60, _E.TIMED_OUT)])
    assert due_event(timed_out, now=late.slot.end) is _E.UNSERVED


@pytest.mark.parametrize(
    ("steps", "ledger"),
    [
        (
            [(60, _E.STARTED), (120, _E.SATED), (180, _E.STOPPED), (240, _E.LEFT)],
            [(60, _S.CHARGING), (180, _S.IDLE), (240, _S.DEPARTED)],
        ),
        (
            [(0, _E.STARTED), (0, _E.SUSPENDED), (1, _E.RESUMED), (9, _E.STOP), (10, _E.LEFT)],
            [(1, _S.CHARGING), (2, _S.LIMITED_BY_CPO), (3, _S.CHARGING), (10, _S.DEPARTED)],
        ),
        (
            [(60, _E.STARTED), (70, _E.INTERRUPTED), (99_000, _E.ABANDONED)],
            [(60, _S.CHARGING), (70, _S.LIMITED_BY_CPO), (3_600, _S.FAILED_BY_CPO)],
        ),
        (
            [(60, _E.STARTED), (70, _E.STOPPED), (99_000, _E.ABANDONED)],
            [(60, _S.CHARGING), (70, _S.IDLE), (71, _S.DEPARTED)],
        ),
        ([(60, _E.STARTED), (99_000, _E.ABANDONED)], [(60, _S.CHARGING), (3_600, _S.DEPARTED)]),
        ([(300, _E.MISSED)], [(300, _S.NO_SHOW)]),
        ([(60, _E.CANCEL)], [(61, _S.CANCELLED)]),
    ],
)
def test_what_happens_is_told_by_rows_that_follow_one_another(
    steps: list[tuple[int, SessionEvent]], ledger: list[tuple[int, StallState]]
) -> None:
    assert told(after(ready(), steps))[2:] == ledger


def test_who_starts_before_its_stall_was_seen_to_be_ready_had_it_since_then() -> None:
    started = after(WAITING, [(700, _E.STARTED)])
    assert told(started)[1:] == [(700, _S.ASSIGNED), (701, _S.CHARGING)]


def test_an_operator_that_cancels_has_failed_and_other_sessions_have_no_ledger() -> None:
    assert told(withdraw(ready(), at=SIX + MINUTE))[-1] == (61, _S.FAILED_BY_CPO)
    plain = withdraw(replace(WAITING, rows=None), at=SIX)
    assert (plain.rows, plain.state, plain.is_missed) == (None, SessionState.CANCELLED, False)


def test_an_event_of_the_grid_is_named_where_it_limits() -> None:
    charging = after(ready(), [(60, _E.STARTED)])
    limited = happen(charging, _E.SUSPENDED, at=SIX + 2 * MINUTE, grid_event="DR-1")
    assert limited.rows is not None
    assert (limited.rows[-1].state, limited.rows[-1].event) == (_S.LIMITED_BY_GRID, "DR-1")


def test_nothing_follows_a_last_row_and_the_same_state_is_no_news() -> None:
    ended = (StallRow(at=SIX, state=_S.DEPARTED),)
    assert append(ended, _S.CHARGING, at=SIX + MINUTE) == ended
    charging = (StallRow(at=SIX, state=_S.CHARGING),)
    assert append(charging, _S.CHARGING, at=SIX + MINUTE) == charging


def test_energy_is_shared_out_over_rows_as_far_as_it_was_delivered() -> None:
    rows = after(ready(), [(60, _E.STARTED), (120, _E.SUSPENDED), (180, _E.RESUMED)]).rows or ()
    counted = [(Interval(SIX + MINUTE, SIX + 4 * MINUTE), Energy(100))]
    assert energies(rows, counted, total=Energy(100)) == tuple(map(Energy, (0, 0, 33, 33, 34)))
    assert energies(rows, counted, total=Energy(40)) == tuple(map(Energy, (0, 0, 33, 7, 0)))
    assert energies(rows, [], total=Energy(40))[-1] == Energy(40)
    assert energies(rows[:2], [], total=Energy(0)) == (Energy(0), Energy(0))


@pytest.mark.parametrize(
    ("steps", "status", "delivery"),
    [
        ([], SessionStatus.PENDING, DeliveryStatus.PENDING),
        ([(60, _E.STARTED)], SessionStatus.ACTIVE, DeliveryStatus.IN_PROGRESS),
        ([(60, _E.STARTED), (70, _E.STOPPED)], SessionStatus.STOP, DeliveryStatus.IN_PROGRESS),
        ([(60, _E.STARTED), (70, _E.LEFT)], SessionStatus.COMPLETED, DeliveryStatus.COMPLETED),
        ([(300, _E.MISSED)], SessionStatus.COMPLETED, DeliveryStatus.FAILED),
    ],
)
def test_a_buyers_platform_reads_how_a_session_stands_from_its_ledger(
    steps: list[tuple[int, SessionEvent]], status: SessionStatus, delivery: DeliveryStatus
) -> None:
    rows = after(ready(), steps).rows or ()
    flowed = tuple(replace(row, energy=Energy(500)) if row.state is _S.CHARGING else row for row in rows)
    bag = write_ledger(flowed)
    read = read_delivery(bag, window=WAITING.slot, cut=None)
    assert mode_of(bag) == "EV_CHARGING"
    assert read.session is not None
    assert (read.session.status, read.status, read.session.rows) == (status, delivery, flowed)


def test_a_driver_says_what_its_vehicle_takes_and_which_start_it_reserves() -> None:
    wanted = replace(RESERVED, vehicle_power=Decimal(50))
    message = v2_lts.write_order_request(wanted)
    bag = message["contract"]["commitments"][0]["commitmentAttributes"]
    assert bag["reservedStart"] == "2026-01-09T13:00:00Z"
    del message["contract"]["contractAttributes"]
    read = v2_lts.read_order(message)
    assert (read.vehicle_power, read.trade_start) == (Decimal(50), RESERVED.trade_start)
