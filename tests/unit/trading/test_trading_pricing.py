"""What an amount of energy costs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.charges import Charge, LineKind
from trading.pricing import TermsNotPlain, price_energy
from trading.terms import Discount, Price, Terms
from trading.wheeling import Wheeling


def terms(per_kwh: str, currency: str = "USD", *, percent: str | None = None) -> Terms:
    discount = None if percent is None else Discount(title="Spring", percent=Decimal(percent))
    return Terms(price=Price(per_kwh=Decimal(per_kwh), currency=Currency(currency)), discount=discount)


@pytest.mark.parametrize(
    ("kilowatt_hours", "agreed", "gross", "discount", "net"),
    [
        ("10", terms("0.15"), "1.50", "0.00", "1.50"),
        ("10", terms("0.15", percent="10"), "1.50", "0.15", "1.35"),
        ("10", terms("0.15", percent="100"), "1.50", "1.50", "0.00"),
        ("0", terms("0.15", percent="10"), "0.00", "0.00", "0.00"),
        ("2.5", terms("45.0", "INR"), "112.50", "0.00", "112.50"),
        ("0.1", terms("0.15"), "0.02", "0.00", "0.02"),
        ("3.333", terms("7.5", "JPY"), "25", "0", "25"),
        ("3.333", terms("0.0515", "KWD"), "0.172", "0.000", "0.172"),
    ],
)
def test_energy_costs_kwh_times_price_less_the_discount(
    kilowatt_hours: str, agreed: Terms, gross: str, discount: str, net: str
) -> None:
    cost = price_energy(Energy.from_kwh(kilowatt_hours), agreed)
    expected = [Money.of(amount, agreed.currency) for amount in (gross, discount, net)]
    assert [cost.gross, cost.discount, cost.net] == expected


def test_a_little_more_energy_never_costs_less_for_being_rounded_twice() -> None:
    # Half off: 0.5 cents round to 1, and so do 1.0; taking off the rounded half would give 1 and then 0.
    agreed = terms("0.01", percent="50")
    nets = [price_energy(Energy(watt_hours), agreed).net.minor for watt_hours in (500, 999, 1000, 1500, 3000)]
    assert nets == [0, 0, 1, 1, 2]


def test_terms_with_more_than_a_price_are_not_priced_by_it_alone() -> None:
    agreed = terms("0.15")
    fee = Charge(kind=LineKind.FEE, title="Platform", value=Money(1, agreed.currency))
    per_kwh = Wheeling.per_kwh(agreed.price, utility_name="Grid")
    for further in (replace(agreed, charges=(fee,)), replace(agreed, wheeling=per_kwh)):
        with pytest.raises(TermsNotPlain, match="more than a price per kWh"):
            price_energy(Energy(1), further)
