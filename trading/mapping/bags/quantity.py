"""Quantities of energy with their unit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from kernel.energy import WATT_HOURS_PER_KWH, Energy
from trading.refusals import FieldInvalid

_WATT_HOURS_PER_UNIT: Final = {
    "WH": 1,
    "WHR": 1,
    "WATTHOUR": 1,
    "KWH": 1_000,
    "KILOWATTHOUR": 1_000,
    "MWH": 1_000_000,
    "MEGAWATTHOUR": 1_000_000,
}
"""Units as people write them and as UN/CEFACT codes; case and blanks do not matter."""

MOST_WATT_HOURS: Final = 10**15
"""More than any order is for; keeps sums far inside 64 bits."""


def read_quantity(quantity: object, *, path: str) -> Energy | None:
    """Return the energy of a quantity object, None if it names no amount; kWh unless it says so.

    Raises: FieldInvalid.
    """
    if not isinstance(quantity, Mapping):
        raise FieldInvalid("a quantity is an object with its number and its unit", path=path)
    if "unitQuantity" not in quantity:
        return None
    factors = {
        unit_factor(quantity[key], path=f"{path}.{key}")
        for key in ("unitText", "unitCode")
        if quantity.get(key)
    }
    if len(factors) > 1:
        raise FieldInvalid("unitText and unitCode name different units", path=path)
    factor = factors.pop() if factors else WATT_HOURS_PER_KWH
    return read_energy(quantity["unitQuantity"], factor=factor, path=f"{path}.unitQuantity")


def read_energy(value: object, *, path: str, factor: int = WATT_HOURS_PER_KWH) -> Energy:
    """Return `value` units of `factor` Wh each. Raises: FieldInvalid, if that is no whole number of Wh."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise FieldInvalid("a quantity of energy is a number", path=path)
    try:
        exact = Decimal(value) * factor
        watt_hours = int(exact) if abs(exact) <= MOST_WATT_HOURS else None
    except (ValueError, ArithmeticError) as error:
        raise FieldInvalid("that is no quantity of energy", path=path) from error
    if watt_hours is None or watt_hours < 0:
        raise FieldInvalid("no such quantity of energy can be traded", path=path)
    if watt_hours != exact:
        raise FieldInvalid(
            "that is finer than 1 Wh", path=path, hint="Write kWh with three decimals at most."
        )
    return Energy(watt_hours)


def write_quantity(energy: Energy) -> dict[str, Any]:
    """Return `energy` as a quantity in kWh."""
    return {"unitQuantity": energy.kilowatt_hours, "unitText": "kWh", "unitCode": "KWH"}


def echo_quantity(sent: Mapping[str, Any], energy: Energy) -> dict[str, Any]:
    """Return the quantity as the buyer wrote it, if it is still that, else in kWh."""
    return dict(sent) if read_quantity(sent, path="") == energy else write_quantity(energy)


def unit_factor(unit: object, *, path: str) -> int:
    """Return how many Wh a unit has. Raises: FieldInvalid."""
    text = str(unit)
    try:
        return _WATT_HOURS_PER_UNIT["".join(text.split()).upper().removesuffix("S")]
    except KeyError:
        raise FieldInvalid(
            f"{text[:20]!r} is no unit of energy", path=path, hint="Use Wh, kWh or MWh."
        ) from None
