"""What both sides of a contract owe for falling short of it, once its window is over. Pure.

A contract has one quantity for its whole window, so only at its end it is known what was lacking. What a
meter left to the contract counts as given or taken, unmatched energy too; what was cut is owed by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from kernel.energy import WATT_HOURS_PER_KWH, Energy
from kernel.money import Money, round_to_minor
from trading.matching import Billed
from trading.penalties import ShortfallPenalty, shortfall
from trading.terms import Terms
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class SideShortfall:
    """How far one side of a contract fell short, and what it owes for it.

    `due_wh` and `allocated_wh` are counted where the contract's energy is: as it arrives, or as it is sent.
    `counted_wh` is what is penalized, exact: nothing within the tolerance.
    """

    penalty: ShortfallPenalty
    due_wh: int
    allocated_wh: int
    short_wh: int
    counted_wh: Fraction
    amount: Money

    @property
    def quantity(self) -> Energy | None:
        """What is penalized, where it is whole Wh."""
        return Energy(int(self.counted_wh)) if self.counted_wh.denominator == 1 else None


def shortfalls_of(
    terms: Terms, *, deliverable_wh: int, exported_wh: int, imported_wh: int
) -> tuple[SideShortfall, ...]:
    """Return what each side that has a penalty was short of, in the order of the terms' penalties.

    `exported_wh` and `imported_wh` are what both meters left to the contract in its whole window.
    """
    losses = terms.losses
    is_arrived = losses.billed is Billed.ARRIVED
    allocated = {
        Side.SELLER: losses.arriving(exported_wh) if is_arrived else exported_wh,
        Side.BUYER: imported_wh,
    }
    due = {Side.SELLER: deliverable_wh, Side.BUYER: losses.due_of_target(deliverable_wh)}
    return tuple(
        _shortfall(penalty, terms, due_wh=due[penalty.side], allocated_wh=allocated[penalty.side])
        for penalty in terms.penalties
    )


def _shortfall(penalty: ShortfallPenalty, terms: Terms, *, due_wh: int, allocated_wh: int) -> SideShortfall:
    short = shortfall(deliverable=due_wh, allocated=allocated_wh)
    counted = penalty.tolerance.counting(short, deliverable=due_wh)
    exact = counted * penalty.per_kwh(terms.price) / WATT_HOURS_PER_KWH
    return SideShortfall(
        penalty=penalty,
        due_wh=due_wh,
        allocated_wh=min(allocated_wh, due_wh),
        short_wh=short,
        counted_wh=counted,
        amount=round_to_minor(exact, terms.currency),
    )
