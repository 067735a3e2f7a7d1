"""Energy that does not arrive: a factor between what a source gives and what its target gets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


class LossInvalid(ValueError):
    """A loss factor by which nothing, or more than was sent, would arrive."""


@dataclass(frozen=True, slots=True)
class Losses:
    """The part of what is sent that is lost on its way, exact: 0 up to, but not, 1. Raises: LossInvalid."""

    factor: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not (self.factor.is_finite() and 0 <= self.factor < 1):
            raise LossInvalid(f"a loss factor is from 0 up to 1, not {self.factor}")

    def arriving(self, sent: int) -> int:
        """Return what arrives of so many Wh, rounded down."""
        lost, whole = self.factor.as_integer_ratio()
        return sent * (whole - lost) // whole

    def needed(self, arrived: int) -> int:
        """Return the least Wh that have to be sent for so many to arrive."""
        lost, whole = self.factor.as_integer_ratio()
        return -(-arrived * whole // (whole - lost))


NO_LOSSES: Final = Losses()
