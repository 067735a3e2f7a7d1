"""When a day is closed, and what the contract comes to then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from settlement.bills import BillStatus
from settlement.cycles import CycleStatus, SettlementCycle
from settlement.settle import SettlementOutcome, settle_contract
from settlement.side import MeteredInterval
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, between, readings
from trading.terms import SettlementType

USD = Currency("USD")
A_SECOND = timedelta(seconds=1)
THREE_DAYS = between("2024-10-04T10:00:00Z", "2024-10-06T10:00:00Z")
"""14 h of the 4th, all of the 5th, 10 h of the 6th, in UTC."""


def settle_published(
    *,
    now: datetime = WINDOW.end,
    source: list[MeteredInterval] | None = None,
    target: list[MeteredInterval] | None = None,
) -> SettlementOutcome:
    return settle_contract(
        agree(),
        exported=readings(SOURCE_KWH) if source is None else source,
        imported=readings(TARGET_KWH) if target is None else target,
        now=now,
    )


def hourly(kwh: str, *, skip: tuple[int, ...] = ()) -> list[MeteredInterval]:
    """Return the 48 hours of the three days at `kwh` each, but for those numbered in `skip`."""
    whole = readings([kwh] * 48, start=THREE_DAYS.start, every=timedelta(hours=1))
    return [reading for at, reading in enumerate(whole) if at not in skip]


def settle_three_days(
    *, now: str, skip: tuple[int, ...] = (), deadline: timedelta = timedelta(hours=24)
) -> SettlementOutcome:
    return settle_contract(
        agree(window=THREE_DAYS, kwh="100", wheeling="1.00"),
        exported=hourly("1", skip=skip),
        imported=hourly("2"),
        now=parse_instant(now),
        collection_deadline=deadline,
    )


def statuses(outcome: SettlementOutcome) -> str:
    return "".join(cycle.status[0] for cycle in outcome.cycles)


def test_the_published_trade_comes_to_four_dollars() -> None:
    outcome = settle_published()
    (cycle,), (bill,) = outcome.cycles, outcome.bills
    assert cycle == SettlementCycle(
        contract_id="contract-1",
        cycle_id="settle-2024-10-04-001",
        period=between("2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z"),
        metered=WINDOW,
        status=CycleStatus.SETTLED,
        amount=Money.of("4.00", USD),
        delivered=Energy.from_kwh("10.0"),
        lines=bill.lines,
        explanation=cycle.explanation,
        run=1,
    )
    assert cycle.wire_end == parse_instant("2024-10-04T23:59:59Z")
    assert [(line.title, line.amount) for line in bill.lines] == [
        ("Energy Cost", Money.of("1.50", USD)),
        ("Wheeling Charges", Money.of("2.50", USD)),
    ]
    assert (bill.total, bill.status) == (Money.of("4.00", USD), BillStatus.PENDING)
    assert outcome.delivered == outcome.delivered_so_far == Energy.from_kwh("10.0")
    assert outcome.is_final


def test_what_was_cut_from_a_contract_is_not_billed() -> None:
    outcome = settle_contract(
        agree(curtailed="4.5", wheeling=None),
        exported=readings(SOURCE_KWH),
        imported=readings(TARGET_KWH),
        now=WINDOW.end,
    )
    (cycle,) = outcome.cycles
    assert (cycle.delivered, cycle.amount) == (Energy(5_500), Money.of("0.83", USD))  # 5.5 kWh at 0.15
    assert cycle.explanation is not None
    assert (cycle.explanation["contracted_wh"], cycle.explanation["curtailed_wh"]) == (10_000, 4_500)


def test_a_contract_that_was_cut_to_nothing_is_paid_at_nought() -> None:
    outcome = settle_contract(
        agree(curtailed="10.0"), exported=readings(SOURCE_KWH), imported=readings(TARGET_KWH), now=WINDOW.end
    )
    assert (outcome.delivered, outcome.bills[0].total) == (Energy(0), Money.zero(USD))
    assert outcome.bills[0].status is BillStatus.PAID


def test_a_day_is_pending_at_nought_until_its_part_of_the_window_is_over() -> None:
    outcome = settle_published(now=WINDOW.end - A_SECOND)
    (cycle,) = outcome.cycles
    assert cycle.status is CycleStatus.PENDING
    assert cycle.amount == Money.zero(USD)
    assert cycle.delivered == Energy(0)
    assert cycle.explanation is None
    assert outcome.bills == ()
    assert not outcome.is_final
    assert (outcome.delivered, outcome.delivered_so_far) == (Energy(0), Energy(10_000))


@pytest.mark.parametrize("silent", ["source", "target"])
def test_a_gap_keeps_a_day_open_until_collecting_ends(silent: str) -> None:
    gap = {silent: readings(SOURCE_KWH if silent == "source" else TARGET_KWH)[:3]}
    deadline = WINDOW.end + timedelta(hours=24)
    waiting = settle_published(now=deadline - A_SECOND, **gap)
    assert waiting.cycles[0].status is CycleStatus.PENDING
    closed = settle_published(now=deadline, **gap)
    (cycle,) = closed.cycles
    assert cycle.status is CycleStatus.SETTLED
    assert cycle.delivered == Energy.from_kwh("2.0" if silent == "source" else "1.5")
    assert cycle.explanation is not None
    assert cycle.explanation["closed_by"] == "DEADLINE"


def test_meters_that_never_report_settle_at_nought_when_collecting_ends() -> None:
    outcome = settle_published(now=WINDOW.end + timedelta(hours=24), source=[], target=[])
    assert outcome.is_final
    assert outcome.cycles[0].amount == Money.zero(USD)
    assert outcome.bills[0].status is BillStatus.PAID


def test_every_local_day_has_its_cycle_and_the_month_its_bill() -> None:
    outcome = settle_three_days(now="2024-10-05T12:00:00Z")
    assert [cycle.cycle_id for cycle in outcome.cycles] == [
        "settle-2024-10-04-001",
        "settle-2024-10-05-001",
        "settle-2024-10-06-001",
    ]
    assert statuses(outcome) == "SPP"
    assert outcome.bills == ()
    assert outcome.delivered == Energy.from_kwh(14)
    assert outcome.delivered_so_far == Energy.from_kwh(48)


def test_what_is_less_than_a_cent_a_day_is_not_lost_over_the_days() -> None:
    # 0.10 kWh at 0.05 a day: 0.5 cents each, 1.5 cents in all.
    days = readings(["0.1"] * 3, start=parse_instant("2024-10-04T00:00:00Z"), every=timedelta(days=1))
    outcome = settle_contract(
        agree(window=between("2024-10-04T00:00:00Z", "2024-10-07T00:00:00Z"), price="0.05", wheeling=None),
        exported=days,
        imported=days,
        now=parse_instant("2024-10-07T00:00:00Z"),
    )
    assert [cycle.amount.minor for cycle in outcome.cycles] == [1, 0, 1]
    assert [bill.total.minor for bill in outcome.bills] == [2]


def test_when_all_days_are_closed_the_outcome_is_final() -> None:
    outcome = settle_three_days(now="2024-10-06T10:00:00Z")
    assert statuses(outcome) == "SSS"
    assert outcome.is_final
    assert [cycle.delivered.watt_hours for cycle in outcome.cycles] == [14_000, 24_000, 10_000]
    assert [str(cycle.amount) for cycle in outcome.cycles] == ["3.10 USD", "4.60 USD", "2.50 USD"]
    (bill,) = outcome.bills
    assert (bill.cycle_id, str(bill.total)) == ("bill-2024-10-001", "10.20 USD")


def test_a_complete_day_waits_for_the_earlier_ones() -> None:
    # An hour of the 5th is missing; the 6th is over and complete before collecting for the 5th ends.
    waiting = settle_three_days(now="2024-10-06T12:00:00Z", skip=(20,))
    assert statuses(waiting) == "SPP"
    closed = settle_three_days(now="2024-10-07T00:00:00Z", skip=(20,))
    assert statuses(closed) == "SSS"
    assert closed.delivered == Energy.from_kwh(47)


def test_how_long_readings_are_waited_for_is_a_term() -> None:
    outcome = settle_three_days(now="2024-10-06T00:00:00Z", skip=(20,), deadline=timedelta(0))
    assert statuses(outcome) == "SSP"


def test_days_are_those_of_the_markets_zone() -> None:
    outcome = settle_contract(
        agree(window=between("2024-10-04T18:00:00Z", "2024-10-04T19:00:00Z"), zone="Asia/Kolkata"),
        exported=[],
        imported=[],
        now=parse_instant("2024-10-06T00:00:00Z"),
    )
    assert [cycle.cycle_id for cycle in outcome.cycles] == ["settle-2024-10-04-001", "settle-2024-10-05-001"]
    assert [cycle.wire_start for cycle in outcome.cycles] == [
        parse_instant("2024-10-03T18:30:00Z"),
        parse_instant("2024-10-04T18:30:00Z"),
    ]
    assert [cycle.metered.duration for cycle in outcome.cycles] == [timedelta(minutes=30)] * 2


@pytest.mark.parametrize(
    ("settles", "count", "closed"),
    [
        (SettlementType.REAL_TIME, 192, 100),
        (SettlementType.HOURLY, 48, 25),
        (SettlementType.DAILY, 3, 1),
        (SettlementType.WEEKLY, 1, 0),
        (SettlementType.MONTHLY, 1, 0),
    ],
)
def test_each_cycle_closes_by_itself_and_all_come_to_the_same(
    settles: SettlementType, count: int, closed: int
) -> None:
    agreement = agree(window=THREE_DAYS, kwh="100", wheeling=None, settles=settles)
    flowed = readings(["1"] * 48, start=THREE_DAYS.start, every=timedelta(hours=1))

    def settle(now: str) -> SettlementOutcome:
        return settle_contract(agreement, exported=flowed, imported=flowed, now=parse_instant(now))

    half = settle("2024-10-05T11:00:00Z")
    assert len(half.cycles) == count
    assert sum(cycle.is_settled for cycle in half.cycles) == closed
    done = settle("2024-10-06T10:00:00Z")
    assert done.is_final
    assert done.delivered == Energy.from_kwh(48)
    (bill,) = done.bills
    assert (bill.cycle_id, bill.total) == ("bill-2024-10-001", Money.of("7.20", USD))


def test_time_alone_changes_something_when_a_cycle_or_a_bill_ends_or_collecting_does() -> None:
    waiting = settle_published(now=WINDOW.start)
    assert waiting.next_change(now=WINDOW.start) == WINDOW.end
    gap = settle_published(now=WINDOW.end, target=[])
    assert gap.next_change(now=WINDOW.end) == WINDOW.end + timedelta(hours=24)
    # All weeks of October that ended in it are settled; the month ends on a Thursday.
    autumn = agree(
        window=between("2024-10-01T00:00:00Z", "2024-11-10T00:00:00Z"), settles=SettlementType.WEEKLY
    )
    now = parse_instant("2024-10-30T00:00:00Z")
    weeks = settle_contract(autumn, exported=[], imported=[], now=now)
    assert statuses(weeks) == "SSSSPP"
    assert weeks.bills == ()
    assert weeks.next_change(now=now) == parse_instant("2024-11-01T00:00:00Z")
    november = settle_contract(autumn, exported=[], imported=[], now=parse_instant("2024-11-01T00:00:00Z"))
    assert [bill.cycle_id for bill in november.bills] == ["bill-2024-10-001"]


def test_what_stands_on_the_same_basis_is_kept_and_what_does_not_is_settled_anew() -> None:
    (first,) = settle_published().cycles
    kept = replace(first, explanation={"kept": True})
    source, target = readings(SOURCE_KWH), readings(TARGET_KWH)
    standing = {first.cycle_id: kept}
    same = settle_contract(agree(), exported=source, imported=target, now=WINDOW.end, standing=standing)
    assert same.cycles[0] is kept
    assert (same.contract_id, same.lost) == ("contract-1", {})
    anew = settle_contract(
        agree(price="0.16"), exported=source, imported=target, now=WINDOW.end, standing=standing
    )
    assert anew.cycles[0].amount == Money.of("4.10", USD)
    assert list(anew.lost) == [first.cycle_id]
