"""Currencies and their decimals."""

from __future__ import annotations

import pytest

from kernel.currency import Currency, UnknownCurrency


@pytest.mark.parametrize(
    ("code", "exponent"),
    [("USD", 2), ("INR", 2), ("EUR", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("BHD", 3), ("CLF", 4)],
)
def test_a_currency_knows_its_number_of_decimals(code: str, exponent: int) -> None:
    assert Currency(code).exponent == exponent
    assert str(Currency(code)) == code


@pytest.mark.parametrize("code", ["", "usd", "US", "RUPEES", "XXX", "BTC", " USD"])
def test_a_code_that_is_not_listed_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency, match="no ISO 4217 code; write it like USD or INR"):
        Currency(code)


def test_currencies_with_one_code_are_one() -> None:
    assert Currency("USD") == Currency("USD")
    assert len({Currency("USD"), Currency("USD"), Currency("INR")}) == 2
