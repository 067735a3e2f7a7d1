"""How a contract's two sides are compared: where the lesser is taken, and what is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Matching(StrEnum):
    """Where the lesser of both sides is taken."""

    WINDOW = "WINDOW"
    """Of the totals over the whole window."""
    INTERVAL = "INTERVAL"
    """In each interval by itself; what one side has too much of in one makes up for nothing in another."""


class Billed(StrEnum):
    """Which energy is contracted and billed, where some is lost on its way."""

    ARRIVED = "ARRIVED"
    SENT = "SENT"


class LossInvalid(ValueError):
    """A loss factor by which nothing, or more than was sent, would arrive."""


@dataclass(frozen=True, slots=True)
class Losses:
    """The part of what is sent that is lost on its way, exact: 0 up to, but not, 1. Raises: LossInvalid."""

    factor: Decimal = Decimal(0)
    billed: Billed = Billed.ARRIVED

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

    def due_of_source(self, quantity: int) -> int:
        """Return how many Wh have to be sent under a contract of `quantity`, and no more may be."""
        return self.needed(quantity) if self.billed is Billed.ARRIVED else quantity

    def due_of_target(self, quantity: int) -> int:
        """Return how many Wh have to be taken under a contract of `quantity`, and no more may be."""
        return quantity if self.billed is Billed.ARRIVED else self.arriving(quantity)

    def billed_of(self, arrived: int) -> int:
        """Return how many Wh are billed where so many arrived."""
        return arrived if self.billed is Billed.ARRIVED else self.needed(arrived)

    def lost_of(self, billed: int) -> int:
        """Return how many Wh were sent and did not arrive, where so many are billed."""
        if self.billed is Billed.ARRIVED:
            return self.needed(billed) - billed
        return billed - self.arriving(billed)


NO_LOSSES: Final = Losses()
