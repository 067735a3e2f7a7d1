"""Energy in whole watt-hours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kernel.energy import ZERO_ENERGY, Energy, NotWholeWattHours


@pytest.mark.parametrize(
    ("kilowatt_hours", "watt_hours"),
    [
        ("10.0", 10_000),
        (Decimal("0.001"), 1),
        (Decimal("1.500000"), 1_500),
        ("1.5E+2", 150_000),
        (7, 7_000),
        ("-0.25", -250),
        ("-0", 0),
        ("123456789012345678901234567890.123", 123456789012345678901234567890123),
    ],
)
def test_a_number_of_kwh_becomes_whole_wh(kilowatt_hours: Decimal | int | str, watt_hours: int) -> None:
    assert Energy.from_kwh(kilowatt_hours) == Energy(watt_hours)


@pytest.mark.parametrize(
    "kilowatt_hours", ["0.0001", "1.0000000000000000000000000000001", "12345678901234567890123456789.0015"]
)
def test_what_is_finer_than_a_watt_hour_is_refused_and_never_rounded(kilowatt_hours: str) -> None:
    with pytest.raises(NotWholeWattHours, match="finer than 1 Wh"):
        Energy.from_kwh(kilowatt_hours)


@pytest.mark.parametrize(
    "kilowatt_hours", ["", "ten", "NaN", "sNaN", "Infinity", "-Infinity", "1E+999999999", "9" * 61]
)
def test_what_is_no_amount_is_refused(kilowatt_hours: str) -> None:
    with pytest.raises(NotWholeWattHours, match="no amount of energy"):
        Energy.from_kwh(kilowatt_hours)


@pytest.mark.parametrize("value", [0.5, 10.0, True])
def test_floats_and_truth_values_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="Decimal, int or str"):
        Energy.from_kwh(value)


@pytest.mark.parametrize("value", [10.0, True, Decimal(10), "10"])
def test_only_whole_numbers_are_watt_hours(value: Any) -> None:
    with pytest.raises(TypeError, match="whole number of Wh"):
        Energy(value)


def test_energies_add_subtract_and_compare() -> None:
    assert Energy.from_kwh("0.1") + Energy.from_kwh("0.2") == Energy.from_kwh("0.3")
    assert Energy(5) - Energy(8) == Energy(-3)
    assert min(Energy(9_500), Energy(10_000), Energy(9_999)) == Energy(9_500)
    assert sum([Energy(1), Energy(2)], ZERO_ENERGY) == Energy(3)


@pytest.mark.parametrize(
    ("watt_hours", "text"),
    [(10_000, "10 kWh"), (1_500, "1.5 kWh"), (1, "0.001 kWh"), (0, "0 kWh"), (-250, "-0.25 kWh")],
)
def test_an_energy_is_shown_in_kwh(watt_hours: int, text: str) -> None:
    assert str(Energy(watt_hours)) == text


def test_kwh_are_exact_however_many_there_are() -> None:
    assert Energy(10**40 + 1).kilowatt_hours == Decimal(f"1{'0' * 37}.001")
