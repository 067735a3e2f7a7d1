"""What can be said to have been cut from a contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kernel.energy import ZERO_ENERGY, Energy
from tests.unit.trading.test_trading_contract import NOW, PENDING, WINDOW
from trading.cancellation import cancel
from trading.contract import Contract, complete, confirm
from trading.curtailment import (
    Curtailment,
    CurtailmentContradicted,
    CurtailmentInvalid,
    NotCurtailable,
    check_curtailment,
)
from trading.delivery import CurtailmentReason, Cut
from trading.wheeling import Side

ACTIVE = confirm(PENDING, now=NOW)  # 10 kWh
HOUR = timedelta(hours=1)


def cut(watt_hours: int, since: datetime = WINDOW.start) -> Curtailment:
    return Curtailment(cut=Cut(quantity=Energy(watt_hours), reason=CurtailmentReason.CONGESTION), since=since)


def check(
    wanted: Curtailment,
    *,
    contract: Contract = ACTIVE,
    last: Curtailment | None = None,
    settled: Energy = ZERO_ENERGY,
) -> None:
    check_curtailment(contract, wanted, last=last, settled=settled)


@pytest.mark.parametrize("watt_hours", [1, 4_000, 10_000])
def test_a_part_or_all_of_what_was_contracted_can_be_cut(watt_hours: int) -> None:
    check(cut(watt_hours))
    check(cut(watt_hours, WINDOW.end - timedelta(seconds=1)))


@pytest.mark.parametrize("watt_hours", [-1, 0, 10_001])
def test_neither_nothing_nor_more_than_was_contracted_can_be_cut(watt_hours: int) -> None:
    with pytest.raises(CurtailmentInvalid, match="cannot be cut from 10 kWh") as refused:
        check(cut(watt_hours))
    assert (refused.value.path, refused.value.http_status) == ("watt_hours", 422)


@pytest.mark.parametrize(
    "contract",
    [
        PENDING,
        cancel(ACTIVE, side=Side.BUYER, now=NOW)[0],
        replace(complete(ACTIVE, now=WINDOW.end), refresh_at=None),
        cancel(ACTIVE, side=Side.BUYER, now=WINDOW.start + HOUR)[0],
    ],
)
def test_only_a_contract_that_is_active_can_be_cut(contract: Contract) -> None:
    with pytest.raises(NotCurtailable, match=contract.status):
        check(cut(1_000), contract=contract)


@pytest.mark.parametrize("since", [WINDOW.start - timedelta(seconds=1), WINDOW.end])
def test_a_cut_begins_within_the_window(since: datetime) -> None:
    with pytest.raises(CurtailmentInvalid, match="nothing flows") as refused:
        check(cut(1_000, since))
    assert refused.value.path == "since"


def test_what_is_settled_cannot_be_cut_any_more() -> None:
    check(cut(4_000), settled=Energy(6_000))
    with pytest.raises(CurtailmentInvalid, match="6 kWh of 10 kWh are settled") as refused:
        check(cut(4_001), settled=Energy(6_000))
    assert refused.value.hint == "At most 4000 Wh can still be cut."


def test_a_later_cut_takes_as_much_or_more() -> None:
    last = cut(4_000, WINDOW.start + HOUR)
    check(cut(4_000, WINDOW.start + 2 * HOUR), last=last)
    check(cut(9_000, WINDOW.start + 2 * HOUR), last=last)
    with pytest.raises(CurtailmentInvalid, match="4 kWh are cut already"):
        check(cut(3_999, WINDOW.start + 2 * HOUR), last=last)


def test_a_cut_is_not_said_to_have_begun_before_the_last() -> None:
    with pytest.raises(CurtailmentInvalid, match="the last curtailment was from"):
        check(cut(5_000, WINDOW.start), last=cut(4_000, WINDOW.start + HOUR))


def test_another_cut_from_the_same_time_on_contradicts_the_last() -> None:
    with pytest.raises(CurtailmentContradicted, match="4 kWh were cut for CONGESTION"):
        check(cut(5_000), last=cut(4_000))
