"""EnergyResource: what kind of energy there is, from which meter, how much and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.energy import Energy
from schemas import iris
from trading.mapping.bags.amounts import read_span, write_span
from trading.mapping.bags.charging_service import (
    UNKNOWN_SOURCE,
    UNTOLD,
    Supply,
    is_service,
    read_service,
    write_service,
)
from trading.mapping.find import Json
from trading.offer import Certification, DeliveryMode, EnergySource, Resource, SourceType
from trading.place import Place


def write_resource(resource: Resource) -> Json:
    """Return what is told of a resource as an EnergyResource; of a connector, as a ChargingService."""
    if resource.connector is not None:
        return write_service(resource, resource.connector)
    source = resource.source
    bag: Json = {
        "@context": iris.ENERGY_RESOURCE_CONTEXT,
        "@type": iris.ENERGY_RESOURCE,
        "sourceType": source.source_type.value,
        "deliveryMode": source.delivery_mode.value,
        "meterId": source.meter_id,
        "availableQuantity": resource.available.kilowatt_hours,
        "productionWindow": write_span(resource.production),
    }
    if source.inverter_id:
        bag["inverterId"] = source.inverter_id
    if source.certification is not None:
        bag["certificationStatus"] = source.certification.status
        if source.certification.certificates:
            bag["sourceVerification"] = {"certificates": list(source.certification.certificates)}
    return bag


def read_resource(
    bag: Mapping[str, Any],
    *,
    resource_id: str,
    name: str,
    provider_id: str,
    place: Place | None = None,
    beside: Supply = UNTOLD,
) -> Resource:
    """Return the resource that an EnergyResource or a ChargingService describes.

    `beside` is what the wire has elsewhere of how much there is and when: a ChargingService does not say it.
    Raises: LookupError, TypeError, ValueError.
    """
    if is_service(bag):
        return Resource(
            id=resource_id,
            provider_id=provider_id,
            name=name,
            source=UNKNOWN_SOURCE,
            available=beside.available,
            production=beside.production,
            place=place,
            connector=read_service(bag),
        )
    return Resource(
        id=resource_id,
        provider_id=provider_id,
        name=name,
        source=EnergySource(
            source_type=SourceType(bag["sourceType"]),
            delivery_mode=DeliveryMode(bag["deliveryMode"]),
            meter_id=bag["meterId"],
            inverter_id=bag.get("inverterId"),
            certification=_read_certification(bag),
        ),
        available=Energy.from_kwh(bag["availableQuantity"]),
        production=read_span(bag["productionWindow"]),
        place=place,
    )


def _read_certification(bag: Mapping[str, Any]) -> Certification | None:
    if "certificationStatus" not in bag:
        return None
    certificates = bag.get("sourceVerification", {}).get("certificates", ())
    return Certification(status=bag["certificationStatus"], certificates=tuple(certificates))
