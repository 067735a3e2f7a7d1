"""What the elements of a Green Button file say: reading types, and readings with their quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

from metering.documents import Reading, ReadingType, TimePeriod
from metering.quality import FROM_ESPI
from metering.sep.elements import (
    INT48,
    INT64,
    POWER_OF_TEN,
    UINT8,
    UINT16,
    UINT32,
    MeterDocumentMalformed,
    Whole,
    only_once,
    whole_of,
)

ESPI: Final = "http://naesb.org/espi"
ATOM: Final = "http://www.w3.org/2005/Atom"


ET.register_namespace("espi", ESPI)  # so that people can read what is written of a feed
ET.register_namespace("atom", ATOM)


def espi(name: str) -> str:
    """Return the tag of element `name` of ESPI."""
    return f"{{{ESPI}}}{name}"


def atom(name: str) -> str:
    """Return the tag of element `name` of Atom."""
    return f"{{{ATOM}}}{name}"


def _tags(*names: str) -> Mapping[str, str]:
    return {espi(name): name for name in names}


_WHOLE_METER_PHASES: Final = {225: 224, 769: 224}
"""A, B, C and N, and both legs of a split phase with N: nothing of the meter is left out."""
_TYPE_FIELDS: Final[Mapping[str, tuple[str, Whole]]] = {
    "accumulationBehaviour": ("accumulation_behaviour", UINT8),
    "commodity": ("commodity", UINT8),
    "dataQualifier": ("data_qualifier", UINT8),
    "flowDirection": ("flow_direction", UINT8),
    "intervalLength": ("interval_length", UINT32),
    "kind": ("kind", UINT8),
    "phase": ("phase", UINT16),
    "powerOfTenMultiplier": ("power_of_ten_multiplier", POWER_OF_TEN),
    "uom": ("uom", UINT16),
}
_TYPE: Final = _tags(*_TYPE_FIELDS, "defaultQuality")
_READING: Final = _tags("timePeriod", "value", "tou", "consumptionTier")
_PERIOD: Final = _tags("duration", "start")
_GREATEST_STORED: Final = 2**15 - 1


def read_reading_type(element: ET.Element) -> tuple[ReadingType, int]:
    """Return what readings of this type are, and the quality bits of those that state none.

    Raises: MeterDocumentRefused, in one of its kinds.
    """
    fields: dict[str, int] = {}
    default_quality = 0
    for name, child in only_once(element, _TYPE).items():
        if name == "defaultQuality":
            default_quality = FROM_ESPI.get(whole_of(child, UINT8), 0)
            continue
        field, kind = _TYPE_FIELDS[name]
        fields[field] = min(whole_of(child, kind), _GREATEST_STORED if kind is UINT16 else kind.greatest)
    phase = fields.get("phase", 0)
    fields["phase"] = _WHOLE_METER_PHASES.get(phase, phase)
    return ReadingType(**fields), default_quality


def read_interval(element: ET.Element, *, default_quality: int) -> Reading:
    """Return one reading of an interval block. Raises: MeterDocumentRefused, in one of its kinds."""
    once = only_once(element, _READING)
    return Reading(
        value=whole_of(once["value"], INT48) if "value" in once else None,
        time_period=_period(once["timePeriod"]) if "timePeriod" in once else None,
        quality_flags=_quality(element, default_quality),
        tou_tier=whole_of(once["tou"], UINT8) if "tou" in once else 0,
        consumption_block=whole_of(once["consumptionTier"], UINT8) if "consumptionTier" in once else 0,
    )


def _period(element: ET.Element) -> TimePeriod:
    once = only_once(element, _PERIOD)
    if len(once) < len(_PERIOD):
        raise MeterDocumentMalformed("timePeriod lacks its start or its duration", path="timePeriod")
    return TimePeriod(start=whole_of(once["start"], INT64), duration=whole_of(once["duration"], UINT32))


def _quality(element: ET.Element, default: int) -> int:
    stated = element.findall(f"{espi('ReadingQuality')}/{espi('quality')}")
    quality = 0
    for code in stated:
        quality |= FROM_ESPI.get(whole_of(code, UINT8), 0)
    return quality if stated else default
