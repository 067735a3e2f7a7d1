"""The standard load profiles of the German utilities (BDEW, 2025), by `demandlib`."""

from __future__ import annotations

import warnings
from calendar import isleap
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from degnode.simulation.libraries import demand_libraries
from degnode.simulation.places import Place
from degnode.simulation.slots import SLOTS_PER_HOUR, Slots

_QUARTERS_PER_DAY: Final = 96
_QUARTER_MINUTES: Final = 15
_MICRO: Final = 1000
"""A profile's kW at 1 GWh a year is as many mW at 1 kWh a year; a thousandth of that is kept."""


class Profile(StrEnum):
    """Whose load it is."""

    HOUSEHOLD = "H25"
    BUSINESS = "G25"


def standard_load(profile: Profile, place: Place, slots: Slots) -> list[int]:
    """Return the mean load in each slot, by the place's own clock. Units: µWh per kWh used in a year.

    Raises: SimulationNotInstalled.
    """
    zone = ZoneInfo(place.zone)
    return [_at(profile, datetime.fromtimestamp(start, zone)) for start in slots.starts]


def _at(profile: Profile, local: datetime) -> int:
    quarter = (local.hour * 60 + local.minute) // _QUARTER_MINUTES
    return _year(profile, local.year)[(local.timetuple().tm_yday - 1) * _QUARTERS_PER_DAY + quarter]


@cache
def _year(profile: Profile, year: int) -> tuple[int, ...]:
    """Return a year's load, quarter hour by quarter hour. Units: µWh in five minutes."""
    demand_libraries()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # demandlib uses what pandas will drop one day
        import numpy as np
        import pandas as pd
        from demandlib import bdew

        quarters = (366 if isleap(year) else 365) * _QUARTERS_PER_DAY
        index = pd.date_range(datetime(year, 1, 1), periods=quarters, freq="15min")  # noqa: DTZ001  local
        kilowatts = getattr(bdew, profile)(index).to_numpy()
    return tuple(np.rint(kilowatts * _MICRO / SLOTS_PER_HOUR).astype(int).tolist())
