"""How much energy was delivered in each settlement cycle of a contract. Pure, whole Wh.

A reading's interval counts for the cycle in which it ends, whole. What a cycle delivers is what is
delivered by its end less what was delivered by the end of the cycle before; `settlement.laying` says how
much that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from settlement.agreement import Agreement
from settlement.laying import BandOf, Laid, lay
from settlement.periods import NamedPeriod, settlement_periods
from settlement.side import MeteredInterval, Side
from trading.bands import Band

_ANY_BAND: Final = Band(Decimal(0))
"""For energy whose price does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideQuantities:
    """What one meter counted in a cycle, and since the window began, with the readings that say so."""

    side: Side
    metered: Interval
    """The cycle's part of the window."""

    @property
    def energy(self) -> Energy:
        return Energy(self.side.total_by(self.metered.end) - self.side.total_by(self.metered.start))

    @property
    def to_date(self) -> Energy:
        return Energy(self.side.total_by(self.metered.end))

    @property
    def readings(self) -> tuple[MeteredInterval, ...]:
        """Those that ended in the cycle."""
        return tuple((interval, Energy(energy)) for interval, energy in self.side.ended_in(self.metered))

    @property
    def gaps(self) -> tuple[Interval, ...]:
        """The parts of the cycle of which no reading tells; they count as nought."""
        return tuple(self.side.gaps_in(self.metered))


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleQuantities:
    """What one settlement cycle brought, and what the window had brought before it and by its end."""

    cycle: NamedPeriod
    exported: SideQuantities
    imported: SideQuantities
    before: Laid
    to_date: Laid

    @property
    def delivered(self) -> Energy:
        return self.to_date.total - self.before.total

    @property
    def lost(self) -> Energy:
        """What was lost on the way of it."""
        return self.to_date.lost - self.before.lost

    @property
    def is_complete(self) -> bool:
        """Both meters' intervals leave no instant of the cycle's part of the window out."""
        return not self.exported.gaps and not self.imported.gaps


def quantities_by_cycle(
    agreement: Agreement,
    *,
    exported: Sequence[MeteredInterval],
    imported: Sequence[MeteredInterval],
    band_of: BandOf | None = None,
) -> list[CycleQuantities]:
    """Return what each settlement cycle of the contract brought, whatever the order of the readings.

    `band_of` says which price an interval has that starts at an instant: the agreement, if nothing else.
    Raises: ReadingsInvalid, if intervals of one side overlap or an energy is negative.
    """
    source = Side.of(exported, window=agreement.window)
    target = Side.of(imported, window=agreement.window)
    cycles = settlement_periods(agreement)
    laid = lay(
        source,
        target,
        agreed=agreement,
        matching=agreement.matching,
        losses=agreement.terms.losses,
        ends=[cycle.metered.end for cycle in cycles],
        band_of=band_of or agreement.band_of,
    )
    return [
        CycleQuantities(
            cycle=cycle,
            exported=SideQuantities(side=source, metered=cycle.metered),
            imported=SideQuantities(side=target, metered=cycle.metered),
            before=before,
            to_date=to_date,
        )
        for cycle, before, to_date in zip(cycles, [Laid(ZERO_ENERGY, {}), *laid[:-1]], laid, strict=True)
    ]


def delivered_by(
    agreement: Agreement,
    *,
    exported: Sequence[MeteredInterval],
    imported: Sequence[MeteredInterval],
    instants: Sequence[datetime],
) -> list[Energy]:
    """Return what was delivered under a contract by each of some instants, which are in order of time.

    Raises: ReadingsInvalid.
    """
    laid = lay(
        Side.of(exported, window=agreement.window),
        Side.of(imported, window=agreement.window),
        agreed=agreement,
        matching=agreement.matching,
        losses=agreement.terms.losses,
        ends=instants,
        band_of=lambda _: _ANY_BAND,
    )
    return [found.total for found in laid]
