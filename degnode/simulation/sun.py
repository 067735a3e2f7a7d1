"""What a roof makes under a clear sky: geometry and clear-sky physics, by `pvlib`.

Sources: solar position by NREL's SPA, clear sky by Ineichen and Perez at a Linke turbidity of 3, the
sky's diffuse light taken as isotropic. Cells are not cooled or heated: their losses are one number.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from degnode.simulation.libraries import demand_libraries
from degnode.simulation.places import Place
from degnode.simulation.slots import SLOT_SECONDS, Slots

if TYPE_CHECKING:
    import pandas as pd

LINKE_TURBIDITY: Final = 3.0
PERFORMANCE_RATIO: Final = 0.85
"""What is left after inverter, cables, dust and warmth."""


@cache
def _sky(place: Place, slots: Slots) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the sun's position and the light of a clear sky, in the middle of every slot."""
    demand_libraries()
    import pandas as pd
    from pvlib import atmosphere, clearsky, irradiance, solarposition

    middle = pd.Timestamp(slots.start + SLOT_SECONDS // 2, unit="s", tz="UTC")
    times = pd.date_range(middle, periods=slots.count, freq=f"{SLOT_SECONDS}s")
    sun = solarposition.get_solarposition(times, place.latitude, place.longitude, altitude=place.altitude)
    airmass = atmosphere.get_relative_airmass(sun["apparent_zenith"])
    light = clearsky.ineichen(
        sun["apparent_zenith"],
        atmosphere.get_absolute_airmass(airmass, atmosphere.alt2pres(place.altitude)),
        LINKE_TURBIDITY,
        altitude=place.altitude,
        dni_extra=irradiance.get_extra_radiation(times.day_of_year.to_numpy()),
    )
    return sun, light


def clear_sky_watts(place: Place, slots: Slots, *, tilt: int, azimuth: int) -> list[int]:
    """Return what a kilowatt-peak would make in each slot. Units: whole W per kWp; degrees.

    Raises: SimulationNotInstalled.
    """
    sun, light = _sky(place, slots)
    import numpy as np
    from pvlib import irradiance

    on_roof: Any = irradiance.get_total_irradiance(
        tilt, azimuth, sun["apparent_zenith"], sun["azimuth"], light["dni"], light["ghi"], light["dhi"]
    )
    watts = np.nan_to_num(on_roof["poa_global"].to_numpy()) * PERFORMANCE_RATIO
    return [max(0, watt) for watt in np.rint(watts).astype(int).tolist()]
