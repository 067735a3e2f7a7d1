"""How much was delivered by an instant, and at which price: the lesser of both sides, laid on the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple, TypeAlias

from degnode.bill_verifier.bands import WITHIN_FEE, Band
from degnode.bill_verifier.shares import Counted
from degnode.bill_verifier.statement import Json, exact
from kernel.interval import Interval

BandAt: TypeAlias = Callable[[datetime], Band]


class Agreed(NamedTuple):
    """The energy of a contract, in Wh, what was cut of it, and what a fee includes in the order of time."""

    contracted: int
    cut: int
    included: int | None = None


@dataclass(slots=True)
class Delivered:
    """Wh since the window began, in all and by band in the order in which they flowed."""

    included: int | None = None
    total: int = 0
    bands: dict[Band, int] = field(default_factory=dict)

    def lay(self, intervals: Counted, watt_hours: int, band_at: BandAt) -> None:
        """Lay so much on intervals of the source, the first of them first."""
        for period, counted in intervals:
            part = min(counted, watt_hours)
            if part:
                self._count(band_at(period.start), part)
                self.total += part
                watt_hours -= part

    def _count(self, band: Band, watt_hours: int) -> None:
        if self.included is not None:
            fee = Band(Decimal(0), label=WITHIN_FEE, period=band.period)
            within = min(watt_hours, self.included - self.bands.get(fee, 0))
            watt_hours -= within
            if within:
                self.bands[fee] = self.bands.get(fee, 0) + within
        if watt_hours:
            self.bands[band] = self.bands.get(band, 0) + watt_hours


@dataclass(frozen=True, slots=True)
class Way:
    """What of a watt-hour arrives, and whether a contract is of what arrives or of what is sent."""

    kept: Fraction
    is_arrived: bool

    def due_of_source(self, quantity: int) -> int:
        return ceil(quantity / self.kept) if self.is_arrived else quantity

    def due_of_target(self, quantity: int) -> int:
        return quantity if self.is_arrived else floor(quantity * self.kept)

    def arriving(self, sent: int) -> int:
        return floor(sent * self.kept)

    def billed(self, arrived: int) -> int:
        return arrived if self.is_arrived else ceil(arrived / self.kept)

    def billable(self, sent: Counted) -> Counted:
        """Return how much of each interval can be billed, all of them rounded as one."""
        if not self.is_arrived:
            return sent
        found: Counted = []
        before = 0
        for period, watt_hours in sent:
            now = before + watt_hours
            found.append((period, self.arriving(now) - self.arriving(before)))
            before = now
        return found


def way_of(terms: Json) -> Way:
    """Return what the terms say of losses."""
    losses = terms.get("losses", {"factor": "0", "billed": "ARRIVED"})
    return Way(1 - Fraction(exact(losses["factor"])), {"ARRIVED": True, "SENT": False}[losses["billed"]])


def delivered_by(
    exported: Counted,
    imported: Counted,
    *,
    agreed: Agreed,
    by_interval: bool,
    way: Way,
    until: datetime,
    band_at: BandAt,
) -> Delivered:
    """Return what was delivered by the end of `until`: at most what was agreed and not cut.

    Where intervals are matched, each side has as much to give or take as is contracted, matched or not, and
    whatever is cut of it.
    """
    delivered, most = Delivered(agreed.included), agreed.contracted - agreed.cut
    if not by_interval:
        source, target = (
            [(period, wh) for period, wh in side if period.end <= until] for side in (exported, imported)
        )
        arrived = min(way.arriving(total(source)), total(target), way.due_of_target(most))
        delivered.lay(way.billable(source), way.billed(arrived), band_at)
        return delivered
    to_give, to_take = way.due_of_source(agreed.contracted), way.due_of_target(agreed.contracted)
    for stretch in _stretches(exported, imported):
        if stretch.end <= until:
            gave, took = min(total(stretch.gave), to_give), min(total(stretch.took), to_take)
            to_give -= gave
            to_take -= took
            billed = min(way.billed(min(way.arriving(gave), took)), most - delivered.total)
            delivered.lay(way.billable(stretch.gave), billed, band_at)
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
