"""EnergyTradeDelivery: what has come of a contract so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from kernel.clock import format_instant, parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from schemas import iris
from trading.contract import Contract
from trading.delivery import (
    Cut,
    Delivery,
    DeliveryStatus,
    MeterReadingView,
    Metric,
    MetricName,
    TelemetryEvent,
)
from trading.mapping.bags.charging_session import is_session, read_session, write_session
from trading.mapping.bags.stall_session import is_ledger, read_ledger
from trading.mapping.find import Json
from trading.offer import DeliveryMode


def write_delivery(contract: Contract, delivery: Delivery) -> Json:
    """Return the delivery as an EnergyTradeDelivery, that of a session as a ChargingSession."""
    if delivery.session is not None:
        return write_session(contract, delivery, delivery.session)
    bag: Json = {
        "@context": iris.ENERGY_TRADE_DELIVERY_CONTEXT,
        "@type": iris.ENERGY_TRADE_DELIVERY,
        "deliveryStatus": delivery.status.value,
        "deliveryMode": contract.source.delivery_mode.value,
        "deliveredQuantity": delivery.delivered.kilowatt_hours,
        "deliveryStartTime": format_instant(delivery.window.start),
        "deliveryEndTime": format_instant(delivery.window.end) if delivery.ended else None,
        "meterReadings": [_reading(row) for row in delivery.readings],
        "lastUpdated": format_instant(contract.updated_at),
    }
    if delivery.telemetry:
        bag["telemetry"] = [_event(event) for event in delivery.telemetry]
    cycle = delivery.settlement_cycle_id
    return bag | ({"settlementCycleId": cycle} if cycle else {})


def read_delivery(bag: Mapping[str, Any], *, window: Interval, cut: Cut | None) -> Delivery:
    """Return what an EnergyTradeDelivery says; `window` is the contract's, `cut` what is told beside it.

    Raises: LookupError, TypeError, ValueError.
    """
    if is_ledger(bag):
        return replace(read_ledger(bag, window=window), cut=cut)
    if is_session(bag):
        return replace(read_session(bag, window=window), cut=cut)
    end = bag["deliveryEndTime"]
    return Delivery(
        status=DeliveryStatus(bag["deliveryStatus"]),
        delivered=Energy.from_kwh(bag["deliveredQuantity"]),
        window=Interval(parse_instant(bag["deliveryStartTime"]), parse_instant(end) if end else window.end),
        ended=end is not None,
        readings=tuple(_read_reading(row) for row in bag.get("meterReadings", [])),
        telemetry=tuple(_read_event(event) for event in bag.get("telemetry", [])),
        settlement_cycle_id=bag.get("settlementCycleId"),
        cut=cut,
    )


def mode_of(bag: Mapping[str, Any]) -> str:
    """Return how the energy of a delivery changes hands. Raises: LookupError."""
    return DeliveryMode.EV_CHARGING if is_session(bag) or is_ledger(bag) else str(bag["deliveryMode"])


def _reading(row: MeterReadingView) -> Json:
    return {
        "timestamp": format_instant(row.at),
        **_counted("sourceReading", row.source),
        **_counted("targetReading", row.target),
        "energyFlow": row.flow.kilowatt_hours,
    }


def _read_reading(row: Mapping[str, Any]) -> MeterReadingView:
    return MeterReadingView(
        at=parse_instant(row["timestamp"]),
        source=_read_counted(row, "sourceReading"),
        target=_read_counted(row, "targetReading"),
        flow=Energy.from_kwh(row["energyFlow"]),
    )


def _event(event: TelemetryEvent) -> Json:
    metrics = [
        {"name": metric.name.value, "value": metric.value, "unitCode": metric.unit_code}
        for metric in event.metrics
    ]
    return {"eventTime": format_instant(event.at), "metrics": metrics}


def _read_event(event: Mapping[str, Any]) -> TelemetryEvent:
    metrics = (
        Metric(name=MetricName(metric["name"]), value=Decimal(metric["value"]), unit_code=metric["unitCode"])
        for metric in event["metrics"]
    )
    return TelemetryEvent(at=parse_instant(event["eventTime"]), metrics=tuple(metrics))


def _counted(key: str, energy: Energy | None) -> Json:
    return {} if energy is None else {key: energy.kilowatt_hours}


def _read_counted(row: Mapping[str, Any], key: str) -> Energy | None:
    return Energy.from_kwh(row[key]) if key in row else None
