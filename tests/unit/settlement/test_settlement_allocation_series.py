"""A meter over time: windows, quantities, cuts, and the contracts that share it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.allocation.joint_series import Delivery, share_jointly
from settlement.allocation.quantity import Lump, Profile
from settlement.allocation.rules import AllocationInvalid, AllocationRule, Policy
from settlement.allocation.series import Allocated, Series, fixed_share, left_over, share_meter
from settlement.side import ReadingsInvalid
from tests.support.claims import QUARTER, counted, entitle, slot, slots, watt_hours_of

FIFO, PRO_RATA = Policy(), Policy(rule=AllocationRule.PRO_RATA)


def lists(shared: dict[str, Allocated]) -> dict[str, list[int]]:
    return {contract_id: watt_hours_of(allocated) for contract_id, allocated in shared.items()}


def test_a_later_contract_is_given_what_the_earlier_leaves_interval_by_interval() -> None:
    contracts = [entitle("T1", 5, traded="09:00"), entitle("T2", 4, traded="09:30")]
    shared = share_meter(counted([2, 2, 2, 2]), contracts, FIFO)
    assert lists(shared) == {"T1": [2, 2, 1, 0], "T2": [0, 0, 1, 2]}
    assert {str(each.applied) for each in shared.values()} == {"FIFO/1"}
    assert [shared["T1"].watt_hours, shared["T2"].watt_hours] == [5, 3]


def test_readings_and_contracts_may_come_in_any_order() -> None:
    contracts = [entitle("T1", 5), entitle("T2", 4, traded="09:30")]
    metered = counted([2, 2, 2, 2])
    assert share_meter(metered[::-1], contracts[::-1], FIFO) == share_meter(metered, contracts, FIFO)


def test_a_contract_takes_only_within_its_own_window() -> None:
    contracts = [
        entitle("early", 100, traded="08:00", window=slots(2, 3)),
        entitle("late", 100, traded="10:00", window=slots(0, 2)),
    ]
    shared = share_meter(counted([5, 5, 5, 5]), contracts, FIFO)
    assert lists(shared) == {"early": [5, 5], "late": [5, 5, 0]}
    assert [period for period, _ in shared["early"].intervals] == [slot(2), slot(3)]


def test_an_interval_that_reaches_beyond_a_window_gives_it_nothing() -> None:
    edge = Interval(slot(0).start, slot(0).end + QUARTER / 3)
    contracts = [entitle("T1", 100, window=Interval(slot(0).start, slot(0).end)), entitle("T2", 100)]
    assert lists(share_meter([(edge, Energy(9))], contracts, FIFO)) == {"T1": [], "T2": [9]}


def test_what_is_cut_from_an_instant_on_leaves_what_was_given_before() -> None:
    quantity = Lump(watt_hours=10).curtailed(slots(2, 3), 7)
    shared = share_meter(
        counted([4, 4, 4, 4]), [entitle("T1", quantity), entitle("T2", 20, traded="10:00")], FIFO
    )
    assert lists(shared) == {"T1": [4, 4, 0, 0], "T2": [0, 0, 4, 4]}
    assert quantity.total == 3


def test_cuts_add_up_and_never_leave_less_than_nothing() -> None:
    quantity = Lump(watt_hours=10).curtailed(slot(1), 4).curtailed(slot(2), 6)
    assert [quantity.ask(slot(number), 0) for number in range(3)] == [10, 6, 0]
    assert quantity.ask(slot(1), 8) == 0
    with pytest.raises(AllocationInvalid):
        quantity.curtailed(slot(3), 1)
    with pytest.raises(AllocationInvalid):
        quantity.curtailed(slot(3), -1)
    with pytest.raises(AllocationInvalid):
        Lump(watt_hours=-1)


def test_a_limit_above_what_was_contracted_adds_nothing() -> None:
    quantity = Lump(watt_hours=10, limits=((slot(0).start, 12),))
    assert (quantity.ask(slot(0), 0), quantity.total) == (10, 10)


def test_a_profile_takes_its_own_quantity_in_each_interval_and_makes_up_for_nothing() -> None:
    profile = Profile(by_period={slot(0): 3, slot(1): 3, slot(3): 3})
    assert lists(share_meter(counted([1, 9, 9, 9]), [entitle("T1", profile)], FIFO)) == {"T1": [1, 3, 0, 3]}


def test_a_cut_comes_off_the_intervals_of_a_profile_that_it_touches_in_proportion() -> None:
    profile = Profile(by_period={slot(0): 30, slot(1): 20, slot(2): 10})
    cut = profile.curtailed(slots(1, 2), 7)
    assert cut.by_period == {slot(0): 30, slot(1): 15, slot(2): 8}
    assert cut.total == profile.total - 7
    assert profile.curtailed(slot(3), 0) == profile
    with pytest.raises(AllocationInvalid, match="cannot be cut from 30 Wh"):
        profile.curtailed(slots(1, 2), 31)
    with pytest.raises(AllocationInvalid, match="-1 Wh cannot be cut"):
        profile.curtailed(slots(1, 2), -1)
    with pytest.raises(AllocationInvalid):
        Profile(by_period={slot(0): -1})


def test_pro_rata_over_time_goes_by_what_each_has_not_been_given_yet() -> None:
    contracts = [entitle("T1", 6), entitle("T2", 2)]
    assert lists(share_meter(counted([4, 2, 9]), contracts, PRO_RATA)) == {"T1": [3, 2, 1], "T2": [1, 0, 1]}


def test_shares_need_to_be_no_more_than_the_whole_at_one_time_only() -> None:
    contracts = [
        entitle("T1", 100, share="60", window=slots(0, 1)),
        entitle("T2", 100, share="60", window=slots(2, 3)),
    ]
    shared = share_meter(counted([10] * 4), contracts, Policy(rule=AllocationRule.STATIC_KEY))
    assert lists(shared) == {"T1": [6, 6], "T2": [6, 6]}
    assert {str(each.applied) for each in shared.values()} == {"STATIC_KEY/2"}


def test_a_fraction_of_a_share_is_given_in_the_interval_in_which_it_becomes_whole() -> None:
    eighth = fixed_share(counted([1_001, 7, 0, 8, 4]), Decimal("12.5"))
    assert [energy.watt_hours for _, energy in eighth] == [125, 1, 0, 1, 0]
    half = fixed_share(counted([1, 1, 1, 1]), Decimal(50))
    assert [energy.watt_hours for _, energy in half] == [0, 1, 0, 1]


def test_what_a_contract_does_not_take_of_its_share_goes_to_nobody() -> None:
    contracts = [entitle("T1", 7, share="60"), entitle("T2", 100, share="40")]
    shared = share_meter(counted([5, 5, 5, 5]), contracts, Policy(rule=AllocationRule.STATIC_KEY))
    assert lists(shared) == {"T1": [3, 3, 1, 0], "T2": [2, 2, 2, 2]}


@pytest.mark.parametrize("share", ["100.01", "-1", "NaN"])
def test_what_is_no_share_cannot_be_given(share: str) -> None:
    with pytest.raises(AllocationInvalid):
        fixed_share(counted([1]), Decimal(share))


def test_shares_that_hold_at_one_time_are_no_more_than_the_whole() -> None:
    contracts = [entitle("T1", 1, share="60"), entitle("T2", 1, share="40.1", window=slots(3, 3))]
    assert share_meter(counted([1, 1, 1]), contracts, Policy(rule=AllocationRule.STATIC_KEY))
    with pytest.raises(AllocationInvalid, match=r"100\.1 %"):
        share_meter(counted([1, 1, 1, 1]), contracts, Policy(rule=AllocationRule.STATIC_KEY))
    with pytest.raises(AllocationInvalid, match="T3 has no share"):
        share_meter(counted([1]), [entitle("T3", 1)], Policy(rule=AllocationRule.STATIC_KEY))


def test_what_is_left_after_earlier_contracts_is_for_the_next() -> None:
    contracts = [
        entitle("T2", 3, traded="09:30", window=slots(1, 3)),
        entitle("T1", 2, traded="09:00", window=slots(0, 1)),
        entitle("T3", Profile(by_period={slot(0): 1, slot(3): 1}), traded="10:00"),
        entitle("T4", 9, traded="11:00", window=slots(0, 0)),
    ]
    left = left_over(counted([2, 2, 0, 4, 5]), contracts)
    assert [energy.watt_hours for _, energy in left] == [0, 0, 0, 2, 5]
    assert left_over(counted([2, 0]), []) == counted([2, 0])


def test_a_silent_meter_gives_nothing_and_says_so() -> None:
    assert lists(share_meter([], [entitle("T1", 5)], FIFO)) == {"T1": []}
    assert share_meter(counted([1]), [], FIFO) == {}


def test_readings_that_overlap_or_run_backwards_are_refused() -> None:
    longer: Series = [(slot(0), Energy(1)), (slots(0, 1), Energy(1))]
    with pytest.raises(ReadingsInvalid, match="count twice"):
        share_meter(longer, [], FIFO)
    with pytest.raises(ReadingsInvalid, match="backwards"):
        share_meter(counted([-1]), [], FIFO)


def test_a_contract_that_claims_a_meter_twice_is_refused() -> None:
    with pytest.raises(AllocationInvalid, match="twice"):
        share_meter(counted([1]), [entitle("T1", 1), entitle("T1", 1, window=slots(5, 6))], FIFO)


def test_a_joint_rule_over_time_gives_the_same_on_both_sides() -> None:
    deliveries = [
        Delivery(entitlement=entitle("T1", 6), source="S1", target="B1"),
        Delivery(entitlement=entitle("T2", 6, traded="10:00", window=slots(1, 3)), source="S1", target="B2"),
    ]
    shared = share_jointly(
        deliveries,
        exported={"S1": counted([5, 5, 5])},
        imported={"B1": counted([4, 0, 4]), "B2": counted([9, 9, 9])},
        rule=AllocationRule.SEQUENTIAL,
    )
    assert lists(shared) == {"T1": [4, 0, 2], "T2": [5, 1]}
    assert str(shared["T1"].applied) == "SEQUENTIAL/1"


def test_a_contract_that_comes_twice_is_refused_by_a_joint_rule_though_never_at_one_time() -> None:
    twice = [
        Delivery(entitlement=entitle("T1", 6, window=window), source="S1", target="B1")
        for window in (slots(0, 1), slots(2, 3))
    ]
    with pytest.raises(AllocationInvalid, match="twice"):
        share_jointly(twice, exported={}, imported={}, rule=AllocationRule.DYNAMIC)


def test_a_joint_rule_needs_meters_that_count_by_the_same_intervals() -> None:
    with pytest.raises(AllocationInvalid, match="same intervals"):
        share_jointly(
            [],
            exported={"S1": counted([1])},
            imported={"B1": [(slots(0, 1), Energy(1))]},
            rule=AllocationRule.OPTIMAL,
        )
