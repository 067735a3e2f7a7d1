"""What there is of a resource of the catalogue file: a quantity in all, or so much in each interval."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from bpp.catalog_file.entry import Entry, Kwh, WindowEntry, ZoneName, require_whole_watt_hours
from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from trading.availability.buckets import Bucket, in_order
from trading.availability.source import Forecasting, MeterRule
from trading.offer import DeliveryMode

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


class AvailabilityEntry(Entry):
    """Where it is known from how much there will be: from forecasts, or from the source's meter.

    `from: meter` forecasts `share_percent` of what the meter exported at the same hour of the clock of
    `zone`, on the mean of `over_days`, for the rest of the day and `ahead_days` more.
    """

    source: Annotated[Literal["forecast", "meter"], Field(alias="from")]
    share_percent: Annotated[Decimal, Field(gt=0, le=100)] | None = None
    over_days: Annotated[int, Field(ge=1, le=60)] = 7
    ahead_days: Annotated[int, Field(ge=1, le=14)] = 2
    zone: ZoneName | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        rule = {"share_percent", "over_days", "ahead_days", "zone"} & self.model_fields_set
        if self.source == "forecast" and rule:
            raise ValueError(f"only from: meter has {', '.join(sorted(rule))}")
        if self.source == "meter" and (self.share_percent is None or self.zone is None):
            raise ValueError("from: meter needs share_percent and zone")
        return self

    def to_domain(self) -> Forecasting:
        if self.share_percent is None or self.zone is None:
            return Forecasting()
        return Forecasting(
            by_meter=MeterRule(
                share_percent=self.share_percent,
                over_days=self.over_days,
                ahead_days=self.ahead_days,
                zone=self.zone,
            )
        )


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


def total_of(available_kwh: Kwh | None, profile: tuple[Bucket, ...], *, is_forecast: bool) -> Energy:
    """Return what there is in all; of what is forecast nothing is known yet.

    Raises: ValueError, if not exactly one of them says it.
    """
    if [available_kwh is not None, bool(profile), is_forecast].count(True) != 1:
        raise ValueError("a resource has one of available_kwh, profile and availability: write one of them")
    if available_kwh is not None:
        return Energy.from_kwh(available_kwh)
    return sum((bucket.available for bucket in profile), ZERO_ENERGY)


def check_availability(mode: DeliveryMode, entry: AvailabilityEntry | None) -> None:
    """Let only a meter be forecast that exports. Raises: ValueError."""
    if entry is not None and entry.source == "meter" and mode.is_metered_once:
        raise ValueError(f"energy by {mode} is taken at its meter, which exports nothing to forecast from")
