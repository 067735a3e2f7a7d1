"""What there is of a resource of the catalogue file: a quantity in all, or so much in each interval."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, Field

from bpp.catalog_entry import Entry, Kwh, WindowEntry, require_whole_watt_hours
from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from trading.availability.buckets import Bucket, in_order

MOST_INTERVALS: Final = 10_000
"""How many intervals one profile has at most: three months of quarters of an hour."""

KwhOrNone = Annotated[Decimal, Field(ge=0), AfterValidator(require_whole_watt_hours)]


class ProfileEntry(Entry):
    """So much energy from `start` until just before `end`."""

    start: AwareDatetime
    end: AwareDatetime
    kwh: KwhOrNone

    def to_domain(self) -> Bucket:
        interval = WindowEntry(start=self.start, end=self.end).to_domain()
        return Bucket(interval=interval, available=Energy.from_kwh(self.kwh))


Profile = Annotated[tuple[ProfileEntry, ...], Field(min_length=1, max_length=MOST_INTERVALS)]


def profile_of(entries: tuple[ProfileEntry, ...], production: Interval) -> tuple[Bucket, ...]:
    """Return a profile's intervals by their time. Raises: ValueError."""
    profile = in_order(entry.to_domain() for entry in entries)
    for bucket in profile:
        require_within(bucket, production)
    return profile


def require_within(bucket: Bucket, production: Interval) -> None:
    """Raises: ValueError, if part of a bucket lies outside the production."""
    interval = bucket.interval
    if interval is not None and interval.intersection(production) != interval:
        raise ValueError(
            f"the interval from {format_instant(interval.start)} until {format_instant(interval.end)} is not "
            "all within the production"
        )


def total_of(available_kwh: Kwh | None, profile: tuple[Bucket, ...]) -> Energy:
    """Return what there is in all. Raises: ValueError, if both or neither of them say it."""
    if (available_kwh is None) == (not profile):
        raise ValueError("a resource has either available_kwh or a profile: write one of them")
    if available_kwh is not None:
        return Energy.from_kwh(available_kwh)
    return sum((bucket.available for bucket in profile), ZERO_ENERGY)
