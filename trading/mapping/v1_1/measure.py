"""Quantities of energy as v1.1 measures them: a decimal number as text, with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.energy import WATT_HOURS_PER_KWH, Energy
from trading.mapping.bags.amounts import plain
from trading.mapping.bags.quantity import read_energy, unit_factor
from trading.mapping.find import Json, read_decimal


def read_measure(measure: Mapping[str, Any], *, path: str) -> Energy | None:
    """Return the energy of a measure, None if it names no amount; kWh unless it says so.

    Raises: FieldInvalid.
    """
    if "value" not in measure:
        return None
    unit = measure.get("unit")
    factor = unit_factor(unit, path=f"{path}.unit") if unit else WATT_HOURS_PER_KWH
    place = f"{path}.value"
    return read_energy(read_decimal(measure["value"], path=place), factor=factor, path=place)


def write_measure(energy: Energy) -> Json:
    """Return `energy` as a measure in kWh."""
    return {"value": plain(energy.kilowatt_hours), "unit": "kWh"}


def echo_measure(sent: Mapping[str, Any], energy: Energy) -> Json:
    """Return the measure as the buyer wrote it, if it is still that, else in kWh."""
    return dict(sent) if read_measure(sent, path="") == energy else write_measure(energy)
