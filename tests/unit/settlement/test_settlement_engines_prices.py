"""Tariffs as files say them, and what energy costs by them."""

from __future__ import annotations

from datetime import time

import numpy as np
import pytest

from kernel.currency import Currency
from settlement.engines.prices import beyond_tolerance, price, tax_on
from settlement.engines.tariffs import PRICES, Tariff, TariffInvalid, read_tariff

EMPTY = dict.fromkeys(PRICES, "")
DAY_AND_NIGHT = '[{"from":"06:00","to":"22:00","rate":8.25},{"from":"22:00","to":"06:00","rate":"4.5"}]'


def tariff(**said: str) -> Tariff:
    return read_tariff(EMPTY | {"currency": "INR"} | said)


def test_a_tariff_is_read_exactly() -> None:
    found = tariff(
        rate="6.000001", wheeling_per_kwh="0.4", wheeling_fixed="2.5", tax_percent="5", discount_percent="1.5"
    )
    assert found == Tariff(
        currency=Currency("INR"),
        rates=(6_000_001,),
        wheeling_rate=400_000,
        wheeling_fixed=250,
        tax=5_000_000,
        discount=1_500_000,
        tolerance=10_000_000,
    )
    assert found.band_names() == ("",)


def test_losses_and_penalties_are_read_exactly() -> None:
    found = tariff(
        rate="1",
        loss_percent="7.5",
        penalty_buyer_per_kwh="2.000001",
        penalty_seller_per_kwh="3",
        penalty_tolerance_percent="0",
    )
    assert (found.loss, found.penalty_buyer, found.penalty_seller, found.tolerance) == (
        7_500_000,
        2_000_001,
        3_000_000,
        0,
    )


def test_a_shortfall_beyond_the_tolerance_counts_whole() -> None:
    counted, due = np.array([[900, 899, 0, 2_000, 5], [1_000, 1_000, 10**18 - 1, 1_000, 5]])
    tolerances = np.array([10_000_000, 10_000_000, 99_999_999, 0, 0])
    found = beyond_tolerance(counted, due=due, tolerances=tolerances)
    assert found.tolist() == [0, 101, 10**18 - 1, 0, 0]


def test_bands_hold_from_their_start_and_wrap_around_midnight() -> None:
    found = tariff(bands=DAY_AND_NIGHT)
    assert found.rates == (8_250_000, 4_500_000)
    clocks = (time(5, 59), time(6), time(21, 59), time(22), time(0))
    assert [found.band_at(clock) for clock in clocks] == [1, 0, 0, 1, 1]
    assert found.band_names() == ("06:00-22:00", "22:00-06:00")


def test_other_times_have_the_rate_beside_the_bands() -> None:
    found = tariff(rate="5", bands='[{"from":"22:00","to":"00:00","rate":"4"}]')
    assert [found.rates[found.band_at(clock)] for clock in (time(23), time(0))] == [4_000_000, 5_000_000]
    assert found.band_names() == ("22:00-00:00", "OTHER")


@pytest.mark.parametrize(
    ("said", "column", "why"),
    [
        ({"currency": "XYZ", "rate": "1"}, "currency", "no ISO 4217 code"),
        ({}, "rate", "neither a rate nor bands"),
        ({"rate": "free"}, "rate", "no number"),
        ({"rate": "NaN"}, "rate", "no number"),
        ({"rate": "Infinity"}, "rate", "no number"),
        ({"rate": "-1"}, "rate", "from 0"),
        ({"rate": "0.0000001"}, "rate", "six decimals"),
        ({"rate": "1", "discount_percent": "100.1"}, "discount_percent", "from 0 to 100"),
        ({"rate": "1", "loss_percent": "100"}, "loss_percent", "nothing can be delivered"),
        ({"rate": "1", "loss_percent": "-1"}, "loss_percent", "from 0 to 100"),
        ({"rate": "1", "loss_percent": "0.0000001"}, "loss_percent", "six decimals"),
        ({"rate": "1", "penalty_buyer_per_kwh": "-1"}, "penalty_buyer_per_kwh", "from 0"),
        ({"rate": "1", "penalty_seller_per_kwh": "much"}, "penalty_seller_per_kwh", "no number"),
        ({"rate": "1", "penalty_tolerance_percent": "101"}, "penalty_tolerance_percent", "from 0 to 100"),
        ({"rate": "1", "wheeling_fixed": "0.001"}, "wheeling_fixed", "more than 2 decimals"),
        ({"rate": "1", "wheeling_fixed": "-1"}, "wheeling_fixed", "negative"),
        ({"bands": "dear"}, "bands", "no list of objects"),
        ({"bands": "[1]"}, "bands", "no list of objects"),
        ({"bands": '[{"from":"06:00"}]'}, "bands", "no list of objects"),
        ({"bands": '[{"from":"06:00Z","to":"07:00","rate":1}]'}, "bands", "no times"),
        ({"bands": '[{"from":"06:00","to":"07:00","rate":-1}]'}, "bands", "from 0"),
        ({"bands": '[{"from":"06:00","to":"07:00","rate":1}]'}, "bands", "no rate holds"),
        ({"rate": "1", "bands": DAY_AND_NIGHT.replace("22:00", "23:00", 1)}, "bands", "two rates hold"),
    ],
)
def test_prices_that_cannot_be_billed_are_refused(said: dict[str, str], column: str, why: str) -> None:
    with pytest.raises(TariffInvalid, match=why) as refused:
        tariff(**said)
    assert refused.value.column == column


def test_a_rate_all_day_needs_one_band() -> None:
    assert tariff(bands='[{"from":"00:00","to":"00:00","rate":"3"}]').rates == (3_000_000,)


def test_a_hundred_and_thirty_thousand_lines_are_priced_in_columns() -> None:
    many = np.arange(130_000, dtype=np.int64)
    rates, nothing = np.full_like(many, 6_250_000), np.zeros_like(many)
    found = price(many, rates, exponents=nothing + 2, discounts=nothing)
    assert found[1000] == 625
    assert found.sum() == sum((wh * 625 + 500) // 1000 for wh in range(130_000))


def test_an_amount_beyond_64_bits_is_an_error() -> None:
    huge = np.array([2**62], dtype=np.int64)
    with pytest.raises(OverflowError):
        price(huge, np.array([10**18]), exponents=np.array([4]), discounts=np.array([0]))
    with pytest.raises(OverflowError):
        tax_on(huge, np.array([10**18]))
