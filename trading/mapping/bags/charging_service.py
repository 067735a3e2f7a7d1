"""EvChargingService: a connector that vehicles charge at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from schemas import iris
from trading.charging.connector import Connector, ConnectorType, PowerType
from trading.mapping.bags.location import write_location
from trading.mapping.find import Json, find_object, without_none
from trading.offer import DeliveryMode, EnergySource, Resource, SourceType

UNKNOWN_SOURCE: Final = EnergySource(
    source_type=SourceType.GRID, delivery_mode=DeliveryMode.EV_CHARGING, meter_id=""
)
"""What a ChargingService says of its energy: nothing."""

_TEXTS: Final = (
    ("evseId", "evse_id"),
    ("roamingNetwork", "roaming"),
    ("parkingType", "parking"),
    ("connectorFormat", "format"),
    ("chargingSpeed", "speed"),
    ("vehicleType", "vehicle"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """How much there is of something, and when."""

    available: Energy
    production: Interval


UNTOLD: Final = Supply(
    available=ZERO_ENERGY,
    production=Interval(datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)),
)
"""Of a service of which that is not said: no quantity, and always."""


def write_service(resource: Resource, connector: Connector) -> Json:
    """Return what is told of a connector as a ChargingService."""
    station = without_none(
        {
            "id": connector.station_id,
            "serviceLocation": resource.place
            and {"@type": "beckn:Location"} | write_location(resource.place),
        }
    )
    return {
        "@context": iris.CHARGING_SERVICE_CONTEXT,
        "@type": iris.CHARGING_SERVICE,
        "connectorType": connector.type.value,
        "maxPowerKW": connector.max_power,
        "reservationSupported": connector.reservable,
    } | without_none(
        {
            "minPowerKW": connector.min_power,
            "powerType": connector.power_type and connector.power_type.value,
            "chargingStation": station or None,
            "amenityFeature": list(connector.amenities) or None,
            **{key: getattr(connector, name) for key, name in _TEXTS},
        }
    )


def is_service(bag: Mapping[str, Any]) -> bool:
    """Say whether a bag tells of a connector, under whatever name peers give it."""
    return "connectorType" in bag


def read_service(bag: Mapping[str, Any]) -> Connector:
    """Return the connector that a ChargingService describes. Raises: LookupError, TypeError, ValueError."""
    power_type, least = bag.get("powerType"), bag.get("minPowerKW")
    station = find_object(bag, "chargingStation")
    return Connector(
        type=ConnectorType(bag["connectorType"]),
        max_power=Decimal(bag["maxPowerKW"]),
        min_power=None if least is None else Decimal(least),
        power_type=None if power_type is None else PowerType(power_type),
        reservable=bag.get("reservationSupported", True),
        station_id=station.get("id"),
        amenities=tuple(bag.get("amenityFeature", ())),
        **{name: bag.get(key) for key, name in _TEXTS},
    )
