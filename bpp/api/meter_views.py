"""Meters and their readings as they are shown and asked for: over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from kernel.clock import format_instant
from kernel.errors import NodeError
from kernel.interval import Interval
from metering.completeness import DayCompleteness
from metering.energy import Direction
from metering.exports.pages import Row
from metering.power_store import PowerReading
from metering.quality import words_of
from metering.quarantine import QuarantinedReading
from metering.registration.exchanges import RegisterExchange
from metering.registration.overview import MeterOverview
from metering.registration.record import MeterIdentity, MeterRegistration, MeterRole, MeterTerms

Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class WindowInvalid(NodeError):
    """A window ends before it starts, or lies beyond the calendar."""

    code, http_status, retryable = "METER_WINDOW_INVALID", 422, False


class Way(StrEnum):
    """Which way energy flows, in words."""

    IMPORT = "import"
    EXPORT = "export"

    @property
    def direction(self) -> Direction:
        return Direction[self.name]


class MeterForm(BaseModel):
    """What is said of a meter; every version says all of it anew. Units: W, Wh, s."""

    model_config = ConfigDict(extra="forbid")

    mrid: str = Field(max_length=200, description="In any spelling, for example 100200300.")
    device_lfdi: str | None = Field(None, max_length=200, description="Needed where several devices use it.")
    external_ids: list[str] = Field([], description="How others call it, verbatim: M1, der://meter/7.")
    owner: str | None = None
    zone: str | None = Field(None, description="Time zone of its days, like Asia/Kolkata.")
    role: MeterRole = MeterRole.BOTH
    sanctioned_watts: int | None = None
    import_modulus: int | None = Field(None, description="Wh at which its import registers start again.")
    export_modulus: int | None = Field(None, description="Wh at which its export registers start again.")
    interval_seconds: int | None = None
    inverter_id: str | None = None
    valid_from: AwareDatetime | None = Field(None, description="From when this holds; now if empty.")
    why: Reason

    def meter(self) -> MeterIdentity:
        """Return which meter is meant. Raises: MridInvalid, MeterRegistrationInvalid."""
        return MeterIdentity.of(mrid=self.mrid, device_lfdi=self.device_lfdi)

    def terms(self) -> MeterTerms:
        """Return what is said of it."""
        said = self.model_dump(exclude={"mrid", "device_lfdi", "valid_from", "why", "external_ids"})
        return MeterTerms(**said, external_ids=tuple(self.external_ids))


class ExchangeForm(BaseModel):
    """That registers were reset or exchanged: no difference of stands spans that instant."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime
    direction: Way | None = Field(None, description="Whose registers; both if empty.")
    last_watt_hours: int | None = Field(None, description="What the old register showed at the end.")
    first_watt_hours: int | None = Field(None, description="What the new register showed at the start.")
    withdrawn: bool = Field(False, description="Whether this was said in error, and is not so.")
    why: Reason

    def exchanges(self) -> list[RegisterExchange]:
        """Return the exchange of each direction that is meant."""
        return [
            RegisterExchange(
                direction=way.direction,
                at=self.at,
                last=self.last_watt_hours,
                first=self.first_watt_hours,
                withdrawn=self.withdrawn,
            )
            for way in ([self.direction] if self.direction else Way)
        ]


class MeterView(BaseModel):
    """A version of what is registered of a meter. Units: W, Wh, s."""

    mrid: str
    device_lfdi: str | None
    version: int
    external_ids: list[str]
    owner: str | None
    zone: str | None
    role: str
    sanctioned_watts: int | None
    import_modulus: int | None
    export_modulus: int | None
    interval_seconds: int | None
    inverter_id: str | None
    valid_from: str
    recorded_at: str
    made_by: str
    why: str


class MeterPage(BaseModel):
    """Some meters by mRID, and what `after` goes on with; null: there are no more."""

    meters: list[MeterView]
    next: str | None


class ReportingView(BaseModel):
    """A device that reports under the mRID."""

    device_lfdi: str | None
    external_id: str = Field(description="The mRID as it was sent.")
    sender: str
    since: str


class ExchangeView(BaseModel):
    """That registers were reset or exchanged."""

    direction: str
    at: str
    last_watt_hours: int | None
    first_watt_hours: int | None


class MeterWhole(BaseModel):
    """All that is known of a meter."""

    mrid: str
    device_lfdi: str | None
    registration: MeterView | None = Field(description="What holds now.")
    history: list[MeterView]
    exchanges: list[ExchangeView]
    reporting: list[ReportingView]


def view_meter(item: MeterRegistration) -> MeterView:
    """Return a version of a registration as it is shown."""
    return MeterView(
        mrid=item.meter.mrid,
        device_lfdi=item.meter.device_lfdi,
        version=item.version,
        **item.terms.to_record(),
        valid_from=format_instant(item.valid_from),
        recorded_at=format_instant(item.recorded_at),
        made_by=item.made_by,
        why=item.why,
    )


def view_page(found: Sequence[MeterRegistration], *, limit: int) -> MeterPage:
    """Return a page of meters; one that is full may have another behind it."""
    last = found[-1].meter if len(found) == limit else None
    return MeterPage(
        meters=[view_meter(item) for item in found],
        next=None if last is None else f"{last.mrid}:{last.device_lfdi or ''}",
    )


def view_whole(overview: MeterOverview) -> MeterWhole:
    """Return all that is known of a meter as it is shown."""
    return MeterWhole(
        mrid=overview.meter.mrid,
        device_lfdi=overview.meter.device_lfdi,
        registration=None if overview.in_force is None else view_meter(overview.in_force),
        history=[view_meter(item) for item in overview.history],
        exchanges=[
            ExchangeView(
                direction=item.direction.name.lower(),
                at=format_instant(item.at),
                last_watt_hours=item.last,
                first_watt_hours=item.first,
            )
            for item in overview.exchanges
        ],
        reporting=[
            ReportingView(
                device_lfdi=item.device_lfdi or None,
                external_id=item.external_id,
                sender=item.sender,
                since=format_instant(item.since),
            )
            for item in overview.reporting
        ],
    )


def read_window(start: datetime, end: datetime) -> Interval:
    """Return the window between two instants. Raises: WindowInvalid."""
    try:
        return Interval(start, end)
    except ValueError as error:
        raise WindowInvalid(str(error), path="to", hint="Let `to` lie behind `from`.") from error


def write_quarantined(reading: QuarantinedReading) -> dict[str, Any]:
    """Return the reading as it was sent: value before its multiplier, times in seconds."""
    return {
        "register": reading.register,
        "value": reading.value,
        "start": reading.start,
        "duration": reading.duration,
        "reason": reading.doubt.reason.value,
        "sentence": reading.doubt.sentence,
    }


def write_row(row: Row) -> dict[str, Any]:
    """Return an interval's energy as it is told in JSON."""
    interval = row.interval
    return {
        "meter": row.meter,
        "start": format_instant(interval.period.start),
        "end": format_instant(interval.period.end),
        "watt_hours": interval.energy.watt_hours,
        "quality": write_quality(interval.quality),
        "revision": interval.revision,
        "received_at": None if interval.received_at is None else format_instant(interval.received_at),
    }


def write_quality(bits: int) -> dict[str, Any]:
    """Return a quality as bits and in words."""
    return {"bits": bits, "words": list(words_of(bits))}


def write_power(reading: PowerReading) -> dict[str, Any]:
    """Return power as it is told in JSON."""
    return {
        "register": reading.register,
        "start": format_instant(reading.start),
        "end": format_instant(reading.end),
        "watts": reading.watts,
        "flow_direction": reading.direction,
        "phase": reading.phase,
        "data_qualifier": reading.qualifier,
        "quality": write_quality(reading.quality),
        "revision": reading.revision,
        "received_at": format_instant(reading.received_at),
    }


def write_completeness(found: DayCompleteness) -> dict[str, Any]:
    """Return how complete a day is as it is told in JSON."""
    return {
        "date": found.day.date.isoformat(),
        "start": format_instant(found.day.period.start),
        "end": format_instant(found.day.period.end),
        "direction": found.direction.name.lower(),
        "interval_seconds": found.interval_seconds,
        "expected": found.expected,
        "measured": found.measured,
        "estimated": found.estimated,
        "missing": found.missing,
    }


FORMATS: Final = ("json", "csv", "parquet")
