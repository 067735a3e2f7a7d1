"""The weather: how much of a clear sky's light comes through, the same for every roof of a place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from degnode.simulation.dice import Dice
from degnode.simulation.places import Place
from degnode.simulation.slots import SLOT_SECONDS, Slots

CLEAR: Final = 1000
"""All the light there is, in thousandths."""

_DAY_SECONDS: Final = 86_400
_SECONDS_PER_DEGREE: Final = 240

# Of ten days: the least and the greatest light, and how far it may change in five minutes.
_MOODS: Final = (
    *((930, 1000, 10),) * 5,  # clear
    *((300, 1000, 220),) * 3,  # clouds that pass
    *((90, 320, 25),) * 2,  # overcast
)


def light_through(place: Place, slots: Slots, *, seed: int) -> list[int]:
    """Return how much light comes through in each slot. Units: thousandths of the clear sky's."""
    offset = round(place.longitude * _SECONDS_PER_DEGREE)  # days change when the sun is lowest

    def light(instant: int) -> int:
        day, second = divmod(instant + offset, _DAY_SECONDS)
        return _day(place, day, seed)[second // SLOT_SECONDS]

    return [light(start) for start in slots.starts]


@cache
def _day(place: Place, day: int, seed: int) -> tuple[int, ...]:
    return tuple(_walk(Dice("clouds", place.name, day, seed=seed)))


def _walk(dice: Dice) -> Iterator[int]:
    least, greatest, stride = _MOODS[dice.below(len(_MOODS))]
    light = dice.between(least, greatest)
    for _ in range(_DAY_SECONDS // SLOT_SECONDS):
        light = min(greatest, max(least, light + dice.between(-stride, stride)))
        yield light
