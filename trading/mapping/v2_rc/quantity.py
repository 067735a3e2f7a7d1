"""Quantities of energy with their unit, as `beckn:quantity` carries them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from kernel.energy import Energy
from trading.refusals import FieldInvalid

_WATT_HOURS_PER_UNIT: Final = {"WH": 1, "WHR": 1, "KWH": 1_000, "MWH": 1_000_000}
"""Units as people write them and as UN/CEFACT codes; case and blanks do not matter."""

MOST_WATT_HOURS: Final = 10**15
"""More than any order is for; keeps sums far inside 64 bits."""


def read_quantity(quantity: Mapping[str, Any], *, path: str) -> Energy | None:
    """Return the energy of a quantity object, None if it names no amount; kWh unless it says so.

    Raises: FieldInvalid.
    """
    if "unitQuantity" not in quantity:
        return None
    factors = {_factor(quantity, key, path) for key in ("unitText", "unitCode") if quantity.get(key)}
    if len(factors) > 1:
        raise FieldInvalid("unitText and unitCode name different units", path=path)
    factor = factors.pop() if factors else _WATT_HOURS_PER_UNIT["KWH"]
    return read_energy(quantity["unitQuantity"], factor=factor, path=f"{path}.unitQuantity")


def read_energy(value: object, *, path: str, factor: int = _WATT_HOURS_PER_UNIT["KWH"]) -> Energy:
    """Return `value` units of `factor` Wh each. Raises: FieldInvalid, if that is no whole number of Wh."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise FieldInvalid("a quantity of energy is a number", path=path)
    try:
        exact = Decimal(value) * factor
        watt_hours = int(exact) if abs(exact) <= MOST_WATT_HOURS else None
    except (InvalidOperation, ValueError, OverflowError) as error:
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


def _factor(quantity: Mapping[str, Any], key: str, path: str) -> int:
    unit = str(quantity[key])
    try:
        return _WATT_HOURS_PER_UNIT[unit.strip().upper()]
    except KeyError:
        raise FieldInvalid(
            f"{unit[:20]!r} is no unit of energy", path=f"{path}.{key}", hint="Use Wh, kWh or MWh."
        ) from None
