"""The grain of the simulated world: five minutes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SLOT_SECONDS: Final = 300
SLOTS_PER_HOUR: Final = 12
MILLIWATT_HOURS_PER_WATT: Final = (250, 3)
"""A watt for five minutes is 250/3 mWh."""


@dataclass(frozen=True, slots=True)
class Slots:
    """`count` slots from `start` on. Units: `start` in seconds since 1970 UTC, a multiple of 300."""

    start: int
    count: int

    @property
    def starts(self) -> Iterator[int]:
        """When each begins. Units: seconds since 1970 UTC."""
        return iter(range(self.start, self.start + self.count * SLOT_SECONDS, SLOT_SECONDS))


def milliwatt_hours(watts: int) -> int:
    """Return the energy of `watts` over one slot. Units: mWh, rounded down."""
    numerator, denominator = MILLIWATT_HOURS_PER_WATT
    return watts * numerator // denominator


def watts_of(energy: int) -> int:
    """Return the mean power of a slot in which `energy` (mWh) flowed. Units: W, rounded to zero."""
    watts = abs(energy) * SLOTS_PER_HOUR // 1000
    return watts if energy >= 0 else -watts
