"""A connector that vehicles charge at, as buyers are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class ConnectorType(StrEnum):
    """The plug (EvChargingService v1)."""

    CCS2 = "CCS2"
    TYPE2 = "Type2"
    CHADEMO = "CHAdeMO"
    GB_T = "GB_T"


class PowerType(StrEnum):
    """The kind of current (EvChargingService v1)."""

    AC_SINGLE_PHASE = "AC_SINGLE_PHASE"
    AC_3_PHASE = "AC_3_PHASE"
    DC = "DC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A plug of a station. Units: kW.

    What has no meaning here and some for drivers is text in the words of EvChargingService v1: the `format`
    of the cable, the `speed`, what kind of place `parking` is, which `vehicle` fits, `amenities` nearby.
    """

    type: ConnectorType
    max_power: Decimal
    min_power: Decimal | None = None
    power_type: PowerType | None = None
    reservable: bool = True
    station_id: str | None = None
    evse_id: str | None = None
    format: str | None = None
    speed: str | None = None
    parking: str | None = None
    vehicle: str | None = None
    roaming: str | None = None
    amenities: tuple[str, ...] = ()
