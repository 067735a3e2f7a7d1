"""Fractions are rounded as decimals are: once, to the nearest minor unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from kernel.currency import Currency
from kernel.money import Money, Rounding, round_to_minor

currencies = st.sampled_from([Currency(code) for code in ("INR", "JPY", "KWD", "CLF")])
amounts = st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**9)


@given(exact=amounts, currency=currencies)
def test_a_half_goes_away_from_nought(exact: Fraction, currency: Currency) -> None:
    units = exact * 10**currency.exponent
    nearest = floor(abs(units) + Fraction(1, 2))
    assert round_to_minor(exact, currency) == Money(-nearest if units < 0 else nearest, currency)


@given(exact=amounts, currency=currencies)
def test_or_to_the_even_neighbour_where_a_ledger_says_so(exact: Fraction, currency: Currency) -> None:
    rounded = round_to_minor(exact, currency, rounding=Rounding.HALF_EVEN)
    assert rounded == Money(round(exact * 10**currency.exponent), currency)


@given(
    minor=st.integers(min_value=-(10**12), max_value=10**12),
    digit=st.integers(min_value=0, max_value=9),
    currency=currencies,
    rounding=st.sampled_from(Rounding),
)
def test_a_decimal_and_the_fraction_of_it_come_to_the_same(
    minor: int, digit: int, currency: Currency, rounding: Rounding
) -> None:
    exact = Decimal(minor * 10 + digit).scaleb(-currency.exponent - 1)
    assert round_to_minor(Fraction(exact), currency, rounding=rounding) == round_to_minor(
        exact, currency, rounding=rounding
    )
