"""What a seller owes its buyer is credited once, and later runs move what they differ by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kernel.money import Money
from settlement.corrections import BillCorrection, CorrectionKind, reversal
from settlement.cycles import SettlementCycle
from settlement.penalty_credits import SellerPenalty, credit_penalty, penalty_credits, seller_penalty
from settlement.settle import settle_contract
from tests.support.agreements import SOURCE_KWH, WINDOW, agree, readings
from trading.penalties import Payee
from trading.wheeling import Side

CYCLE, BILL = "settle-2024-10-04-001", "bill-2024-10-001"
BILLED = {CYCLE: BILL}


def owed(minor: int, *, run: int = 1, payee: Payee = Payee.INJURED_SIDE) -> SellerPenalty:
    amount = Money(minor, agree().terms.currency)
    return SellerPenalty(contract_id="contract-1", cycle_id=CYCLE, run=run, payee=payee, amount=amount)


def settled(**more: Any) -> SettlementCycle:
    """Return the cycle of the published trade, with more in its explanation."""
    rows = readings(SOURCE_KWH)
    (cycle,) = settle_contract(agree(), exported=rows, imported=rows, now=WINDOW.end).cycles
    return replace(cycle, explanation={**(cycle.explanation or {}), **more})


def shortfall(side: Side, payee: Payee = Payee.INJURED_SIDE) -> dict[str, Any]:
    return {"side": side.value, "payee": payee.value, "minor": 90}


@pytest.mark.parametrize(
    ("explained", "expected"),
    [
        ({}, None),
        ({"shortfalls": [shortfall(Side.BUYER)]}, None),
        ({"shortfalls": [shortfall(Side.BUYER), shortfall(Side.SELLER)]}, owed(90)),
        ({"shortfalls": [shortfall(Side.SELLER, Payee.OWN_UTILITY)]}, owed(90, payee=Payee.OWN_UTILITY)),
        ({"cancellation": {"side": "BUYER", "owed_minor": 70}}, None),
        ({"cancellation": {"side": "SELLER", "owed_minor": 70}}, owed(70)),
        ({"stall": {"credit_minor": 50}}, owed(50)),
    ],
    ids=["nothing", "buyer", "both", "utility", "buyer ended", "seller ended", "stall"],
)
def test_a_cycle_says_what_its_seller_owes(explained: dict[str, Any], expected: SellerPenalty | None) -> None:
    assert seller_penalty(settled(**explained)) == expected
    assert seller_penalty(replace(settled(), explanation=None)) is None


@pytest.mark.parametrize(
    ("what", "billed"),
    [(None, BILLED), (owed(90), {}), (owed(90, payee=Payee.OWN_UTILITY), BILLED), (owed(0), BILLED)],
    ids=["nothing", "not billed", "utility", "nought"],
)
def test_nothing_is_credited_where_the_buyer_is_owed_nothing_on_a_bill(
    what: SellerPenalty | None, billed: dict[str, str]
) -> None:
    assert credit_penalty(what, billed, []) == []


def test_what_is_owed_is_credited_once_and_a_later_run_moves_the_difference() -> None:
    kept: list[BillCorrection] = []
    for run, minor in ((1, 90), (2, 90), (3, 120), (4, 40)):
        kept += credit_penalty(owed(minor, run=run), BILLED, kept)
    assert [(one.run, one.kind, one.amount.minor) for one in kept] == [
        (2, CorrectionKind.PENALTY_CREDIT, 90),
        (3, CorrectionKind.PENALTY_CREDIT, 30),
        (4, CorrectionKind.ADJUSTMENT, 80),
    ]
    assert [(told.told_id, told.minor) for told in penalty_credits(kept)] == [
        (f"{CYCLE}-seller-penalty", 90),
        (f"{CYCLE}-r3-seller-penalty", 30),
        (f"{CYCLE}-r4-seller-penalty", -80),
    ]


def test_corrections_of_another_kind_or_bill_are_no_credits_of_what_is_owed() -> None:
    (credit,) = credit_penalty(owed(90), BILLED, [])
    elsewhere = replace(credit, bill_id="bill-2024-11-001")
    undone = reversal(credit, run=3, reason="a mistake")
    assert penalty_credits([undone]) == []
    (again,) = credit_penalty(owed(90), BILLED, [elsewhere])
    assert again == credit
    assert credit_penalty(owed(90), BILLED, [credit, undone]) == []
