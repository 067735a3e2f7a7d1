"""Columns are priced as single amounts of money are, and as a contract's cycles are."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernel.currency import Currency
from kernel.money import round_to_minor
from settlement.charges.rounding import cost_between
from settlement.engines.prices import price, tax_on

CURRENCIES = {0: "JPY", 2: "INR", 3: "KWD", 4: "CLF"}
rows = st.lists(
    st.tuples(
        st.integers(0, 10**12) | st.integers(0, 50_000),
        st.integers(0, 10**13) | st.integers(0, 20_000_000),
        st.sampled_from(sorted(CURRENCIES)),
        st.sampled_from([0, 0, 0, 1, 2_500_000, 33_333_333, 100_000_000]),
    ),
    max_size=20,
)


def columns(values: list[tuple[int, ...]], width: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return list(np.array(values, dtype=np.int64).reshape(-1, width).T)


@given(rows)
def test_energy_costs_what_it_costs_in_a_contract(values: list[tuple[int, int, int, int]]) -> None:
    wh, rates, exponents, discounts = columns(list(values), 4)
    found = price(wh, rates, exponents=exponents, discounts=discounts)
    assert found.tolist() == [_in_a_contract(*row) for row in values]


def _in_a_contract(wh: int, rate: int, exponent: int, discount: int) -> int:
    cost = Fraction(wh, 1000) * Fraction(rate, 10**6) * (1 - Fraction(discount, 10**8))
    return cost_between(Fraction(0), cost, currency=Currency(CURRENCIES[exponent])).minor


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 10**9)), max_size=20))
def test_taxes_are_rounded_as_money_is(values: list[tuple[int, int]]) -> None:
    amounts, taxes = columns(list(values), 2)
    exact = [Fraction(amount * tax, 10**8) for amount, tax in values]
    assert tax_on(amounts, taxes).tolist() == [int((each + Fraction(1, 2)) // 1) for each in exact]
    assert tax_on(amounts, taxes).tolist() == [
        round_to_minor(Decimal(amount * tax).scaleb(-8), Currency("JPY")).minor for amount, tax in values
    ]
