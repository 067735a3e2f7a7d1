"""Published figures, by the terms that a contract is settled under."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson

from kernel.money import Money
from settlement.settle import SettlementOutcome, settle_contract
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, readings
from trading.charges import LineKind
from trading.matching import Matching
from trading.penalties import ShortfallPenalty
from trading.rates import Price
from trading.wheeling import Side


@pytest.mark.parametrize(("matching", "kwh"), [(Matching.WINDOW, "10.0"), (Matching.INTERVAL, "9.5")])
def test_the_completed_example_delivers_by_the_matching_that_is_agreed(matching: Matching, kwh: str) -> None:
    """Its energyFlow rows add up to 11.5 kWh, which neither term gives."""
    outcome = settle_contract(
        agree(matching=matching),
        exported=readings(SOURCE_KWH),
        imported=readings(TARGET_KWH),
        now=WINDOW.end,
    )
    assert outcome.delivered.kilowatt_hours == Decimal(kwh)


@pytest.mark.parametrize("matching", list(Matching))
def test_the_lesser_of_both_sides_costs_what_was_published_and_each_side_pays_for_what_it_lacked(
    shared: Path, matching: Matching
) -> None:
    examples = simplejson.loads((shared / "golden" / "deviation.json").read_text(), use_decimal=True)
    [example] = [each for each in examples if "min_of_two" in each]
    outcome = settled(example, matching)
    (bill,) = outcome.bills
    currency = bill.currency
    told = {line.kind: line.amount for line in bill.lines}
    assert told[LineKind.ENERGY] == Money.of(example["min_of_two"]["buyer_pays_p2p"], currency)
    shortfalls = (outcome.cycles[-1].explanation or {})["shortfalls"]
    owed = {each["side"]: Money(each["minor"], currency) for each in shortfalls}
    deviation = example["deviation"]
    assert owed["SELLER"] == Money.of(deviation["seller_utility_receives"], currency)
    assert owed["BUYER"] == Money.of(deviation["buyer_utility_pays"], currency)
    assert told[LineKind.PENALTY] == owed["BUYER"]


def settled(example: dict[str, Any], matching: Matching) -> SettlementOutcome:
    """Return the trade, where a kWh that is lacking costs what the side's utility asks or pays for it."""
    trade = example["trade"]
    agreement = agree(
        kwh=trade["quantity"],
        price=trade["price"],
        wheeling=None,
        currency=example["currency"],
        matching=matching,
    )
    rates = {
        Side.SELLER: example["import_price_seller_utility"],
        Side.BUYER: example["export_price_buyer_utility"],
    }
    penalties = tuple(
        ShortfallPenalty(side=side, price=Price(per_kwh=Decimal(rate), currency=agreement.terms.currency))
        for side, rate in rates.items()
    )
    return settle_contract(
        replace(agreement, terms=replace(agreement.terms, penalties=penalties)),
        exported=readings([example["generation"]], every=WINDOW.duration),
        imported=readings([example["load"]], every=WINDOW.duration),
        now=WINDOW.end + timedelta(days=1),
    )
