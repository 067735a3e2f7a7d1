"""Energy as whole watt-hours.

Floats are refused: 0.1 + 0.2 kWh must be 0.3 kWh on every bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final, Self

WATT_HOURS_PER_KWH: Final = 1000
_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation])
"""Where a result does not fit, it raises instead of rounding, and 1E+999999999 is never spelled out."""
_WATT_HOUR: Final = Decimal("0.001")  # kWh


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

        Raises: NotWholeWattHours, if it has more than three decimals or is no amount at all.
        """
        if isinstance(kilowatt_hours, float | bool):
            raise TypeError(f"energy is a Decimal, int or str of kWh, not {kilowatt_hours!r}")
        try:
            exact = _EXACT.quantize(Decimal(kilowatt_hours), _WATT_HOUR)
            return cls(int(_EXACT.multiply(exact, Decimal(WATT_HOURS_PER_KWH))))
        except Inexact as error:
            raise NotWholeWattHours(
                f"{kilowatt_hours} kWh is finer than 1 Wh (three decimals at most)"
            ) from error
        except (InvalidOperation, ValueError) as error:  # the latter of NaN
            raise NotWholeWattHours(f"{kilowatt_hours!r} is no amount of energy") from error

    @property
    def kilowatt_hours(self) -> Decimal:
        """The same in kWh, exact, without trailing zeros after the point."""
        return _EXACT.divide(Decimal(self.watt_hours), Decimal(WATT_HOURS_PER_KWH))

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.watt_hours + other.watt_hours)

    def __sub__(self, other: Energy) -> Energy:
        return Energy(self.watt_hours - other.watt_hours)

    def __str__(self) -> str:
        return f"{self.kilowatt_hours:f} kWh"


ZERO_ENERGY = Energy(0)
