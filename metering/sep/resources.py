"""What a utility's server holds, as read from it: links, lists, meters, registers, sets of readings.

Source: IEEE 2030.5 Metering function set. Every read says which document it expects; another one in its
place, as where a link leads back to where one came from, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from metering.documents import MirrorReadingSet, MirrorUsagePoint, Reading, ReadingType, TimePeriod
from metering.sep.elements import (
    INT64,
    UINT8,
    UINT16,
    UINT32,
    MeterDocumentMalformed,
    hex16_of,
    local_name,
    names_to_tags,
    only_once,
    parse_document,
    qualified,
    text_of,
    whole_of,
)
from metering.sep.reader import lfdi_of, mrid_of, reading_of, reading_type_of, time_period_of

TIME_UNCOORDINATED: Final = 7
"""Source: IEEE 2030.5 Time.quality: the server's clock is set by nobody."""
_SUBSCRIBABLE: Final = frozenset({"1", "3"})
"""Without condition, and with or without. Source: IEEE 2030.5 SubscribableResource."""
_USAGE_POINT: Final = names_to_tags(
    "mRID", "description", "version", "roleFlags", "serviceCategoryKind", "status", "deviceLFDI"
)
_METER_READING: Final = names_to_tags("mRID", "version")
_READING_SET: Final = names_to_tags("mRID", "version", "timePeriod")
_END_DEVICE: Final = names_to_tags("lFDI")
_TIME: Final = names_to_tags("currentTime", "quality")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A document as it came, and what its root says of it; hrefs are as written, not resolved."""

    root: ET.Element
    links: Mapping[str, str]
    poll_rate: int | None
    is_subscribable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceList(Resource):
    """One page of a list: `total` is how many there are in all, where the server says so."""

    items: tuple[ET.Element, ...]
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedMeter:
    """A UsagePoint: the meter as a document without registers, and where its registers are."""

    point: MirrorUsagePoint
    registers: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRegister:
    """A MeterReading: one register of a meter, and where its type, its sets and its last reading are."""

    mrid: str
    mrid_as_sent: str
    version: int
    reading_type: str | None
    reading_sets: str | None
    reading: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSet:
    """A ReadingSet: when it is about, and where its readings are."""

    mrid: str | None
    version: int
    time_period: TimePeriod | None
    readings: str | None

    def holding(self, readings: tuple[Reading, ...]) -> MirrorReadingSet:
        """Return the set with `readings` in it, as documents have it."""
        return MirrorReadingSet(
            mrid=self.mrid, version=self.version, time_period=self.time_period, readings=readings
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedDevice:
    """An EndDevice: `lfdi` upper case or empty, and what it may ask for."""

    lfdi: str
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTime:
    """The server's clock. Units: seconds since 1970 UTC."""

    current: int
    quality: int


def read_resource(raw: bytes, name: str, *, legacy: bool = False) -> Resource:
    """Return the document `raw`, which must be a `name`. Raises: MeterDocumentRefused in one of its kinds."""
    root = _root(raw, name, legacy=legacy)
    return Resource(
        root=root,
        links=links_of(root),
        poll_rate=_whole_attribute(root, "pollRate"),
        is_subscribable=root.get("subscribable") in _SUBSCRIBABLE,
    )


def read_list(raw: bytes, name: str, *, legacy: bool = False) -> ResourceList:
    """Return the page `raw` of a `name`List. Raises: MeterDocumentRefused in one of its kinds."""
    root = _root(raw, f"{name}List", legacy=legacy)
    return ResourceList(
        root=root,
        links={},
        poll_rate=_whole_attribute(root, "pollRate"),
        is_subscribable=root.get("subscribable") in _SUBSCRIBABLE,
        items=tuple(root.iterfind(qualified(name))),
        total=_whole_attribute(root, "all"),
    )


def links_of(element: ET.Element) -> dict[str, str]:
    """Return the href of every link of a resource by the link's name, the first where one is repeated."""
    links: dict[str, str] = {}
    for child in element:
        href = child.get("href")
        if href and local_name(child).endswith("Link"):
            links.setdefault(local_name(child), href)
    return links


def meter_of(element: ET.Element) -> ServedMeter:
    """Return the meter that a UsagePoint is. Raises: MeterDocumentMalformed, MeterValueInvalid."""
    once = only_once(element, _USAGE_POINT)
    mrid, as_sent = mrid_of(element, once)
    point = MirrorUsagePoint(
        mrid=mrid,
        mrid_as_sent=as_sent,
        description=text_of(once["description"]) if "description" in once else None,
        version=whole_of(once["version"], UINT16) if "version" in once else 0,
        device_lfdi=lfdi_of(once),
        role_flags=hex16_of(once["roleFlags"]) if "roleFlags" in once else 0,
        service_category_kind=_service(once),
        status=whole_of(once["status"], UINT8) if "status" in once else 1,
    )
    return ServedMeter(point=point, registers=links_of(element).get("MeterReadingListLink"))


def register_of(element: ET.Element) -> ServedRegister:
    """Return the register that a MeterReading is. Raises: MeterDocumentMalformed, MeterValueInvalid."""
    once = only_once(element, _METER_READING)
    mrid, as_sent = mrid_of(element, once)
    links = links_of(element)
    return ServedRegister(
        mrid=mrid,
        mrid_as_sent=as_sent,
        version=whole_of(once["version"], UINT16) if "version" in once else 0,
        reading_type=links.get("ReadingTypeLink"),
        reading_sets=links.get("ReadingSetListLink"),
        reading=links.get("ReadingLink"),
    )


def set_of(element: ET.Element) -> ServedSet:
    """Return what a ReadingSet says of itself. Raises: MeterDocumentMalformed, MeterValueInvalid."""
    once = only_once(element, _READING_SET)
    return ServedSet(
        mrid=mrid_of(element, once)[0] if "mRID" in once else None,
        version=whole_of(once["version"], UINT16) if "version" in once else 0,
        time_period=time_period_of(once["timePeriod"]) if "timePeriod" in once else None,
        readings=links_of(element).get("ReadingListLink"),
    )


def device_of(element: ET.Element) -> ServedDevice:
    """Return what an EndDevice says. Raises: MeterDocumentMalformed."""
    once = only_once(element, _END_DEVICE)
    lfdi = text_of(once["lFDI"]).upper() if "lFDI" in once else ""
    return ServedDevice(lfdi=lfdi, links=links_of(element))


def read_reading_type(raw: bytes, *, legacy: bool = False) -> ReadingType:
    """Return the ReadingType `raw`. Raises: MeterDocumentRefused in one of its kinds."""
    return reading_type_of(_root(raw, "ReadingType", legacy=legacy))


def read_reading(raw: bytes, *, legacy: bool = False) -> Reading:
    """Return the Reading `raw`. Raises: MeterDocumentRefused in one of its kinds."""
    return reading_of(_root(raw, "Reading", legacy=legacy))


def read_time(raw: bytes, *, legacy: bool = False) -> ServedTime:
    """Return the Time `raw`. Raises: MeterDocumentRefused in one of its kinds."""
    root = _root(raw, "Time", legacy=legacy)
    once = only_once(root, _TIME)
    if len(once) < len(_TIME):
        raise MeterDocumentMalformed("the Time has no currentTime or no quality", path="Time")
    return ServedTime(current=whole_of(once["currentTime"], INT64), quality=whole_of(once["quality"], UINT8))


def _root(raw: bytes, name: str, *, legacy: bool) -> ET.Element:
    root = parse_document(raw, legacy=legacy)
    if root.tag != qualified(name):
        raise MeterDocumentMalformed(
            f"a {name} was asked for, and a {local_name(root)[:64]} came",
            hint="A link of the server leads to something else than it says.",
        )
    return root


def _service(once: Mapping[str, ET.Element]) -> int:
    return whole_of(once["serviceCategoryKind"], UINT8) if "serviceCategoryKind" in once else 0


def _whole_attribute(root: ET.Element, name: str) -> int | None:
    """Return the whole number in an attribute, or None where it is missing or none."""
    text = root.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    return min(int(text), UINT32.greatest)
