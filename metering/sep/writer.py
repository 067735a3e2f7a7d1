"""From mirror documents to XML bytes, in the order that the 2030.5 schema prescribes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from metering.documents import (
    MirrorMeterReading,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.sep.daylight import DaylightSaving
from metering.sep.elements import LEGACY_NAMESPACE, NAMESPACE

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def write_mirror_usage_point(usage_point: MirrorUsagePoint) -> bytes:
    """Return the document that tells a mirror of a meter and, if it holds any, its readings."""
    return _document("MirrorUsagePoint", _usage_point(usage_point))


def write_mirror_meter_reading(meter_reading: MirrorMeterReading) -> bytes:
    """Return the document that tells a mirror more readings of one register of a known meter."""
    return _document("MirrorMeterReading", _meter_reading(meter_reading))


def write_mirror_meter_reading_list(meter_readings: Iterable[MirrorMeterReading]) -> bytes:
    """Return the document that tells a mirror more readings of several registers of a known meter."""
    return _document("MirrorMeterReadingList", map(_meter_reading_element, meter_readings))


def write_mirror_usage_point_list(
    usage_points: Sequence[tuple[str, MirrorUsagePoint]], *, total: int, poll_rate: int
) -> bytes:
    """Return one page of a mirror's list: each meter with its href, `total` of them in all.

    Units: `poll_rate` in seconds.
    """
    return _document(
        "MirrorUsagePointList",
        (
            _element("MirrorUsagePoint", "".join(_usage_point(point)), href=href)
            for href, point in usage_points
        ),
        all=str(total),
        results=str(len(usage_points)),
        pollRate=str(poll_rate),
    )


def write_mirror_usage_point_resource(usage_point: MirrorUsagePoint, *, href: str) -> bytes:
    """Return a meter as a mirror shows it at its address."""
    return _document("MirrorUsagePoint", _usage_point(usage_point), href=href)


def write_device_capability(*, href: str, time: str, mirror: str, meters: int, poll_rate: int) -> bytes:
    """Return the document that a device begins with: where the time and the mirror's list are.

    Units: `poll_rate` in seconds; `meters` is how many the list holds for this device.
    """
    links = (
        _element("TimeLink", "", href=time),
        _element("MirrorUsagePointListLink", "", href=mirror, all=str(meters)),
    )
    return _document("DeviceCapability", links, href=href, pollRate=str(poll_rate))


def write_time(*, href: str, now: datetime, rule: DaylightSaving, quality: int, poll_rate: int) -> bytes:
    """Return the Time document; `quality` as 2030.5 counts it, 3 the best that it knows of."""
    local = _seconds(now) + rule.tz_offset + (rule.dst_offset if rule.is_on(now) else 0)
    return _document(
        "Time",
        (
            _simple("currentTime", _seconds(now)),
            _simple("dstEndTime", _seconds(rule.end)),
            _simple("dstOffset", rule.dst_offset),
            _simple("dstStartTime", _seconds(rule.start)),
            _simple("localTime", local),
            _simple("quality", quality),
            _simple("tzOffset", rule.tz_offset),
        ),
        href=href,
        pollRate=str(poll_rate),
    )


def write_error(reason_code: int, message: str, *, retry_after: int | None = None) -> bytes:
    """Return the Error document of 2030.5; `retry_after` in seconds, where waiting helps."""
    return _document(
        "Error",
        (
            _simple("maxRetryDuration", retry_after),
            _simple("reasonCode", reason_code),
            _simple("message", message),
        ),
    )


def in_legacy_namespace(document: bytes) -> bytes:
    """Return a document of this module as one of 2013, for a peer that knows no other."""
    return document.replace(NAMESPACE.encode(), LEGACY_NAMESPACE.encode(), 1)


def _seconds(at: datetime | None) -> int:
    return 0 if at is None else int(at.timestamp())


def _document(name: str, parts: Iterable[str], **attributes: str) -> bytes:
    return (_DECLARATION + _element(name, "".join(parts), xmlns=NAMESPACE, **attributes)).encode()


def _element(name: str, content: str, **attributes: str) -> str:
    written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{written}>{content}</{name}>"


def _simple(name: str, value: int | str | None) -> str:
    if value is None:
        return ""
    text = escape(value, {"\r": "&#13;"}) if isinstance(value, str) else str(value)
    return f"<{name}>{text}</{name}>"


def _hex16(name: str, bits: int | None) -> str:
    return "" if bits is None else f"<{name}>{bits:04X}</{name}>"


def _identity(mrid: str | None, description: str | None, version: int) -> str:
    return _simple("mRID", mrid) + _simple("description", description) + _simple("version", version or None)


def _usage_point(point: MirrorUsagePoint) -> Iterable[str]:
    yield _identity(point.mrid_as_sent, point.description, point.version)
    yield _hex16("roleFlags", point.role_flags)
    yield _simple("serviceCategoryKind", point.service_category_kind)
    yield _simple("status", point.status)
    yield _simple("deviceLFDI", point.device_lfdi or None)
    yield from map(_meter_reading_element, point.meter_readings)
    yield _simple("postRate", point.post_rate)


def _meter_reading_element(meter_reading: MirrorMeterReading) -> str:
    return _element("MirrorMeterReading", "".join(_meter_reading(meter_reading)))


def _meter_reading(meter_reading: MirrorMeterReading) -> Iterable[str]:
    yield _identity(meter_reading.mrid_as_sent, meter_reading.description, meter_reading.version)
    yield from map(_reading_set, meter_reading.reading_sets)
    if meter_reading.reading is not None:
        yield _reading(meter_reading.reading)
    if meter_reading.reading_type is not None:
        yield _reading_type(meter_reading.reading_type)


def _reading_set(reading_set: MirrorReadingSet) -> str:
    readings = "".join(map(_reading, reading_set.readings))
    return _element(
        "MirrorReadingSet",
        _identity(reading_set.mrid, None, reading_set.version) + _period(reading_set.time_period) + readings,
    )


def _period(period: TimePeriod | None) -> str:
    if period is None:
        return ""
    return f"<timePeriod><duration>{period.duration}</duration><start>{period.start}</start></timePeriod>"


def _reading(reading: Reading) -> str:
    return _element(
        "Reading",
        _simple("consumptionBlock", reading.consumption_block or None)
        + _hex16("qualityFlags", reading.quality_flags or None)
        + _period(reading.time_period)
        + _simple("touTier", reading.tou_tier or None)
        + _simple("value", reading.value)
        + _hex16("localID", reading.local_id),
    )


def _reading_type(kind: ReadingType) -> str:
    return _element(
        "ReadingType",
        _simple("accumulationBehaviour", kind.accumulation_behaviour)
        + _simple("commodity", kind.commodity)
        + _simple("dataQualifier", kind.data_qualifier)
        + _simple("flowDirection", kind.flow_direction)
        + _simple("intervalLength", kind.interval_length)
        + _simple("kind", kind.kind)
        + _simple("numberOfConsumptionBlocks", kind.number_of_consumption_blocks or None)
        + _simple("numberOfTouTiers", kind.number_of_tou_tiers or None)
        + _simple("phase", kind.phase or None)
        + _simple("powerOfTenMultiplier", kind.power_of_ten_multiplier)
        + _simple("uom", kind.uom),
    )
