"""Our mirror documents against those of `envoy-schema`, both ways, equal as numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from envoy_schema.server.schema.sep2.device_capability import DeviceCapabilityResponse
from envoy_schema.server.schema.sep2.error import ErrorResponse
from envoy_schema.server.schema.sep2.metering import Reading as EnvoyReading
from envoy_schema.server.schema.sep2.metering import ReadingType as EnvoyReadingType
from envoy_schema.server.schema.sep2.metering_mirror import (
    MirrorMeterReading as EnvoyMeterReading,
)
from envoy_schema.server.schema.sep2.metering_mirror import (
    MirrorMeterReadingListRequest,
    MirrorMeterReadingRequest,
    MirrorUsagePointListResponse,
    MirrorUsagePointRequest,
)
from envoy_schema.server.schema.sep2.metering_mirror import (
    MirrorReadingSet as EnvoyReadingSet,
)
from envoy_schema.server.schema.sep2.metering_mirror import (
    MirrorUsagePoint as EnvoyUsagePoint,
)
from envoy_schema.server.schema.sep2.time import TimeResponse
from envoy_schema.server.schema.sep2.types import (
    AccumulationBehaviourType,
    CommodityType,
    DataQualifierType,
    DateTimeIntervalType,
    FlowDirectionType,
    KindType,
    PhaseCode,
    ServiceKind,
    TimeQualityType,
    UomType,
)
from hypothesis import given
from hypothesis import strategies as st

from metering.documents import (
    MirrorMeterReading,
    MirrorMeterReadings,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.sep.daylight import daylight_saving
from metering.sep.elements import LEGACY_NAMESPACE, NAMESPACE, MeterDocumentMalformed
from metering.sep.reader import read_mirror_document
from metering.sep.writer import (
    write_device_capability,
    write_error,
    write_mirror_meter_reading,
    write_mirror_meter_reading_list,
    write_mirror_usage_point,
    write_mirror_usage_point_list,
    write_mirror_usage_point_resource,
    write_time,
)

_MRIDS = st.integers(1, 2**128 - 1).map(lambda number: f"{number:032X}")
_SMALL = st.integers(0, 15)
_YEAR_2000, _YEAR_2100 = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001  in UTC, where they are used
_TEXT = st.none() | st.from_regex(r"[A-Za-z0-9<&>\"' ]{1,20}[a-z]", fullmatch=True).map(str.strip)

_READINGS = st.builds(
    Reading,
    value=st.integers(-(2**47), 2**47),
    time_period=st.builds(TimePeriod, start=st.integers(0, 2**40), duration=st.integers(0, 2**32 - 1)),
    quality_flags=st.integers(0, 127),
    tou_tier=_SMALL,
    consumption_block=_SMALL,
    local_id=st.integers(0, 2**16 - 1),
)
_READING_TYPES = st.builds(
    ReadingType,
    accumulation_behaviour=st.sampled_from([item.value for item in AccumulationBehaviourType]),
    commodity=st.sampled_from([item.value for item in CommodityType]),
    data_qualifier=st.sampled_from([item.value for item in DataQualifierType]),
    flow_direction=st.sampled_from([item.value for item in FlowDirectionType]),
    interval_length=st.none() | st.integers(0, 2**32 - 1),
    kind=st.sampled_from([item.value for item in KindType]),
    number_of_consumption_blocks=_SMALL,
    number_of_tou_tiers=_SMALL,
    phase=st.sampled_from([item.value for item in PhaseCode]),
    power_of_ten_multiplier=st.integers(-9, 9),
    uom=st.sampled_from([item.value for item in UomType]),
)
_READING_SETS = st.builds(
    MirrorReadingSet,
    mrid=_MRIDS,
    readings=st.lists(_READINGS, min_size=1, max_size=3).map(tuple),
    time_period=st.builds(TimePeriod, start=st.integers(0, 2**40), duration=st.integers(0, 2**32 - 1)),
)


@st.composite
def _registers(draw: st.DrawFn) -> MirrorMeterReading:
    mrid = draw(_MRIDS)
    return MirrorMeterReading(
        mrid=mrid,
        mrid_as_sent=mrid,
        description=draw(_TEXT),
        reading_type=draw(st.none() | _READING_TYPES),
        reading=draw(st.none() | _READINGS),
        reading_sets=tuple(draw(st.lists(_READING_SETS, max_size=2))),
    )


@st.composite
def _meters(draw: st.DrawFn) -> MirrorUsagePoint:
    mrid = draw(_MRIDS)
    return MirrorUsagePoint(
        mrid=mrid,
        mrid_as_sent=mrid,
        device_lfdi=draw(st.binary(min_size=20, max_size=20)).hex().upper(),
        role_flags=draw(st.integers(0, 127)),
        service_category_kind=draw(st.sampled_from([item.value for item in ServiceKind])),
        status=draw(st.integers(0, 1)),
        description=draw(_TEXT),
        meter_readings=tuple(draw(st.lists(_registers(), max_size=2))),
        post_rate=draw(st.none() | st.integers(0, 2**32 - 1)),
    )


def _to_envoy_reading(taken: Reading) -> EnvoyReading:
    assert taken.time_period is not None
    return EnvoyReading.model_validate(
        {
            "consumptionBlock": taken.consumption_block,
            "qualityFlags": f"{taken.quality_flags:04X}",
            "timePeriod": DateTimeIntervalType(
                duration=taken.time_period.duration, start=taken.time_period.start
            ),
            "touTier": taken.tou_tier,
            "value": taken.value,
            "localID": f"{taken.local_id:04X}",
        }
    )


def _to_envoy_type(kind: ReadingType) -> EnvoyReadingType:
    return EnvoyReadingType.model_validate(
        {
            "accumulationBehaviour": kind.accumulation_behaviour,
            "commodity": kind.commodity,
            "dataQualifier": kind.data_qualifier,
            "flowDirection": kind.flow_direction,
            "intervalLength": kind.interval_length,
            "kind": kind.kind,
            "numberOfConsumptionBlocks": kind.number_of_consumption_blocks,
            "numberOfTouTiers": kind.number_of_tou_tiers,
            "phase": kind.phase,
            "powerOfTenMultiplier": kind.power_of_ten_multiplier,
            "uom": kind.uom,
        }
    )


def _register_fields(ours: MirrorMeterReading) -> dict[str, Any]:
    sets = [
        EnvoyReadingSet.model_validate(
            {
                "mRID": item.mrid,
                "timePeriod": DateTimeIntervalType(
                    duration=item.time_period.duration, start=item.time_period.start
                ),
                "readings": [_to_envoy_reading(taken) for taken in item.readings],
            }
        )
        for item in ours.reading_sets
        if item.time_period is not None
    ]
    return {
        "mRID": ours.mrid,
        "description": ours.description,
        "readingType": _to_envoy_type(ours.reading_type) if ours.reading_type else None,
        "reading": _to_envoy_reading(ours.reading) if ours.reading else None,
        "mirrorReadingSets": sets or None,
    }


def _to_envoy(ours: MirrorUsagePoint) -> MirrorUsagePointRequest:
    return MirrorUsagePointRequest.model_validate(
        {
            "mRID": ours.mrid,
            "description": ours.description,
            "deviceLFDI": ours.device_lfdi,
            "roleFlags": f"{ours.role_flags:04X}",
            "serviceCategoryKind": ours.service_category_kind,
            "status": ours.status,
            "postRate": ours.post_rate,
            "mirrorMeterReadings": [
                EnvoyMeterReading(**_register_fields(item)) for item in ours.meter_readings
            ],
        }
    )


def _to_xml(
    theirs: MirrorUsagePointRequest | MirrorMeterReadingRequest | MirrorMeterReadingListRequest,
) -> bytes:
    written = theirs.to_xml(skip_empty=False, exclude_none=True, exclude_unset=True)
    return written if isinstance(written, bytes) else written.encode()


def _numbers_of_reading(theirs: EnvoyReading | None) -> Reading | None:
    if theirs is None:
        return None
    assert theirs.timePeriod is not None
    return Reading(
        value=theirs.value,
        time_period=TimePeriod(start=theirs.timePeriod.start, duration=theirs.timePeriod.duration),
        quality_flags=int(theirs.qualityFlags or "0", 16),
        tou_tier=theirs.touTier or 0,
        consumption_block=theirs.consumptionBlock or 0,
        local_id=None if theirs.localID is None else int(theirs.localID, 16),
    )


def _numbers_of_type(theirs: EnvoyReadingType | None) -> ReadingType | None:
    if theirs is None:
        return None
    return ReadingType(
        accumulation_behaviour=theirs.accumulationBehaviour or 0,
        commodity=theirs.commodity or 0,
        data_qualifier=theirs.dataQualifier or 0,
        flow_direction=theirs.flowDirection or 0,
        interval_length=theirs.intervalLength,
        kind=theirs.kind or 0,
        number_of_consumption_blocks=theirs.numberOfConsumptionBlocks or 0,
        number_of_tou_tiers=theirs.numberOfTouTiers or 0,
        phase=theirs.phase or 0,
        power_of_ten_multiplier=theirs.powerOfTenMultiplier or 0,
        uom=theirs.uom or 0,
    )


def _assert_same_register(theirs: EnvoyMeterReading, ours: MirrorMeterReading) -> None:
    assert int(theirs.mRID, 16) == int(ours.mrid, 16)
    assert theirs.description == ours.description
    assert _numbers_of_type(theirs.readingType) == ours.reading_type
    assert _numbers_of_reading(theirs.reading) == ours.reading
    for their_set, our_set in zip(theirs.mirrorReadingSets or [], ours.reading_sets, strict=True):
        assert int(their_set.mRID, 16) == int(our_set.mrid or "0", 16)
        numbers = [_numbers_of_reading(taken) for taken in their_set.readings or []]
        assert numbers == list(our_set.readings)


@given(_meters())
def test_what_envoy_writes_we_read(told: MirrorUsagePoint) -> None:
    assert read_mirror_document(_to_xml(_to_envoy(told))) == told


@given(_meters())
def test_what_envoy_writes_we_read_in_the_namespace_of_2013_too(told: MirrorUsagePoint) -> None:
    old = _to_xml(_to_envoy(told)).replace(NAMESPACE.encode(), LEGACY_NAMESPACE.encode())
    assert read_mirror_document(old, legacy=True) == told
    with pytest.raises(MeterDocumentMalformed, match="namespace of 2013"):
        read_mirror_document(old)


@given(st.lists(_registers(), max_size=3))
def test_lists_of_registers_go_both_ways(told: list[MirrorMeterReading]) -> None:
    theirs = MirrorMeterReadingListRequest(
        mirrorMeterReadings=[EnvoyMeterReading(**_register_fields(item)) for item in told]
    )
    assert read_mirror_document(_to_xml(theirs)) == MirrorMeterReadings(meter_readings=tuple(told))
    listed = MirrorMeterReadingListRequest.from_xml(write_mirror_meter_reading_list(told))
    for one, other in zip(listed.mirrorMeterReadings or [], told, strict=True):
        _assert_same_register(one, other)


def _assert_same_meter(theirs: EnvoyUsagePoint, told: MirrorUsagePoint) -> None:
    assert int(theirs.mRID, 16) == int(told.mrid, 16)
    assert (str(theirs.deviceLFDI), int(theirs.roleFlags, 16)) == (told.device_lfdi, told.role_flags)
    assert (theirs.serviceCategoryKind, theirs.status) == (told.service_category_kind, told.status)
    assert (theirs.description, theirs.postRate) == (told.description, told.post_rate)
    for one, other in zip(theirs.mirrorMeterReadings or [], told.meter_readings, strict=True):
        _assert_same_register(one, other)


@given(_meters())
def test_what_we_write_envoy_reads(told: MirrorUsagePoint) -> None:
    _assert_same_meter(MirrorUsagePointRequest.from_xml(write_mirror_usage_point(told)), told)


@given(_registers())
def test_registers_alone_go_both_ways_too(told: MirrorMeterReading) -> None:
    theirs = MirrorMeterReadingRequest(**_register_fields(told))
    assert read_mirror_document(_to_xml(theirs)) == MirrorMeterReadings(meter_readings=(told,))
    _assert_same_register(MirrorMeterReadingRequest.from_xml(write_mirror_meter_reading(told)), told)


@given(st.lists(_meters(), max_size=3), st.integers(0, 2**16 - 1), st.integers(1, 2**32 - 1))
def test_envoy_reads_our_list_of_meters(told: list[MirrorUsagePoint], total: int, poll_rate: int) -> None:
    hrefs = [f"/mup/{number}" for number, _ in enumerate(told)]
    raw = write_mirror_usage_point_list(list(zip(hrefs, told, strict=True)), total=total, poll_rate=poll_rate)
    theirs = MirrorUsagePointListResponse.from_xml(raw)
    assert (theirs.all_, theirs.results, theirs.pollRate) == (total, len(told), poll_rate)
    assert [point.href for point in theirs.mirrorUsagePoints] == hrefs
    for one, other in zip(theirs.mirrorUsagePoints, told, strict=True):
        _assert_same_meter(one, other)


@given(_meters())
def test_envoy_reads_our_meter_at_its_address(told: MirrorUsagePoint) -> None:
    theirs = MirrorUsagePointRequest.from_xml(write_mirror_usage_point_resource(told, href="/mup/7"))
    assert theirs.href == "/mup/7"
    _assert_same_meter(theirs, told)


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_envoy_reads_what_our_mirror_is_capable_of(meters: int, poll_rate: int) -> None:
    theirs = DeviceCapabilityResponse.from_xml(
        write_device_capability(href="/dcap", time="/tm", mirror="/mup", meters=meters, poll_rate=poll_rate)
    )
    assert (theirs.href, theirs.pollRate) == ("/dcap", poll_rate)
    assert theirs.TimeLink is not None
    assert theirs.MirrorUsagePointListLink is not None
    assert theirs.TimeLink.href == "/tm"
    assert (theirs.MirrorUsagePointListLink.href, theirs.MirrorUsagePointListLink.all_) == ("/mup", meters)
    assert theirs.EndDeviceListLink is None


@given(
    st.datetimes(timezones=st.just(UTC), min_value=_YEAR_2000, max_value=_YEAR_2100),
    st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe"]),
    st.sampled_from(TimeQualityType),
)
def test_envoy_reads_our_time(now: datetime, zone: str, quality: TimeQualityType) -> None:
    rule = daylight_saving(ZoneInfo(zone), now=now)
    theirs = TimeResponse.from_xml(write_time(href="/tm", now=now, rule=rule, quality=quality, poll_rate=900))
    assert (theirs.currentTime, theirs.quality) == (int(now.timestamp()), quality)
    assert (theirs.tzOffset, theirs.dstOffset) == (rule.tz_offset, rule.dst_offset)
    assert theirs.localTime is not None
    on_the_wall = now.astimezone(ZoneInfo(zone)).utcoffset()
    assert timedelta(seconds=theirs.localTime - theirs.currentTime) == on_the_wall
    if rule.start is not None and rule.end is not None:
        season = int(rule.start.timestamp()), int(rule.end.timestamp())
        assert (theirs.dstStartTime, theirs.dstEndTime) == season


@given(st.integers(0, 4), st.none() | st.integers(1, 2**16 - 1))
def test_envoy_reads_our_refusals(reason: int, wait: int | None) -> None:
    theirs = ErrorResponse.from_xml(write_error(reason, "a < b & c", retry_after=wait))
    assert (theirs.reasonCode, theirs.message, theirs.maxRetryDuration) == (reason, "a < b & c", wait)
