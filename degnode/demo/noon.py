"""What the demo's meters count: four hours of a simulated spring day, an hour in each interval of the demo.

The morning's clouds are clearing; the day is always the same, so that everybody sees the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from degnode.demo.scenario import INTERVALS, SOURCE_METER, TARGET_METER
from degnode.simulation.places import PLACES, PlaceName
from degnode.simulation.premises import Premises, Roof
from degnode.simulation.standard_load import Profile
from degnode.simulation.world import Span, simulate
from kernel.energy import Energy
from kernel.mrid import canonical_mrid

SEED: Final = 7
PLACE: Final = PLACES[PlaceName.DELHI]
BEGINS: Final = datetime(2026, 4, 1, 10, tzinfo=ZoneInfo(PLACE.zone))

_ROOF: Final = Premises(
    number=1,
    mrid=canonical_mrid(SOURCE_METER, lenient=True)[2:],
    annual_kwh=3_000,
    roof=Roof(peak_watts=5_000, tilt=25, azimuth=PLACE.facing_the_sun),
)
_BAKERY: Final = Premises(
    number=2,
    mrid=canonical_mrid(TARGET_METER, lenient=True)[2:],
    annual_kwh=12_000,
    profile=Profile.BUSINESS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noon:
    """What flows, hour by hour: from the roof into the grid, and from the grid into the bakery."""

    exported: tuple[Energy, ...]
    imported: tuple[Energy, ...]


def simulate_noon() -> Noon:
    """Return what both meters count in those hours. Raises: SimulationNotInstalled."""
    span = Span(start=BEGINS, step=timedelta(hours=1), length=timedelta(hours=INTERVALS))
    roof, bakery = simulate((_ROOF, _BAKERY), span, place=PLACE, seed=SEED)
    return Noon(
        exported=tuple(Energy(watt_hours) for watt_hours in roof.exported),
        imported=tuple(Energy(watt_hours) for watt_hours in bakery.imported),
    )
