"""Money in whole minor units, split and rounded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kernel.currency import Currency
from kernel.money import CurrencyMismatch, Money, NotMinorUnits, Rounding, round_to_minor, sum_money

USD, JPY, KWD = Currency("USD"), Currency("JPY"), Currency("KWD")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("4.00", USD, 400),
        (Decimal("2.5"), USD, 250),
        (Decimal("2.5000"), USD, 250),
        (4, USD, 400),
        ("1E+2", USD, 10_000),
        (150, JPY, 150),
        ("1.234", KWD, 1_234),
        ("-0.01", USD, -1),
    ],
)
def test_an_amount_becomes_minor_units(amount: Decimal | int | str, currency: Currency, minor: int) -> None:
    assert Money.of(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0.001", USD), ("0.5", JPY), ("0.0001", KWD), ("1234567890123456789012345678.901", USD)],
)
def test_an_amount_finer_than_the_minor_unit_is_refused_and_never_rounded(
    amount: str, currency: Currency
) -> None:
    with pytest.raises(NotMinorUnits, match=f"has more than {currency.exponent} decimals"):
        Money.of(amount, currency)


@pytest.mark.parametrize("amount", ["", "four", "NaN", "sNaN", "Infinity", "1E+999999999", "9" * 61])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(NotMinorUnits, match="is no amount of USD"):
        Money.of(amount, USD)


@pytest.mark.parametrize("value", [4.0, True])
def test_floats_and_truth_values_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        Money.of(value, USD)
    with pytest.raises(TypeError, match="whole number of minor units"):
        Money(value, USD)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(400, USD), "4.00 USD"),
        (Money(1, USD), "0.01 USD"),
        (Money(-1, USD), "-0.01 USD"),
        (Money(150, JPY), "150 JPY"),
        (Money(1_500, KWD), "1.500 KWD"),
        (Money(10**40 + 1, USD), f"1{'0' * 38}.01 USD"),
    ],
)
def test_money_is_shown_with_the_decimals_of_its_currency(money: Money, text: str) -> None:
    assert str(money) == text


def test_money_of_one_currency_adds_subtracts_and_compares() -> None:
    assert Money(150, USD) + Money(250, USD) == Money(400, USD)
    assert Money(150, USD) - Money(250, USD) == Money(-100, USD)
    assert Money(1, USD) < Money(2, USD) <= Money(2, USD) < Money(3, USD)
    assert Money(3, USD) > Money(2, USD) >= Money(2, USD)
    assert max(Money(1, USD), Money(2, USD)) == Money(2, USD)


def test_two_currencies_never_meet_in_one_sum() -> None:
    one, other = Money(1, USD), Money(1, JPY)
    assert one != other
    for meeting in (
        lambda: one + other,
        lambda: one - other,
        lambda: one < other,
        lambda: one <= other,
        lambda: one >= other,
        lambda: sum_money([one, other], currency=USD),
        lambda: sum_money([other], currency=USD),
    ):
        with pytest.raises(CurrencyMismatch):
            meeting()


def test_a_sum_of_nothing_is_nought_of_its_currency() -> None:
    assert sum_money([], currency=KWD) == Money.zero(KWD)
    assert sum_money([Money(150, USD), Money(250, USD)], currency=USD) == Money(400, USD)


@pytest.mark.parametrize(
    ("minor", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [1, 1, 4], [17, 17, 66]),
        (101, [1, 1], [51, 50]),
        (5, [0, 1, 0], [0, 5, 0]),
        (0, [3, 4], [0, 0]),
        (-5, [1, 1, 1], [-1, -2, -2]),
        (1, [1, 2, 3], [0, 0, 1]),
    ],
)
def test_shares_are_rounded_down_and_the_largest_remainders_get_the_rest(
    minor: int, weights: list[int], shares: list[int]
) -> None:
    assert [share.minor for share in Money(minor, USD).split(weights)] == shares


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2], [2, -3]])
def test_weights_that_share_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights must be positive"):
        Money(100, USD).split(weights)


@pytest.mark.parametrize(
    ("exact", "currency", "rounding", "minor"),
    [
        ("1.005", USD, Rounding.HALF_UP, 101),
        ("1.005", USD, Rounding.HALF_EVEN, 100),
        ("1.015", USD, Rounding.HALF_EVEN, 102),
        ("1.0049999999999999999999999999999999", USD, Rounding.HALF_UP, 100),
        ("-1.005", USD, Rounding.HALF_UP, -101),
        ("0.5", JPY, Rounding.HALF_UP, 1),
        ("0.5", JPY, Rounding.HALF_EVEN, 0),
        ("0.0005", KWD, Rounding.HALF_UP, 1),
        ("1E-999999", USD, Rounding.HALF_UP, 0),
        ("1E+30", USD, Rounding.HALF_UP, 10**32),
    ],
)
def test_an_exact_amount_is_rounded_to_the_minor_unit(
    exact: str, currency: Currency, rounding: Rounding, minor: int
) -> None:
    assert round_to_minor(Decimal(exact), currency, rounding=rounding) == Money(minor, currency)


@pytest.mark.parametrize("exact", ["NaN", "Infinity", "1E+999999999"])
def test_what_is_no_amount_is_not_rounded(exact: str) -> None:
    with pytest.raises(NotMinorUnits, match="is no amount of USD"):
        round_to_minor(Decimal(exact), USD)
