"""EvChargingSession: what has come of a charging session so far, and what its buyer wants of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from schemas import iris
from trading.contract import Contract
from trading.delivery import (
    ConnectorStatus,
    Delivery,
    DeliveryStatus,
    Metric,
    MetricName,
    SessionReport,
    SessionStatus,
    TelemetryEvent,
)
from trading.mapping.find import Json, find_text, without_none
from trading.request import SessionWish

MOST_EVENTS: Final = 12
"""Events of telemetry that are told, the newest."""

_KNOWN: Final = frozenset(metric.value for metric in MetricName)
_STATUS: Final[Mapping[SessionStatus, DeliveryStatus]] = {
    SessionStatus.PENDING: DeliveryStatus.PENDING,
    SessionStatus.ACTIVE: DeliveryStatus.IN_PROGRESS,
    SessionStatus.STOP: DeliveryStatus.IN_PROGRESS,
    SessionStatus.INTERRUPTED: DeliveryStatus.IN_PROGRESS,
    SessionStatus.COMPLETED: DeliveryStatus.COMPLETED,
}
_WISHES: Final = {
    "PENDING": SessionWish.START,  # as the published example of a start has it
    "ACTIVE": SessionWish.START,
    "STOP": SessionWish.STOP,
    "COMPLETED": SessionWish.STOP,
}
_SENT: Final = {SessionWish.START: "ACTIVE", SessionWish.STOP: "STOP"}


def write_session(contract: Contract, delivery: Delivery, session: SessionReport) -> Json:
    """Return a session with its delivery as a ChargingSession."""
    telemetry = [_write_event(event) for event in _telemetry(delivery)]
    return {
        "@context": iris.CHARGING_SESSION_CONTEXT,
        "@type": iris.CHARGING_SESSION,
        "sessionStatus": session.status.value,
        "meteredEnergyKWh": delivery.delivered.kilowatt_hours,
        "preferences": {
            "startTime": format_instant(delivery.window.start),
            "endTime": format_instant(delivery.window.end),
        },
        "reservationId": contract.id,
        "lastUpdated": format_instant(contract.updated_at),
    } | without_none(
        {
            "connectorStatus": session.connector and session.connector.value,
            "connectorType": session.connector_type,
            "maxPowerKW": session.max_power,
            "meteredDurationMinutes": session.minutes,
            "chargingTelemetry": telemetry or None,
        }
    )


def is_session(bag: Mapping[str, Any]) -> bool:
    return "sessionStatus" in bag


def read_session(bag: Mapping[str, Any], *, window: Interval) -> Delivery:
    """Return what a ChargingSession says; `window` is the contract's.

    Raises: LookupError, TypeError, ValueError.
    """
    status = SessionStatus(bag["sessionStatus"])
    power, minutes = bag.get("maxPowerKW"), bag.get("meteredDurationMinutes")
    delivered = Energy.from_kwh(bag.get("meteredEnergyKWh", 0))
    came_to_nothing = status is SessionStatus.COMPLETED and delivered == ZERO_ENERGY
    return Delivery(
        status=DeliveryStatus.FAILED if came_to_nothing else _STATUS[status],
        delivered=delivered,
        window=window,
        ended=status is SessionStatus.COMPLETED,
        telemetry=tuple(_read_event(event) for event in bag.get("chargingTelemetry", ())),
        session=SessionReport(
            status=status,
            connector=ConnectorStatus(bag["connectorStatus"]) if "connectorStatus" in bag else None,
            connector_type=bag.get("connectorType"),
            max_power=None if power is None else Decimal(power),
            minutes=None if minutes is None else Decimal(minutes),
        ),
    )


def read_wish(bag: Mapping[str, Any]) -> SessionWish | None:
    """Return what an update wants of a session by its status, None if nothing."""
    return _WISHES.get(find_text(bag, "sessionStatus") or "")


def write_wish(wish: SessionWish) -> Json:
    """Return the ChargingSession of an update that wants so."""
    return {
        "@context": iris.CHARGING_SESSION_CONTEXT,
        "@type": iris.CHARGING_SESSION,
        "sessionStatus": _SENT[wish],
    }


def _telemetry(delivery: Delivery) -> list[TelemetryEvent]:
    """Return the newest of what was measured: power, and the energy since the session began."""
    found: dict[datetime, TelemetryEvent] = {event.at: event for event in delivery.telemetry}
    for at, metric in _energies(delivery):
        event = found.get(at, TelemetryEvent(at=at, metrics=()))
        found[at] = replace(event, metrics=(*event.metrics, metric))
    return [found[at] for at in sorted(found)][-MOST_EVENTS:]


def _energies(delivery: Delivery) -> Iterator[tuple[datetime, Metric]]:
    for row in delivery.readings[1:]:
        if row.target is not None:
            kilowatt_hours = row.target.kilowatt_hours
            yield row.at, Metric(name=MetricName.ENERGY, value=kilowatt_hours, unit_code="KWH")


def _write_event(event: TelemetryEvent) -> Json:
    metrics = [
        {"name": metric.name.value, "value": metric.value, "unitCode": metric.unit_code}
        for metric in event.metrics
    ]
    return {"eventTime": format_instant(event.at), "metrics": metrics}


def _read_event(event: Mapping[str, Any]) -> TelemetryEvent:
    """Return what was measured, but for what no meter counts, such as a battery's charge."""
    metrics = (
        Metric(name=MetricName(metric["name"]), value=Decimal(metric["value"]), unit_code=metric["unitCode"])
        for metric in event["metrics"]
        if metric["name"] in _KNOWN
    )
    return TelemetryEvent(at=parse_instant(event["eventTime"]), metrics=tuple(metrics))
