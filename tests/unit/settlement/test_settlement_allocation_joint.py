"""Rules that see both meters of every contract."""

from __future__ import annotations

import pytest

from settlement.allocation.joint import RULES, allocate_jointly
from settlement.allocation.rules import JOINT, AllocationInvalid, AllocationRule
from settlement.allocation.trades import Trade
from tests.support.claims import trade

CROSSED = [
    trade("T1", "S1", "B1", 10, traded="09:00"),
    trade("T2", "S2", "B1", 10, traded="09:01"),
    trade("T3", "S1", "B2", 10, traded="09:02"),
]
EXPORTED, IMPORTED = {"S1": 15, "S2": 10}, {"B1": 15, "B2": 10}


def settle(
    rule: AllocationRule, trades: list[Trade], exported: dict[str, int], imported: dict[str, int]
) -> dict[str, int]:
    return allocate_jointly(trades, exported=exported, imported=imported, rule=rule)


def test_in_sequence_each_takes_what_both_of_its_meters_still_have() -> None:
    assert settle(AllocationRule.SEQUENTIAL, CROSSED, EXPORTED, IMPORTED) == {"T1": 10, "T2": 5, "T3": 5}


def test_by_rounds_what_one_side_does_not_take_goes_to_the_others() -> None:
    silent = {"B1": 0, "B2": 10}
    assert settle(AllocationRule.DYNAMIC, CROSSED, EXPORTED, silent) == {"T1": 0, "T2": 0, "T3": 10}
    assert sum(settle(AllocationRule.DYNAMIC, CROSSED, EXPORTED, IMPORTED).values()) == 22


def test_the_optimum_re_routes_what_the_rounds_gave() -> None:
    assert settle(AllocationRule.OPTIMAL, CROSSED, EXPORTED, IMPORTED) == {"T1": 5, "T2": 10, "T3": 10}


def test_where_the_rounds_reach_the_most_the_optimum_leaves_their_shares_alone() -> None:
    equal = [trade("a", "S", "B1", 10), trade("b", "S", "B2", 10, traded="10:00")]
    assert settle(AllocationRule.OPTIMAL, equal, {"S": 10}, {"B1": 10, "B2": 10}) == {"a": 5, "b": 5}


def test_single_watt_hours_that_many_contracts_want_are_not_left() -> None:
    ring = [
        trade("a", "S1", "B1", 2),
        trade("b", "S1", "B2", 3),
        trade("c", "S2", "B1", 3),
        trade("d", "S2", "B2", 3),
    ]
    one_each = {"S1": 1, "S2": 1}
    settled = settle(AllocationRule.DYNAMIC, ring, one_each, {"B1": 1, "B2": 1})
    assert settled == {"a": 0, "b": 1, "c": 1, "d": 0}


def test_a_chain_of_thousands_of_contracts_is_re_routed_from_end_to_end() -> None:
    length = 3_000
    trades = []
    for number in range(length):
        trades.append(trade(f"a{number:05}", f"S{number:05}", f"B{number:05}", 1_000, traded="08:00"))
        trades.append(trade(f"b{number:05}", f"S{number + 1:05}", f"B{number:05}", 1_000))
    exported = {f"S{number:05}": 1_000 for number in range(length)} | {f"S{length:05}": 400}
    imported = {f"B{number:05}": 1_000 for number in range(length)} | {"B00000": 1_400}
    settled = settle(AllocationRule.OPTIMAL, trades, exported, imported)
    assert sum(settled.values()) == sum(imported.values()) == sum(exported.values())


def test_meters_that_counted_nothing_settle_nothing() -> None:
    for rule in JOINT:
        assert settle(rule, CROSSED, {}, {}) == {"T1": 0, "T2": 0, "T3": 0}
        assert settle(rule, [], EXPORTED, IMPORTED) == {}


def test_what_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(AllocationInvalid, match="backwards"):
        settle(AllocationRule.OPTIMAL, CROSSED, {"S1": -1}, {})
    with pytest.raises(AllocationInvalid, match="twice"):
        settle(AllocationRule.OPTIMAL, [*CROSSED, CROSSED[0]], {}, {})
    with pytest.raises(AllocationInvalid, match="T1 claims -1 Wh"):
        trade("T1", "S1", "B1", -1)


def test_there_is_a_way_for_every_joint_rule() -> None:
    assert RULES.keys() == JOINT
