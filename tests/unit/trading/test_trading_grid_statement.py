"""What a utility says of a trade unasked: what of it can be so, how it compares, and how wires carry it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import simplejson

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from tests.unit.trading.test_trading_contract import NOW, PENDING, WINDOW
from trading.allocation_check import Verdict, compare, instants_of
from trading.cancellation import cancel
from trading.contract import confirm
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.grid_statement import (
    MOST_PERIODS,
    MOST_PLACES,
    Allocation,
    Allocations,
    UtilityStatement,
    check_allocations,
)
from trading.mapping import wire_of
from trading.mapping.grid_statement import read_utility_statement
from trading.refusals import FieldInvalid, FieldMissing, UpdateNotAllowed
from trading.wheeling import Side

Json = dict[str, Any]

ACTIVE = confirm(PENDING, now=NOW)  # 10 kWh
HALF = WINDOW.start + WINDOW.duration / 2
FIRST, SECOND = Interval(WINDOW.start, HALF), Interval(HALF, WINDOW.end)
CUT = Cut(quantity=Energy(4_000), reason=CurtailmentReason.CONGESTION)
RC = wire_of("v2_rc")


ROW: Json = {
    "beckn:timeWindow": {
        "schema:startTime": "2026-01-09T10:00:00Z",
        "schema:endTime": "2026-01-09T11:00:00Z",
    },
    "allocatedEnergy": 6,
    "unit": "kWh",
}


def told(*by_period: tuple[Interval, int], delivered: int | None = None) -> Allocations:
    """Return what is allocated to periods, in Wh."""
    return Allocations(
        said_at=WINDOW.end,
        delivered=None if delivered is None else Energy(delivered),
        by_period=tuple(Allocation(period=period, allocated=Energy(wh)) for period, wh in by_period),
    )


def test_up_to_what_was_contracted_can_be_allocated_within_the_window() -> None:
    check_allocations(ACTIVE, told((FIRST, 6_000), (SECOND, 4_000), delivered=10_000))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (told((FIRST, 6_001), (SECOND, 4_000)), "10.001 kWh are said to be delivered of 10 kWh"),
        (told(delivered=10_001), "10.001 kWh are said to be delivered of 10 kWh"),
        (told((Interval(NOW - timedelta(days=9), HALF), 1)), "the trade runs from"),
        (told((Interval(HALF, WINDOW.end + timedelta(seconds=1)), 1)), "the trade runs from"),
        (told((WINDOW, 1), (SECOND, 1)), "on is told twice"),
        (told((FIRST, -1), (SECOND, 10_001)), "less than nothing"),
        (told(delivered=-1), "less than nothing"),
        (
            Allocations(
                said_at=NOW, by_period=(Allocation(period=FIRST, allocated=Energy(1), consumed=Energy(-1)),)
            ),
            "less than nothing",
        ),
    ],
)
def test_nothing_is_allocated_that_cannot_have_been_delivered(said: Allocations, words: str) -> None:
    with pytest.raises(FieldInvalid, match=words):
        check_allocations(ACTIVE, said)


def test_nothing_is_allocated_to_what_nobody_is_bound_by_or_never_began() -> None:
    for contract in (PENDING, cancel(ACTIVE, side=Side.BUYER, now=NOW)[0]):
        with pytest.raises(UpdateNotAllowed, match="nothing is delivered under the order"):
            check_allocations(contract, told(delivered=1))


def test_a_cut_holds_from_when_it_is_said_to_or_is_said() -> None:
    said = UtilityStatement(order_id="o", said_at=HALF, cut=CUT)
    assert said.curtailment_in(ACTIVE.window) == Curtailment(cut=CUT, since=HALF)
    early = replace(said, said_at=NOW - timedelta(days=1))
    assert early.curtailment_in(ACTIVE.window) == Curtailment(cut=CUT, since=WINDOW.start)
    late = replace(said, since=HALF + timedelta(minutes=1))
    assert late.curtailment_in(ACTIVE.window) == Curtailment(cut=CUT, since=HALF + timedelta(minutes=1))
    assert replace(said, cut=None).curtailment_in(ACTIVE.window) is None


def test_both_accounts_are_compared_in_all_and_period_by_period() -> None:
    said = told((FIRST, 6_001), (SECOND, 2_000), delivered=8_001)
    assert instants_of(said, WINDOW) == [WINDOW.start, HALF, WINDOW.end]
    stands = {WINDOW.start: ZERO_ENERGY, HALF: Energy(6_000), WINDOW.end: Energy(9_000)}
    whole, periods = compare(said, WINDOW, metered=stands)
    assert whole is not None
    assert (whole.difference, whole.verdict) == (Energy(-999), Verdict.DIFFERS)
    assert [(each.metered, each.verdict) for each in periods] == [
        (Energy(6_000), Verdict.AGREES),  # a share leaves fractions of a Wh out
        (Energy(3_000), Verdict.DIFFERS),
    ]


def test_where_our_meters_told_nothing_nothing_is_compared() -> None:
    whole, [period] = compare(told((FIRST, 1), delivered=1), WINDOW, metered=None)
    assert whole is not None
    assert whole.verdict is period.verdict is Verdict.NOT_METERED
    assert period.difference is None
    assert compare(told((FIRST, 1)), WINDOW, metered=None)[0] is None


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (WINDOW.start - timedelta(hours=1), WINDOW.start),
        (HALF, HALF),
        (WINDOW.end + timedelta(hours=1), WINDOW.end),
    ],
)
def test_what_is_said_of_all_is_compared_up_to_when_it_is_said(at: Any, until: Any) -> None:
    said = replace(told(delivered=0), said_at=at)
    assert instants_of(said, WINDOW) == [until]
    whole, _ = compare(said, WINDOW, metered={until: ZERO_ENERGY})
    assert whole is not None
    assert whole.verdict is Verdict.AGREES
    assert whole.period.end == (WINDOW.end if until == WINDOW.start else until)


def message(**delivery: Any) -> Json:
    """Return a message that says something of an order's delivery."""
    bag = {"lastUpdated": "2026-01-09T10:00:00Z"} | delivery
    return {
        "order": {
            "beckn:id": "o-1",
            "beckn:orderItems": [{"beckn:orderItemAttributes": {"fulfillmentAttributes": bag}}],
        }
    }


def test_units_are_read_and_fractions_of_a_watt_hour_left_out() -> None:
    window = {"schema:startTime": "2026-01-09T10:00:00Z", "schema:endTime": "2026-01-09T11:00:00Z"}
    row = simplejson.loads(
        '{"allocatedEnergy": 0.0023339, "consumedEnergy": 1, "unit": "MWh"}', use_decimal=True
    )
    read = read_utility_statement(
        RC, message(meterReadings=[row | {"beckn:timeWindow": window}]), said_at=NOW
    )
    assert read.allocations is not None
    [each] = read.allocations.by_period
    assert (each.allocated, each.consumed, each.produced) == (Energy(2_333), Energy(1_000_000), None)
    assert read.allocations.delivered is None


@pytest.mark.parametrize(
    "delivery",
    [
        {"curtailedQuantity": 4},
        {"curtailedQuantity": 4, "curtailmentReason": "WHIM"},
        {"deliveredQuantity": "much"},
        {"meterReadings": [{"unit": "kWh", "allocatedEnergy": 1}]},
        {"meterReadings": [{"unit": "BTU", "allocatedEnergy": 1}]},
        {
            "meterReadings": [
                {
                    "unit": "kWh",
                    "beckn:timeWindow": {
                        "schema:startTime": "2026-01-09T10:00:00Z",
                        "schema:endTime": "2026-01-09T11:00:00Z",
                    },
                }
            ]
        },
    ],
)
def test_a_statement_that_cannot_be_read_is_refused(delivery: Json) -> None:
    with pytest.raises(FieldInvalid):
        read_utility_statement(RC, message(**delivery), said_at=NOW)


def test_a_statement_of_too_much_is_refused_with_what_it_may_hold() -> None:
    rows = [ROW] * MOST_PERIODS
    read_utility_statement(RC, message(meterReadings=rows), said_at=NOW)
    with pytest.raises(FieldInvalid, match="1000 periods at most, and not of 1001"):
        read_utility_statement(RC, message(meterReadings=[*rows, ROW]), said_at=NOW)
    lines = message(deliveredQuantity=1)["order"]["beckn:orderItems"] * (MOST_PLACES + 1)
    with pytest.raises(FieldInvalid, match="100 places at most, and not of 101"):
        read_utility_statement(RC, {"order": {"beckn:id": "o-1", "beckn:orderItems": lines}}, said_at=NOW)


@pytest.mark.parametrize("delivery", [{}, {"curtailedQuantity": 0}])
def test_a_message_that_says_nothing_is_refused(delivery: Json) -> None:
    with pytest.raises(FieldMissing, match="neither a curtailment nor what was delivered"):
        read_utility_statement(RC, message(**delivery), said_at=NOW)
    with pytest.raises(FieldMissing, match="of which order"):
        read_utility_statement(RC, {"order": {}}, said_at=NOW)


def test_a_cut_and_what_was_delivered_are_read_also_where_they_stand_apart() -> None:
    delivered: Json = {"deliveryStatus": "IN_PROGRESS", "deliveredQuantity": 6, "meterReadings": [ROW]}
    cut: Json = {"curtailedQuantity": 4, "curtailmentReason": "CONGESTION", "deliveredQuantity": 1}
    for bags in ([{}, delivered, cut], [cut, delivered]):
        performances = [{"performanceAttributes": bag} for bag in bags]
        sent = {"contract": {"id": "o-1", "performance": performances}}
        said = read_utility_statement(wire_of("v2_lts"), sent, said_at=NOW)
        assert said.cut == CUT
        assert said.allocations is not None
        first = next(bag for bag in bags if bag)
        assert said.allocations.delivered == Energy(1_000 * first["deliveredQuantity"])
        assert said.allocations.in_periods == Energy(6_000)


def test_a_statement_is_written_when_its_message_was_where_it_does_not_say() -> None:
    sent = message(deliveredQuantity=1)
    del sent["order"]["beckn:orderItems"][0]["beckn:orderItemAttributes"]["fulfillmentAttributes"][
        "lastUpdated"
    ]
    assert read_utility_statement(RC, sent, said_at=NOW).said_at == NOW


def test_the_networks_own_example_of_a_curtailment_is_read(shared: Path) -> None:
    file = shared / "corpus" / "rc" / "p2p-trading" / "on-update-response-curtailment.json"
    document = simplejson.loads(file.read_text(), use_decimal=True)
    said = read_utility_statement(RC, document["message"], said_at=NOW)
    assert said.cut == Cut(quantity=Energy(6_500), reason=CurtailmentReason.GRID_OUTAGE)
    assert said.allocations is not None
    assert (said.allocations.delivered, said.allocations.in_periods) == (Energy(8_500), Energy(8_500))
