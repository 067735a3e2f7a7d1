"""Energy as whole watt-hours.

Floats are refused: 0.1 + 0.2 kWh must be 0.3 kWh on every bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Self

WATT_HOURS_PER_KWH = 1000


class NotWholeWattHours(ValueError):
    """A quantity is finer than one watt-hour, or no number at all."""


@dataclass(frozen=True, slots=True, order=True)
class Energy:
    """An amount of electrical energy, in Wh. May be negative where a difference is meant."""

    watt_hours: int

    def __post_init__(self) -> None:
        if type(self.watt_hours) is not int:
            raise TypeError(f"energy is a whole number of Wh, not {self.watt_hours!r}")

    @classmethod
    def from_kwh(cls, kilowatt_hours: Decimal | int | str) -> Self:
        """Return the energy of a decimal number of kWh.

        Raises: NotWholeWattHours, if it has more than three decimals or is not finite.
        """
        if isinstance(kilowatt_hours, float):
            raise TypeError("floats are refused for energy; pass Decimal, int or str")
        try:
            watt_hours = Decimal(kilowatt_hours) * WATT_HOURS_PER_KWH
            whole = int(watt_hours)
        except (InvalidOperation, ValueError, OverflowError) as error:
            raise NotWholeWattHours(f"{kilowatt_hours!r} is no amount of energy") from error
        if whole != watt_hours:
            raise NotWholeWattHours(f"{kilowatt_hours} kWh is finer than 1 Wh (three decimals at most)")
        return cls(whole)

    @property
    def kilowatt_hours(self) -> Decimal:
        """The same in kWh, exact."""
        return Decimal(self.watt_hours) / WATT_HOURS_PER_KWH

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.watt_hours + other.watt_hours)

    def __sub__(self, other: Energy) -> Energy:
        return Energy(self.watt_hours - other.watt_hours)

    def __str__(self) -> str:
        return f"{self.kilowatt_hours.normalize():f} kWh"


ZERO_ENERGY = Energy(0)
