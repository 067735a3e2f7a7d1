"""From XML bytes to mirror documents; elements in any order, unknown ones ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final
from xml.etree import ElementTree as ET

from metering.documents import (
    MirrorDocument,
    MirrorMeterReading,
    MirrorMeterReadings,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.mrid import MridInvalid, canonical_mrid
from metering.reading_columns import ReadingColumns
from metering.sep.document_moulds import Moulds
from metering.sep.elements import (
    INT48,
    INT64,
    POWER_OF_TEN,
    UINT8,
    UINT16,
    UINT32,
    MeterDocumentMalformed,
    MeterValueInvalid,
    Whole,
    check_size,
    hex16_of,
    local_name,
    names_to_tags,
    only_once,
    parse_document,
    qualified,
    text_of,
    there_twice,
    whole_of,
)
from metering.sep.plain_runs import MARK, lift_plain_runs

_IDENTITY: Final = ("mRID", "description", "version")
_PERIOD: Final = names_to_tags("duration", "start")
_READING: Final = names_to_tags(
    "consumptionBlock", "qualityFlags", "timePeriod", "touTier", "value", "localID"
)
_READING_SET: Final = names_to_tags(*_IDENTITY, "timePeriod")
_METER_READING: Final = names_to_tags(*_IDENTITY, "ReadingType")
_USAGE_POINT: Final = names_to_tags(
    *_IDENTITY, "deviceLFDI", "roleFlags", "serviceCategoryKind", "status", "postRate"
)
_TYPE_FIELDS: Final[Mapping[str, tuple[str, Whole]]] = {
    "accumulationBehaviour": ("accumulation_behaviour", UINT8),
    "commodity": ("commodity", UINT8),
    "dataQualifier": ("data_qualifier", UINT8),
    "flowDirection": ("flow_direction", UINT8),
    "intervalLength": ("interval_length", UINT32),
    "kind": ("kind", UINT8),
    "numberOfConsumptionBlocks": ("number_of_consumption_blocks", UINT8),
    "numberOfTouTiers": ("number_of_tou_tiers", UINT8),
    "phase": ("phase", UINT8),
    "powerOfTenMultiplier": ("power_of_ten_multiplier", POWER_OF_TEN),
    "uom": ("uom", UINT8),
}
_READING_TYPE: Final = names_to_tags(*_TYPE_FIELDS)
_TAG_READING: Final = qualified("Reading")
_TAG_RUN: Final = qualified(MARK)
_TAG_READING_SET: Final = qualified("MirrorReadingSet")
_TAG_METER_READING: Final = qualified("MirrorMeterReading")
_MOULDS: Final = Moulds()
_LFDI: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){0,20}")
Runs = Sequence[ReadingColumns]
"""The plain readings that were lifted out of a document, run by run."""


def read_mirror_document(raw: bytes, *, legacy: bool = False) -> MirrorDocument:
    """Return the document that `raw` holds: a MirrorUsagePoint, a MirrorMeterReading or a list of those.

    With `legacy` it may be in the namespace of 2013.
    Raises: MeterDocumentRefused, in one of its kinds.
    """
    check_size(raw)
    rest, runs = lift_plain_runs(raw)
    known = _MOULDS.fill(rest, runs, legacy=legacy)
    if known is not None:
        return known
    try:
        root = parse_document(rest, legacy=legacy)
    except MeterDocumentMalformed:
        root, runs = parse_document(raw, legacy=legacy), ()  # its complaint names places as they were sent
    document = _document(root, runs)
    _MOULDS.keep(document, rest, runs, legacy=legacy)
    return document


def _document(root: ET.Element, runs: Runs) -> MirrorDocument:
    if root.tag == qualified("MirrorUsagePoint"):
        return _usage_point(root, runs)
    if root.tag == _TAG_METER_READING:
        return MirrorMeterReadings(meter_readings=(_meter_reading(root, runs),))
    if root.tag == qualified("MirrorMeterReadingList"):
        return MirrorMeterReadings(meter_readings=_meter_readings(root, runs))
    raise MeterDocumentMalformed(
        f"{local_name(root)[:64]!r} is no document that a mirror takes",
        hint="Post a MirrorUsagePoint, a MirrorMeterReading or a MirrorMeterReadingList.",
    )


def _usage_point(element: ET.Element, runs: Runs) -> MirrorUsagePoint:
    once = only_once(element, _USAGE_POINT)
    mrid, as_sent = mrid_of(element, once)
    return MirrorUsagePoint(
        mrid=mrid,
        mrid_as_sent=as_sent,
        description=_text(once, "description"),
        version=_whole(once, "version", UINT16),
        device_lfdi=lfdi_of(once),
        role_flags=_hex16(once, "roleFlags") or 0,
        service_category_kind=_whole(once, "serviceCategoryKind", UINT8),
        status=_whole(once, "status", UINT8, default=1),
        meter_readings=_meter_readings(element, runs),
        post_rate=whole_of(once["postRate"], UINT32) if "postRate" in once else None,
    )


def _meter_readings(element: ET.Element, runs: Runs) -> tuple[MirrorMeterReading, ...]:
    return tuple(_meter_reading(child, runs) for child in element.iterfind(_TAG_METER_READING))


def _meter_reading(element: ET.Element, runs: Runs) -> MirrorMeterReading:
    once = only_once(element, _METER_READING)
    mrid, as_sent = mrid_of(element, once)
    return MirrorMeterReading(
        mrid=mrid,
        mrid_as_sent=as_sent,
        description=_text(once, "description"),
        version=_whole(once, "version", UINT16),
        reading_type=reading_type_of(once["ReadingType"]) if "ReadingType" in once else None,
        reading=_only_reading(element, runs),
        reading_sets=tuple(_reading_set(child, runs) for child in element.iterfind(_TAG_READING_SET)),
    )


def _only_reading(element: ET.Element, runs: Runs) -> Reading | None:
    readings = _readings(element, runs)
    if len(readings) > 1:
        raise there_twice(element, "Reading")
    return readings[0] if readings else None


def _readings(element: ET.Element, runs: Runs) -> Sequence[Reading]:
    """Return the readings inside `element` in their order; as columns, if they are one plain run."""
    parts: list[Sequence[Reading]] = []
    for child in element:
        if child.tag == _TAG_RUN and runs:  # without runs it is an element that the sender made up
            parts.append(runs[int(text_of(child))])
        elif child.tag == _TAG_READING:
            parts.append((reading_of(child),))
    return parts[0] if len(parts) == 1 else tuple(chain.from_iterable(parts))


def _reading_set(element: ET.Element, runs: Runs) -> MirrorReadingSet:
    once = only_once(element, _READING_SET)
    return MirrorReadingSet(
        mrid=mrid_of(element, once)[0] if "mRID" in once else None,
        version=_whole(once, "version", UINT16),
        time_period=time_period_of(once["timePeriod"]) if "timePeriod" in once else None,
        readings=_readings(element, runs),
    )


def reading_type_of(element: ET.Element) -> ReadingType:
    """Return what a ReadingType says. Raises: MeterDocumentMalformed, MeterValueInvalid."""
    fields = {}
    for name, child in only_once(element, _READING_TYPE).items():
        field, kind = _TYPE_FIELDS[name]
        fields[field] = whole_of(child, kind)
    return ReadingType(**fields)


def reading_of(element: ET.Element) -> Reading:
    """Return what a Reading says. Raises: MeterDocumentMalformed, MeterValueInvalid."""
    once = only_once(element, _READING)
    return Reading(
        value=whole_of(once["value"], INT48) if "value" in once else None,
        time_period=time_period_of(once["timePeriod"]) if "timePeriod" in once else None,
        quality_flags=_hex16(once, "qualityFlags") or 0,
        tou_tier=_whole(once, "touTier", UINT8),
        consumption_block=_whole(once, "consumptionBlock", UINT8),
        local_id=_hex16(once, "localID"),
    )


def time_period_of(element: ET.Element) -> TimePeriod:
    """Return what a DateTimeInterval says. Raises: MeterDocumentMalformed, MeterValueInvalid."""
    once = only_once(element, _PERIOD)
    if len(once) < len(_PERIOD):
        missing = next(name for name in _PERIOD.values() if name not in once)
        raise MeterDocumentMalformed(f"timePeriod has no {missing}", path="timePeriod")
    return TimePeriod(start=whole_of(once["start"], INT64), duration=whole_of(once["duration"], UINT32))


def mrid_of(element: ET.Element, once: Mapping[str, ET.Element]) -> tuple[str, str]:
    """Return the mRID among the children `once`, canonical and as sent.

    Raises: MeterDocumentMalformed, MeterValueInvalid.
    """
    path = f"{local_name(element)}/mRID"
    if "mRID" not in once:
        raise MeterDocumentMalformed("the mRID is missing", path=path)
    as_sent = text_of(once["mRID"])
    try:
        return canonical_mrid(as_sent), as_sent
    except MridInvalid as error:
        raise MeterValueInvalid(error.message, path=path, hint=error.hint) from error


def lfdi_of(once: Mapping[str, ET.Element]) -> str:
    """Return the deviceLFDI among the children `once`, upper case, or empty. Raises: MeterValueInvalid."""
    text = text_of(once["deviceLFDI"]) if "deviceLFDI" in once else ""
    if not _LFDI.fullmatch(text):
        raise MeterValueInvalid(f"{text[:48]!r} is no LFDI", path="deviceLFDI", hint="Write 40 hex digits.")
    return text.upper()


def _text(once: Mapping[str, ET.Element], name: str) -> str | None:
    return text_of(once[name]) if name in once else None


def _whole(once: Mapping[str, ET.Element], name: str, kind: Whole, *, default: int = 0) -> int:
    return whole_of(once[name], kind) if name in once else default


def _hex16(once: Mapping[str, ET.Element], name: str) -> int | None:
    return hex16_of(once[name]) if name in once else None
