"""THE TABLE of changes, and what comes of cancelling and amending: pure, with the time as an argument."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.money import Money
from tests.unit.trading.test_trading_contract import NOW, PENDING, TERMS, USD, WINDOW
from trading.amendment import Amendment, amend, is_cut, require_amendable
from trading.cancellation import Reason, cancel
from trading.cancellation_terms import CancellationTerm
from trading.changes import CHANGES, Change, Phase, Verdict, phase_of, require_rule
from trading.contract import Contract, complete, confirm, expire
from trading.delivery_words import describe_delivery
from trading.quote import quote_energy
from trading.rates import TermsInvalid
from trading.records import terms_from_record, terms_to_record
from trading.refusals import (
    AlreadyCancelled,
    CancellationNotAllowed,
    PriceMismatch,
    QuoteExpired,
    UpdateNotAllowed,
    WindowUnavailable,
)
from trading.wheeling import Side

HOUR = timedelta(hours=1)
BUYERS = CancellationTerm(side=Side.BUYER, notice=HOUR, percent=Decimal(25))
SELLERS = CancellationTerm(side=Side.SELLER, notice=timedelta(minutes=30), amount=Money(75, USD))
ON_TERMS = replace(TERMS, cancellation=(BUYERS, SELLERS))
HELD = replace(PENDING, terms=ON_TERMS)
ACTIVE = confirm(HELD, now=NOW)
LATE = WINDOW.start - timedelta(minutes=10)
DURING = WINDOW.start + HOUR
OTHER_WINDOW = Interval(WINDOW.start + HOUR, WINDOW.end)

AT: dict[Phase, tuple[Contract, datetime]] = {
    Phase.HELD: (HELD, NOW),
    Phase.LAPSED: (HELD, HELD.hold_until),
    Phase.FREE: (ACTIVE, NOW),
    Phase.NOTICE: (ACTIVE, LATE),
    Phase.DELIVERY: (ACTIVE, DURING),
    Phase.OVER: (ACTIVE, WINDOW.end),
    Phase.ENDED: (cancel(ACTIVE, side=Side.BUYER, now=NOW)[0], NOW),
}
"""A contract and a time at which it has come that far."""


def test_the_table_has_every_side_change_and_phase() -> None:
    assert set(CHANGES) == set(product(Side, Change, Phase))
    for rule in CHANGES.values():
        assert (rule.verdict is Verdict.REFUSED) == (rule.refusal is not None) == bool(rule.why)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("phase", Phase)
def test_a_contract_is_in_the_phase_that_its_status_and_the_time_say(side: Side, phase: Phase) -> None:
    contract, now = AT[phase]
    assert phase_of(contract, side=side, now=now) is phase


def test_further_ways_into_a_phase() -> None:
    def phase(contract: Contract, now: datetime) -> Phase:
        return phase_of(contract, side=Side.BUYER, now=now)

    assert phase(complete(ACTIVE, now=WINDOW.end), NOW) is Phase.OVER
    assert phase(expire(HELD, now=HELD.hold_until), HELD.hold_until + HOUR) is Phase.LAPSED
    assert phase(cancel(HELD, side=Side.BUYER, now=NOW)[0], NOW) is Phase.ENDED
    assert phase(ACTIVE, WINDOW.start) is Phase.DELIVERY
    assert phase(confirm(PENDING, now=NOW), LATE) is Phase.FREE, "without terms it is free until it begins"


def test_the_notice_is_that_of_the_side_that_asks() -> None:
    between = WINDOW.start - timedelta(minutes=45)
    assert phase_of(ACTIVE, side=Side.BUYER, now=between) is Phase.NOTICE
    assert phase_of(ACTIVE, side=Side.SELLER, now=between) is Phase.FREE
    assert phase_of(ACTIVE, side=Side.BUYER, now=WINDOW.start - HOUR) is Phase.NOTICE, "its end is not free"


@pytest.mark.parametrize(
    ("side", "change", "phase"), [key for key, rule in CHANGES.items() if rule.refusal is not None]
)
def test_what_the_table_refuses_is_refused_with_its_reason(side: Side, change: Change, phase: Phase) -> None:
    contract, now = AT[phase]
    rule = CHANGES[side, change, phase]
    assert rule.refusal is not None
    with pytest.raises(NodeError, match=rule.why) as caught:
        require_rule(contract, change, side=side, now=now)
    assert type(caught.value) is rule.refusal
    assert caught.value.hint == rule.hint


# cancelling


def test_what_binds_nobody_is_cancelled_for_nothing() -> None:
    assert cancel(HELD, side=Side.BUYER, now=NOW)[1] is None
    with pytest.raises(CancellationNotAllowed):
        cancel(HELD, side=Side.SELLER, now=NOW)


@pytest.mark.parametrize(
    ("side", "now", "fee", "compensation"),
    [
        (Side.BUYER, NOW, 0, 0),
        (Side.BUYER, LATE, 99, 0),  # a quarter of 3.96, which is 1.50 less 2.5 per cent and 2.50
        (Side.BUYER, DURING, 99, 0),
        (Side.SELLER, NOW, 0, 0),
        (Side.SELLER, LATE, 0, 75),
        (Side.SELLER, DURING, 0, 75),
    ],
)
def test_a_late_cancellation_costs_the_side_that_cancels_what_the_terms_say(
    side: Side, now: datetime, fee: int, compensation: int
) -> None:
    ended, cancellation = cancel(ACTIVE, side=side, reason=Reason(code="7", words="rain"), now=now)
    assert cancellation is not None
    assert (cancellation.fee.minor, cancellation.compensation.minor) == (fee, compensation)
    assert (cancellation.value.minor, cancellation.agreed, cancellation.at) == (396, WINDOW, now)
    assert str(cancellation.reason) == "7: rain"
    assert ended.ended_at == now
    assert cancellation.before_delivery == ended.never_began == (now <= WINDOW.start)


def test_without_terms_it_costs_nothing_however_late() -> None:
    active = confirm(PENDING, now=NOW)
    for side in Side:
        _, cancellation = cancel(active, side=side, now=DURING)
        assert cancellation is not None
        assert not cancellation.owed.minor


def test_a_cancelled_contract_stays_cancelled() -> None:
    cancelled, _ = cancel(PENDING, side=Side.BUYER, now=NOW)
    with pytest.raises(AlreadyCancelled):
        confirm(cancelled, now=NOW + timedelta(minutes=1))
    with pytest.raises(AlreadyCancelled):
        cancel(cancelled, side=Side.BUYER, now=NOW)


def test_a_cancellation_during_delivery_ends_the_window_now_and_looks_again() -> None:
    ended, _ = cancel(ACTIVE, side=Side.BUYER, now=DURING)
    assert (ended.window, ended.refresh_at) == (Interval(WINDOW.start, DURING), DURING)
    before, cancellation = cancel(ACTIVE, side=Side.BUYER, now=WINDOW.start)
    assert (before.window, before.refresh_at) == (WINDOW, None)
    assert cancellation is not None
    assert cancellation.settled_window.end == WINDOW.start


def test_what_is_over_cannot_be_cancelled_to_get_out_of_what_is_owed_for_it() -> None:
    for contract in (ACTIVE, complete(ACTIVE, now=WINDOW.end)):
        with pytest.raises(CancellationNotAllowed):
            cancel(contract, side=Side.BUYER, now=WINDOW.end)


# amending


def test_before_delivery_quantity_and_window_become_others_on_the_same_terms() -> None:
    wished = Amendment(quantity=Energy(20_000), window=OTHER_WINDOW)
    assert require_amendable(ACTIVE, wished, side=Side.BUYER, now=NOW) is Verdict.AT_ONCE
    amended = amend(ACTIVE, wished, now=NOW)
    assert str(amended.quote.total) == "5.43 USD"  # the net is rounded once: 3.00 less 2.5 per cent is 2.93
    assert (amended.window, amended.refresh_at) == (OTHER_WINDOW, OTHER_WINDOW.end)
    assert amend(HELD, wished, now=NOW).refresh_at == HELD.refresh_at
    assert wished.describe(ACTIVE).startswith("10 kWh became 20 kWh, 2026-01-09T10:00:00Z to 2026-01-09T18:")


def test_what_a_contract_says_already_is_no_change() -> None:
    same = Amendment(quantity=Energy(10_000), window=WINDOW).less_what_is(ACTIVE)
    assert not same
    assert list(same.changes) == []
    assert same.describe(ACTIVE) == ""
    assert amend(ACTIVE, same, now=NOW).quantity == ACTIVE.quantity


def test_of_several_changes_the_stricter_rule_holds() -> None:
    both = Amendment(quantity=Energy(5_000), window=OTHER_WINDOW)
    assert require_amendable(ACTIVE, both, side=Side.BUYER, now=LATE) is Verdict.BY_CONSENT
    with pytest.raises(UpdateNotAllowed, match="delivery began"):
        require_amendable(ACTIVE, both, side=Side.BUYER, now=DURING)
    with pytest.raises(QuoteExpired):
        require_amendable(HELD, both, side=Side.BUYER, now=HELD.hold_until)


@pytest.mark.parametrize("now", [NOW, DURING])
@pytest.mark.parametrize("side", [Side.SELLER, Side.BUYER])
def test_nothing_is_no_order(side: Side, now: datetime) -> None:
    with pytest.raises(UpdateNotAllowed, match="nothing is no order"):
        require_amendable(ACTIVE, Amendment(quantity=Energy(0)), side=side, now=now)


@pytest.mark.parametrize("watt_hours", [10_000, 10_001])
def test_of_what_is_being_delivered_only_less_can_be_agreed_on(watt_hours: int) -> None:
    with pytest.raises(UpdateNotAllowed, match="only less"):
        require_amendable(ACTIVE, Amendment(quantity=Energy(watt_hours)), side=Side.BUYER, now=DURING)
    less = Amendment(quantity=Energy(1))
    assert require_amendable(ACTIVE, less, side=Side.SELLER, now=DURING) is Verdict.BY_CONSENT
    assert is_cut(ACTIVE, side=Side.SELLER, now=DURING)
    assert not is_cut(ACTIVE, side=Side.SELLER, now=NOW)


def test_a_window_that_has_begun_cannot_be_moved_to() -> None:
    late = Amendment(window=Interval(NOW - HOUR, WINDOW.end))
    with pytest.raises(WindowUnavailable):
        require_amendable(ACTIVE, late, side=Side.BUYER, now=NOW)


def test_a_price_never_changes() -> None:
    with pytest.raises(PriceMismatch):
        require_rule(ACTIVE, Change.PRICE, side=Side.BUYER, now=NOW)


# terms


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"amount": Money(5, USD), "percent": Decimal(5)},
        {"amount": Money(0, USD)},
        {"percent": Decimal(101)},
        {"percent": Decimal(5), "notice": timedelta(seconds=30)},
        {"percent": Decimal(5), "notice": timedelta(minutes=-1)},
    ],
)
def test_a_price_of_cancelling_that_nobody_could_agree_on_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TermsInvalid):
        CancellationTerm(side=Side.BUYER, **wrong)  # type: ignore[arg-type]  # they are wrong on purpose


def test_a_side_has_one_price_of_cancelling_in_the_contract_s_currency() -> None:
    with pytest.raises(TermsInvalid, match="one price of cancelling"):
        replace(TERMS, cancellation=(BUYERS, BUYERS))
    inr = CancellationTerm(side=Side.BUYER, amount=Money(5, Currency("INR")))
    with pytest.raises(ValueError, match="one currency"):
        replace(TERMS, cancellation=(inr,))


def test_the_terms_of_cancelling_come_back_from_their_record_and_are_told_in_words() -> None:
    assert terms_from_record(terms_to_record(ON_TERMS)) == ON_TERMS
    words = describe_delivery(ON_TERMS)
    assert "The buyer can cancel freely until 60 minutes before delivery begins; later" in words
    assert "owes the other side 25 % of the order's value." in words
    assert "owes the other side 0.75 USD." in words
    quoted = quote_energy(Energy(10_000), ON_TERMS, window=WINDOW, zone="UTC")
    assert quoted == quote_energy(Energy(10_000), TERMS, window=WINDOW, zone="UTC"), (
        "it is no part of a quote"
    )
