"""The commercial terms of an offer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kernel.currency import Currency
from kernel.money import CurrencyMismatch, Money
from trading.charges import AmountOff, Charge, LineKind
from trading.periods import BillingPeriod, calendar_period
from trading.terms import Discount, Price, PricingModel, SettlementType, Terms, TermsInvalid, Wheeling

USD = Currency("USD")


@pytest.mark.parametrize("per_kwh", ["0", "0.15", "0.000001", "0.1500000000", "1000000000000"])
def test_a_price_is_any_exact_number_of_six_decimals(per_kwh: str) -> None:
    assert Price(per_kwh=Decimal(per_kwh), currency=USD).per_kwh == Decimal(per_kwh)


@pytest.mark.parametrize(
    "per_kwh", ["-0.01", "NaN", "sNaN", "Infinity", "1000000000000.01", "1E+999999", "0.0000001", "1E-999999"]
)
def test_a_price_that_nobody_can_bill_is_refused(per_kwh: str) -> None:
    with pytest.raises(TermsInvalid, match="a price per kWh"):
        Price(per_kwh=Decimal(per_kwh), currency=USD)


@pytest.mark.parametrize("value", [0.15, 1, "0.15", True])
def test_a_price_and_a_discount_are_decimals(value: Any) -> None:
    with pytest.raises(TypeError, match="is a Decimal"):
        Price(per_kwh=value, currency=USD)
    with pytest.raises(TypeError, match="is a Decimal"):
        Discount(title="Spring", percent=value)


@pytest.mark.parametrize("percent", ["0", "-1", "100.01", "NaN", "Infinity", "12.3456789"])
def test_a_discount_takes_off_more_than_nothing_and_at_most_everything(percent: str) -> None:
    with pytest.raises(TermsInvalid, match="a discount"):
        Discount(title="Spring", percent=Decimal(percent))
    assert Discount(title="Spring", percent=Decimal(100)).percent == 100


def test_a_negative_wheeling_charge_is_refused() -> None:
    assert Wheeling(utility_name="Grid", amount=Money.zero(USD)).description == ""
    with pytest.raises(TermsInvalid, match="not negative"):
        Wheeling(utility_name="Grid", amount=Money(-1, USD))


def test_a_contract_has_one_currency() -> None:
    price = Price(per_kwh=Decimal("0.15"), currency=USD)
    with pytest.raises(CurrencyMismatch, match="wheeling is in INR, the energy in USD"):
        Terms(price=price, wheeling=Wheeling(utility_name="Grid", amount=Money(250, Currency("INR"))))


def test_terms_are_per_kwh_and_settled_daily_unless_said_otherwise() -> None:
    terms = Terms(price=Price(per_kwh=Decimal("0.15"), currency=USD))
    assert (terms.pricing_model, terms.settlement_type) == (PricingModel.PER_KWH, SettlementType.DAILY)
    assert terms.currency == USD


def test_a_charge_is_no_other_line_and_never_negative() -> None:
    with pytest.raises(TermsInvalid, match="ENERGY is no kind of charge"):
        Charge(kind=LineKind.ENERGY, title="Energy", value=Money(1, USD))
    with pytest.raises(TermsInvalid, match=r"not negative: Fee -0\.01 USD"):
        Charge(kind=LineKind.FEE, title="Fee", value=Money(-1, USD))
    with pytest.raises(TermsInvalid, match="more than nothing: Welcome"):
        AmountOff(title="Welcome", amount=Money(0, USD))


def test_a_foreign_fee_or_discount_is_refused_by_its_name() -> None:
    price, inr = Price(per_kwh=Decimal("0.15"), currency=USD), Currency("INR")
    with pytest.raises(CurrencyMismatch, match="Fee is in INR, the energy in USD"):
        Terms(price=price, charges=(Charge(kind=LineKind.FEE, title="Fee", value=Money(1, inr)),))
    with pytest.raises(CurrencyMismatch, match="Welcome is in INR, the energy in USD"):
        Terms(price=price, promotions=(AmountOff(title="Welcome", amount=Money(1, inr)),))


@pytest.mark.parametrize(
    ("day", "every", "first", "following"),
    [
        ("2026-12-31", BillingPeriod.MONTHLY, "2026-12-01", "2027-01-01"),
        ("2028-02-29", BillingPeriod.MONTHLY, "2028-02-01", "2028-03-01"),
        ("2026-01-01", BillingPeriod.WEEKLY, "2025-12-29", "2026-01-05"),
        ("2026-01-01", BillingPeriod.DAILY, "2026-01-01", "2026-01-02"),
    ],
)
def test_calendar_periods_begin_on_the_first_on_monday_and_every_day(
    day: str, every: BillingPeriod, first: str, following: str
) -> None:
    found = calendar_period(date.fromisoformat(day), every)
    assert found == (date.fromisoformat(first), date.fromisoformat(following))
