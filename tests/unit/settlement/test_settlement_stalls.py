"""A session at a stall as settlement has it: what time costs and what is credited, from its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from settlement.agreement import Agreement
from settlement.cycles import SettlementCycle
from settlement.penalty_credits import SellerPenalty, seller_penalty
from settlement.quantities import quantities_by_cycle
from settlement.settle import settle_contract
from settlement.side import MeteredInterval
from settlement.stalls import explain_stall, stall_in, stall_lines
from trading.cancellation import Cancellation
from trading.charging.facts import SessionFacts
from trading.charging.fees import SessionTerms
from trading.charging.stall_ledger import StallRow, StallState
from trading.charging.stall_terms import ReservationTerms, StallOffer, StallTerms
from trading.penalties import Payee
from trading.rates import Price
from trading.terms import SettlementType, Terms
from trading.wheeling import Side

INR = Currency("INR")
SIX = datetime(2026, 10, 2, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_S = StallState

SERVED = (
    (-355, _S.QUEUED),
    (12, _S.ASSIGNED),
    (15, _S.CHARGING),
    (25, _S.LIMITED_BY_GRID),
    (35, _S.LIMITED_BY_CPO),
    (39, _S.CHARGING),
    (55, _S.IDLE),
    (64, _S.DEPARTED),
)
"""The published session: reserved for six, ready at twelve past, limited by the grid and by a fault."""
COUNTED = ((15, 10, 10_000), (25, 10, 5_000), (35, 4, 0), (39, 16, 16_000))
"""What the stall's meter counted: from which minute, for how many, how many Wh."""


def money(amount: int) -> Money:
    return Money.of(amount, INR)


def span(start: int, end: int) -> Interval:
    """Return the time between two minutes, counted from six."""
    return Interval(SIX + start * MINUTE, SIX + end * MINUTE)


def stall_terms(settles: SettlementType = SettlementType.DAILY) -> Terms:
    price = Price(per_kwh=Decimal(18), currency=INR)
    stall = StallTerms(
        energy=price,
        occupancy=money(2),
        idle=money(10),
        grace=5 * MINUTE,
        most_demotions=0,
        grid_credit=money(1),
        reservation=ReservationTerms(
            fee=money(100), cancel_before=60 * MINUTE, delay_credit=money(5), cap=money(500)
        ),
    )
    offer = StallOffer(terms=stall, promised=Decimal(60))
    return Terms(price=price, session=SessionTerms(stall=offer), settlement_type=settles)


def reserved(rows: Sequence[tuple[int, StallState]] = SERVED, window: Interval | None = None) -> Agreement:
    """Return the agreement of a session with that ledger, as it is once the session is over."""
    ledger = tuple(StallRow(at=SIX + minute * MINUTE, state=state) for minute, state in rows)
    return Agreement(
        contract_id="contract-1",
        window=window or span(15, 55),
        contracted=Energy(31_000),
        terms=stall_terms(),
        zone="UTC",
        session=SessionFacts(
            began=any(state is _S.CHARGING for _, state in rows), rows=ledger, reserved_start=SIX
        ),
    )


def counted(parts: Sequence[tuple[int, int, int]] = COUNTED) -> list[MeteredInterval]:
    return [(span(start, start + lasting), Energy(watt_hours)) for start, lasting, watt_hours in parts]


def settled(
    agreement: Agreement, parts: Sequence[tuple[int, int, int]] = COUNTED
) -> tuple[SettlementCycle, ...]:
    """Return the cycles of a contract that is metered once, a day later."""
    rows = counted(parts)
    return settle_contract(agreement, exported=rows, imported=rows, now=SIX + timedelta(days=2)).cycles


def lines_of(cycle: SettlementCycle) -> list[tuple[str, str]]:
    return [(line.title, str(line.amount.amount)) for line in cycle.lines]


def test_the_published_session_is_billed_by_its_minutes_and_what_was_lost_is_credited() -> None:
    (cycle,) = settled(reserved())
    assert lines_of(cycle) == [("Energy Cost", "558.00"), ("Occupancy", "62.00"), ("Idle Fee", "40.00")]
    assert cycle.amount == money(660)
    assert cycle.explanation is not None
    assert cycle.explanation["stall"] == {
        "energies_wh": [None, None, 10_000, 5_000, 0, 16_000, None, None],
        "credit_minor": 6_000,
    }
    assert [
        (line["title"], line["net_minor"])
        for line in cycle.explanation["charges"]
        if line["side"] == "SELLER"
    ] == [("Operator Delay Credit", 5_500), ("Grid Delay Credit", 500)]


def test_the_credit_is_what_the_seller_owes_the_driver() -> None:
    (cycle,) = settled(reserved())
    assert seller_penalty(cycle) == SellerPenalty(
        contract_id="contract-1",
        cycle_id=cycle.cycle_id,
        run=1,
        payee=Payee.INJURED_SIDE,
        amount=money(60),
    )
    assert reserved().seller_may_owe
    assert not replace(reserved(), terms=replace(stall_terms(), session=SessionTerms())).seller_may_owe


def test_a_stall_that_nobody_came_to_keeps_its_fee_and_settles_as_a_session_that_never_began() -> None:
    (cycle,) = settled(reserved([(-60, _S.QUEUED), (0, _S.ASSIGNED), (5, _S.NO_SHOW)]), [])
    assert lines_of(cycle) == [("Energy Cost", "0.00"), ("Reservation Fee", "100.00")]
    assert cycle.explanation is not None
    assert cycle.explanation["closed_by"] == "NEVER_BEGAN"
    assert cycle.explanation["stall"] == {"energies_wh": [None, None, None], "credit_minor": 0}


def test_of_a_reservation_that_was_cancelled_too_late_the_cancellation_is_billed_and_no_fee_beside_it() -> (
    None
):
    at = SIX - 30 * MINUTE
    ended = Cancellation(side=Side.BUYER, at=at, agreed=span(0, 60), value=money(700), owed=money(100))
    rows = [(-300, _S.QUEUED), (-30, _S.CANCELLED)]
    (cycle,) = settled(replace(reserved(rows, window=ended.settled_window), cancellation=ended), [])
    assert lines_of(cycle) == [("Energy Cost", "0.00"), ("Cancellation Fee", "100.00")]
    (cycle,) = settled(reserved(rows, window=ended.settled_window), [])
    assert ("Reservation Fee", "100.00") in lines_of(cycle)


def test_time_at_a_stall_stands_in_the_last_cycle_alone() -> None:
    hourly = replace(
        reserved([(40, _S.ASSIGNED), (45, _S.CHARGING), (75, _S.DEPARTED)], window=span(45, 75)),
        terms=stall_terms(SettlementType.HOURLY),
    )
    parts = ((45, 15, 10_000), (60, 15, 5_000))
    first, last = settled(hourly, parts)
    assert lines_of(first) == [("Energy Cost", "180.00")]
    assert lines_of(last) == [("Energy Cost", "90.00"), ("Occupancy", "60.00")]
    assert first.explanation is not None
    assert "stall" not in first.explanation


def test_energy_in_another_row_of_the_ledger_makes_the_cycle_another_though_the_sum_is_the_same() -> None:
    (one,) = settled(reserved())
    shifted = ((15, 10, 9_000), (25, 10, 6_000), (35, 4, 0), (39, 16, 16_000))
    (other,) = settled(reserved(), shifted)
    assert one.delivered == other.delivered
    assert one.basis != other.basis
    assert [lines_of(cycle)[0] for cycle in (one, other)] == [("Energy Cost", "558.00")] * 2
    assert seller_penalty(one) != seller_penalty(other)


@pytest.mark.parametrize(
    "change",
    [
        {"terms": replace(stall_terms(), session=None)},
        {"terms": replace(stall_terms(), session=SessionTerms())},
        {"session": None},
        {"session": SessionFacts(began=True)},
    ],
    ids=["no session", "no stall", "not over", "no ledger"],
)
def test_what_is_no_session_at_a_stall_has_no_lines_of_one(change: dict[str, Any]) -> None:
    agreement = replace(reserved(), **change)
    (quantities,) = quantities_by_cycle(agreement, exported=counted(), imported=counted())
    assert stall_in(quantities, agreement) is None
    assert stall_lines(quantities, agreement) == []
    assert explain_stall(quantities, agreement) == {}
