"""One meter's energy of one interval, over the contracts that claim it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from settlement.allocation.largest_remainder import apportion
from settlement.allocation.rules import (
    JOINT,
    VERSIONS,
    AllocationInvalid,
    AllocationRule,
    AppliedRule,
    Policy,
    check_shares,
    share_of,
)
from settlement.allocation.slot import RULES, allocate
from tests.support.claims import claim

FIFO, PRO_RATA = Policy(), Policy(rule=AllocationRule.PRO_RATA)
STATIC_KEY = Policy(rule=AllocationRule.STATIC_KEY)
FIVE_AND_FOUR = [claim("T1", 5, traded="09:00"), claim("T2", 4, traded="09:30")]


@pytest.mark.parametrize(
    ("metered", "first", "second"), [(8, 5, 3), (7, 5, 2), (4, 4, 0), (0, 0, 0), (20, 5, 4)]
)
def test_first_in_first_out_fills_the_earlier_trade_first(metered: int, first: int, second: int) -> None:
    assert allocate(metered, FIVE_AND_FOUR, FIFO) == {"T1": first, "T2": second}
    assert allocate(metered, FIVE_AND_FOUR[::-1], FIFO) == {"T1": first, "T2": second}


def test_of_two_trades_at_the_same_time_the_lower_id_is_filled_first() -> None:
    assert allocate(5, [claim("b", 5), claim("a", 5)], FIFO) == {"a": 5, "b": 0}


def test_pro_rata_shares_in_proportion_to_what_is_claimed() -> None:
    assert allocate(15_000, [claim("T1", 10_000), claim("T3", 10_000)], PRO_RATA) == {
        "T1": 7_500,
        "T3": 7_500,
    }


def test_pro_rata_gives_a_single_watt_hour_to_the_largest_remainder_and_then_to_the_lower_id() -> None:
    assert allocate(1, [claim("b", 5), claim("a", 5)], PRO_RATA) == {"a": 1, "b": 0}
    assert allocate(1, [claim("b", 6), claim("a", 5)], PRO_RATA) == {"a": 0, "b": 1}


def test_pro_rata_gives_everybody_all_where_there_is_enough() -> None:
    assert allocate(10, FIVE_AND_FOUR, PRO_RATA) == {"T1": 5, "T2": 4}
    assert allocate(0, [claim("T1", 0)], PRO_RATA) == {"T1": 0}


def test_a_static_key_gives_fixed_shares_and_what_is_not_used_is_lost() -> None:
    claims = [claim("T1", 100, share="60"), claim("T2", 1_000, share="40")]
    assert allocate(1_000, claims, STATIC_KEY) == {"T1": 100, "T2": 400}


def test_a_share_is_exact_whatever_its_decimals_and_rounded_down() -> None:
    claims = [claim("T1", 1_000, share="33.333333"), claim("T2", 1_000, share="66.666667")]
    assert allocate(1_000, claims, STATIC_KEY) == {"T1": 333, "T2": 666}


def test_a_share_that_is_not_known_is_refused() -> None:
    with pytest.raises(AllocationInvalid, match="T1 has no share"):
        allocate(10, [claim("T1", 5)], STATIC_KEY)


@pytest.mark.parametrize("share", ["60.000001", "-1", "NaN", "Infinity"])
def test_shares_beyond_the_whole_or_that_are_none_are_refused(share: str) -> None:
    with pytest.raises(AllocationInvalid):
        allocate(10, [claim("T1", 5, share="40"), claim("T2", 5, share=share)], STATIC_KEY)


def test_a_preference_splits_the_meter_over_communities_before_a_rule_holds_within_each() -> None:
    claims = [
        claim("T1", 900, traded="09:00", community="north"),
        claim("T2", 900, traded="09:30", community="north"),
        claim("T3", 100, traded="08:00", community="south"),
    ]
    policy = Policy(rule=AllocationRule.PREFERENCE, coefficients={"north": Decimal(70), "south": Decimal(30)})
    assert allocate(2_000, claims, policy) == {"T1": 900, "T2": 500, "T3": 100}
    pro_rata = Policy(
        rule=AllocationRule.PREFERENCE, coefficients=policy.coefficients, within=AllocationRule.PRO_RATA
    )
    assert allocate(2_000, claims, pro_rata) == {"T1": 700, "T2": 700, "T3": 100}


@pytest.mark.parametrize("community", [None, "west"])
def test_a_contract_of_no_community_of_the_meter_is_refused(community: str | None) -> None:
    policy = Policy(rule=AllocationRule.PREFERENCE, coefficients={"north": Decimal(100)})
    with pytest.raises(AllocationInvalid, match="in no community"):
        allocate(10, [claim("T1", 5, community=community)], policy)


@pytest.mark.parametrize(
    "policy",
    [
        *({"rule": rule} for rule in JOINT),
        {"rule": AllocationRule.PREFERENCE},
        {"rule": AllocationRule.FIFO, "coefficients": {"north": Decimal(100)}},
        {
            "rule": AllocationRule.PREFERENCE,
            "coefficients": {"north": Decimal(50)},
            "within": AllocationRule.PREFERENCE,
        },
        {"rule": AllocationRule.PREFERENCE, "coefficients": {"north": Decimal(101)}},
    ],
)
def test_a_policy_that_says_nothing_of_one_meter_is_refused(policy: dict[str, object]) -> None:
    with pytest.raises(AllocationInvalid):
        Policy(**policy)  # type: ignore[arg-type]  # what the parameters hold


def test_energy_or_claims_below_nought_and_claims_that_come_twice_are_refused() -> None:
    with pytest.raises(AllocationInvalid, match="counted -1 Wh"):
        allocate(-1, [], FIFO)
    with pytest.raises(AllocationInvalid, match="claims -1 Wh"):
        claim("T1", -1)
    with pytest.raises(AllocationInvalid, match="twice"):
        allocate(1, [claim("T1", 1), claim("T1", 1)], FIFO)


def test_energy_that_nobody_claims_goes_to_nobody() -> None:
    assert allocate(1_000, [], FIFO) == allocate(1_000, [], PRO_RATA) == {}


def test_every_rule_has_a_version_and_is_either_of_one_meter_or_of_both() -> None:
    assert VERSIONS.keys() == set(AllocationRule)
    assert RULES.keys() | {AllocationRule.PREFERENCE} | JOINT == set(AllocationRule)
    assert not RULES.keys() & JOINT
    assert str(FIFO.applied) == "FIFO/1"
    assert PRO_RATA.applied == AppliedRule(rule=AllocationRule.PRO_RATA, version=1)


def test_shares_of_the_whole_together_pass() -> None:
    check_shares({"a": Decimal("33.4"), "b": Decimal("66.6")})
    check_shares({})
    assert share_of(10**15 + 1, Decimal("99.999999")) == (10**15 + 1) * 99_999_999 // 100_000_000


def test_parts_in_proportion_add_up_to_the_whole() -> None:
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(0, [1, 2]) == [0, 0]
    assert apportion(5, [0, 7, 0]) == [0, 5, 0]
