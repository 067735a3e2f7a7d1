"""How much was delivered by an instant, and at which price: the lesser of both sides, laid on the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from degnode.bill_verifier.bands import Band
from degnode.bill_verifier.shares import Counted
from kernel.interval import Interval

BandAt: TypeAlias = Callable[[datetime], Band]


@dataclass(slots=True)
class Delivered:
    """Wh since the window began, in all and by band in the order in which they flowed."""

    total: int = 0
    bands: dict[Band, int] = field(default_factory=dict)

    def lay(self, intervals: Counted, watt_hours: int, band_at: BandAt) -> None:
        """Lay so much on intervals of the source, the first of them first."""
        for period, counted in intervals:
            part = min(counted, watt_hours)
            if part:
                band = band_at(period.start)
                self.bands[band] = self.bands.get(band, 0) + part
                self.total += part
                watt_hours -= part


def delivered_by(
    exported: Counted, imported: Counted, *, most: int, by_interval: bool, until: datetime, band_at: BandAt
) -> Delivered:
    """Return what was delivered by the end of `until`, at most `most` Wh."""
    delivered = Delivered()
    if not by_interval:
        source, target = (
            [(period, wh) for period, wh in side if period.end <= until] for side in (exported, imported)
        )
        delivered.lay(source, min(total(source), total(target), most), band_at)
        return delivered
    for stretch in _stretches(exported, imported):
        if stretch.end <= until:
            both = min(total(stretch.gave), total(stretch.took), most - delivered.total)
            delivered.lay(stretch.gave, both, band_at)
    return delivered


def total(side: Counted) -> int:
    return sum(watt_hours for _, watt_hours in side)


def gaps_in(side: Counted, period: Interval) -> list[Interval]:
    """Return the parts of a period of which no reading tells."""
    gaps: list[Interval] = []
    reached = period.start
    for known, _ in side:
        if known.start >= period.end:
            break
        if known.start > reached:
            gaps.append(Interval(reached, known.start))
        reached = max(reached, known.end)
    if reached < period.end:
        gaps.append(Interval(reached, period.end))
    return gaps


@dataclass(slots=True)
class _Stretch:
    """The shortest stretch of time that holds both sides' intervals whole."""

    end: datetime
    gave: Counted = field(default_factory=list)
    took: Counted = field(default_factory=list)


def _stretches(exported: Counted, imported: Counted) -> list[_Stretch]:
    found: list[_Stretch] = []
    both = [(period, wh, True) for period, wh in exported] + [(period, wh, False) for period, wh in imported]
    for period, watt_hours, is_source in sorted(both):
        if not found or period.start >= found[-1].end:
            found.append(_Stretch(period.end))
        stretch = found[-1]
        stretch.end = max(stretch.end, period.end)
        (stretch.gave if is_source else stretch.took).append((period, watt_hours))
    return found
