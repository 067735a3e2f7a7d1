"""Terms as they are kept: what was written before is read for as long as contracts last."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given, settings

from kernel.currency import Currency
from kernel.money import Money
from tests.support import term_strategies
from trading.charges import Discount
from trading.periods import BillingPeriod
from trading.rates import Price
from trading.records import terms_from_record, terms_to_record
from trading.terms import PricingModel, SettlementType, Terms
from trading.wheeling import Wheeling

FIRST_SHAPE: dict[str, Any] = {
    "currency": "USD",
    "price_per_kwh": "0.150",
    "pricing_model": "PER_KWH",
    "settlement_type": "DAILY",
    "wheeling": {"utility_name": "Grid", "minor": 250, "description": "carriage"},
    "discount": {"title": "Early bird", "percent": "2.5"},
}
"""What a contract was frozen with before there were other models."""


def test_a_contract_of_before_there_were_other_models_keeps_its_terms() -> None:
    usd = Currency("USD")
    assert terms_from_record(FIRST_SHAPE) == Terms(
        price=Price(per_kwh=Decimal("0.15"), currency=usd),
        wheeling=Wheeling(utility_name="Grid", amount=Money(250, usd), description="carriage"),
        discount=Discount(title="Early bird", percent=Decimal("2.5")),
        pricing_model=PricingModel.PER_KWH,
        settlement_type=SettlementType.DAILY,
        billing_period=BillingPeriod.MONTHLY,
    )
    bare = terms_from_record(FIRST_SHAPE | {"wheeling": None, "discount": None})
    assert (bare.wheeling, bare.discount, bare.charges) == (None, None, ())


@settings(max_examples=200, deadline=None)
@given(agreed=term_strategies.terms())
def test_terms_of_every_model_are_read_as_they_were_written(agreed: Terms) -> None:
    kept = orjson.loads(orjson.dumps(terms_to_record(agreed)))
    assert terms_from_record(kept) == agreed
    assert terms_to_record(terms_from_record(kept)) == kept
