"""What premises use: the standard load as a base that wavers, appliances, and a car in the evening."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from degnode.simulation.dice import Dice
from degnode.simulation.places import Place
from degnode.simulation.premises import Premises
from degnode.simulation.slots import SLOTS_PER_HOUR, Slots, milliwatt_hours
from degnode.simulation.standard_load import Profile

_BASE: Final = {Profile.HOUSEHOLD: 60, Profile.BUSINESS: 90}
"""How many hundredths of the standard load always run; appliances bring the rest, now and then."""
_APPLIANCE_WATTS: Final = (1_200, 2_800)
_APPLIANCE_SLOTS: Final = (1, 6)
_MEAN_APPLIANCE: Final = 7_000 * 1000 // SLOTS_PER_HOUR  # mWh: 2 kW over three and a half slots

_CAR_WATTS: Final = 7_400
_CAR_SLOTS: Final = (8, 26)  # from 5 to 16 kWh
_CAR_COMES: Final = (17 * 60 + 30, 20 * 60 + 30)  # minutes after midnight
_CAR_DAYS: Final = 60  # of a hundred


def consumption(
    premises: Premises, load: Sequence[int], slots: Slots, *, place: Place, seed: int
) -> list[int]:
    """Return what the premises use in each slot. Units: `load` in µWh per annual kWh, the result in mWh.

    Over a long time it is the standard load.
    """
    used = list(_household(premises, load, seed=seed))
    if premises.has_car:
        charging = milliwatt_hours(_CAR_WATTS)
        for at, charges in enumerate(_car(premises, slots, place, seed=seed)):
            used[at] += charging if charges else 0
    most = milliwatt_hours(premises.connection_watts)
    return [min(energy, most) for energy in used]


def _household(premises: Premises, load: Sequence[int], *, seed: int) -> Iterator[int]:
    dice = Dice("appliances", premises.number, seed=seed)
    base = _BASE[premises.profile]
    waver, running, left = 1000, 0, 0
    for per_kwh in load:
        standard = per_kwh * premises.annual_kwh // 1000
        waver = min(1300, max(700, waver + dice.between(-60, 60)))
        begins = dice.below(_MEAN_APPLIANCE) < standard * (100 - base) // 100
        if begins and not left:
            running, left = milliwatt_hours(dice.between(*_APPLIANCE_WATTS)), dice.between(*_APPLIANCE_SLOTS)
        yield standard * base * waver // 100_000 + (running if left else 0)
        left -= left > 0


def _car(premises: Premises, slots: Slots, place: Place, *, seed: int) -> Iterator[bool]:
    """Yield for each slot whether the car charges; it comes home in the evening, by the place's clock."""
    zone = ZoneInfo(place.zone)
    charges_for = 0
    comes_at, comes_on, stays = 0, None, 0
    for start in slots.starts:
        local = datetime.fromtimestamp(start, zone)
        if local.date() != comes_on:
            dice = Dice("car", premises.number, local.date(), seed=seed)
            comes_on, comes_at = local.date(), dice.between(*_CAR_COMES)
            stays = dice.between(*_CAR_SLOTS) if dice.below(100) < _CAR_DAYS else 0
        if stays and local.hour * 60 + local.minute >= comes_at:
            charges_for, stays = stays, 0
        yield charges_for > 0
        charges_for -= charges_for > 0
