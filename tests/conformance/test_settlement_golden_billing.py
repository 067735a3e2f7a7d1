"""The published quote and settlement cycle, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import simplejson

from kernel.clock import format_instant
from kernel.money import Money
from settlement.settle import settle_contract
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, readings


@pytest.fixture
def published(shared: Path) -> dict[str, Any]:
    examples = simplejson.loads((shared / "golden" / "billing.json").read_text(), use_decimal=True)
    found: dict[str, Any] = next(
        example for example in examples if example["name"] == "P2P quote and settlement cycle"
    )
    return found


def test_the_published_trade_settles_to_the_published_figures(published: dict[str, Any]) -> None:
    agreement = agree(
        kwh=published["quantity_kwh"],
        price=published["price_per_kwh"],
        wheeling=published["wheeling"],
        currency=published["currency"],
    )
    currency = agreement.terms.currency
    assert agreement.terms.settlement_type == published["settlementType"]
    outcome = settle_contract(
        agreement, exported=readings(SOURCE_KWH), imported=readings(TARGET_KWH), now=WINDOW.end
    )
    (cycle,), (bill,) = outcome.cycles, outcome.bills
    assert {
        "cycleId": cycle.cycle_id,
        "startTime": format_instant(cycle.wire_start),
        "endTime": format_instant(cycle.wire_end),
        "status": cycle.status,
        "amount": cycle.amount.amount,
    } == published["settlement_cycle"]
    assert [(line.title, line.amount) for line in bill.lines] == [
        ("Energy Cost", Money.of(published["energy_cost"], currency)),
        ("Wheeling Charges", Money.of(published["wheeling"], currency)),
    ]
    assert bill.total == Money.of(published["total"], currency)
