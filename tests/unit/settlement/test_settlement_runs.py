"""A settled cycle that comes to something else by now: its next run, and what peers are told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from kernel.energy import Energy
from kernel.money import Money
from settlement.cycles import SettlementCycle
from settlement.runs import CORRECTION_HORIZON, as_appended, find_revisions, newest_runs
from settlement.settle import settle_contract
from tests.support.agreements import SOURCE_KWH, WINDOW, agree, readings

LESS = ("0.3", "0.5", "0.7", "4.5")
"""4 kWh fewer than the 10 that were settled first."""


def settled(target: tuple[str, ...] = SOURCE_KWH) -> SettlementCycle:
    source, taken = readings(SOURCE_KWH), readings(target)
    (cycle,) = settle_contract(agree(), exported=source, imported=taken, now=WINDOW.end).cycles
    return cycle


def explained(cycle: SettlementCycle, **more: Any) -> SettlementCycle:
    return replace(cycle, explanation={**(cycle.explanation or {}), **more})


def test_another_amount_is_the_next_run_and_tells_the_one_before() -> None:
    first = settled()
    (revision,) = find_revisions({first.cycle_id: first}, [settled(LESS)])
    assert (str(revision.delta.amount), revision.delta_wh) == ("-0.60", -4_000)
    assert revision.revised.run == 2
    assert revision.revised.explanation is not None
    assert revision.revised.explanation["previous_run"] == {
        "run": 1,
        "amount_minor": 400,
        "delivered_wh": 10_000,
    }


def test_what_came_to_the_same_or_was_never_settled_is_no_revision() -> None:
    first = settled()
    assert find_revisions({first.cycle_id: first}, [settled()]) == []
    assert find_revisions({}, [settled(LESS)]) == []
    untold = replace(first, explanation=None)
    assert find_revisions({first.cycle_id: untold}, [explained(settled(), shortfalls=[1])]) == []


def test_another_credit_for_a_stall_is_a_revision_though_the_amount_is_the_same() -> None:
    kept = explained(settled(), stall={"credit_minor": 100})
    now = explained(settled(), stall={"credit_minor": 200})
    (revision,) = find_revisions({kept.cycle_id: kept}, [now])
    assert (revision.delta.minor, revision.delta_wh, revision.revised.run) == (0, 0, 2)


def test_a_cycle_is_told_as_it_was_first_and_each_later_run_by_what_it_changed() -> None:
    first = settled()
    (down,) = find_revisions({first.cycle_id: first}, [settled(LESS)])
    (up,) = find_revisions({first.cycle_id: down.revised}, [settled()])
    runs = [first, down.revised, up.revised]
    assert [(told.cycle_id, told.amount, told.delivered) for told in as_appended(runs)] == [
        (first.cycle_id, Money(400, first.amount.currency), Energy(10_000)),
        (f"{first.cycle_id}-r2", Money(60, first.amount.currency), Energy(4_000)),
        (f"{first.cycle_id}-r3", Money(60, first.amount.currency), Energy(4_000)),
    ]
    assert newest_runs(runs) == [up.revised]


def test_a_cycle_stays_as_it_is_once_the_horizon_is_over() -> None:
    first = settled()
    (revision,) = find_revisions({first.cycle_id: first}, [settled(LESS)])
    latest = WINDOW.end + CORRECTION_HORIZON
    assert not revision.is_too_late(now=latest)
    assert revision.is_too_late(now=latest + timedelta(seconds=1))
