"""OCPP 1.6: what stations call, and what they are told.

Source: OCPP 1.6 edition 2, sections 4 (operations initiated by the charge point) and 5 (by us).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from stations.charging_desk import Begin, End
from stations.chargings import Charging
from stations.connector_desk import Status
from stations.connector_store import Introduction
from stations.intake import Said
from stations.ocpp.answers import CLEAR_PROFILE, Facts, Request, Tell, nothing_to
from stations.ocpp.every_version import (
    COMMON_HANDLERS,
    STATION_ITSELF,
    boot,
    limiting,
    meter_values,
    profile_of,
    reserving,
    schedule_of,
    take_note,
    tell_release,
    verdict_on_tag,
)
from stations.ocpp.exchange import Exchange, Handler
from stations.port import CommandResult, StationCommand, StationEventKind, Verb

log = structlog.get_logger(__name__)

VERSION: Final = "1.6"
_STATUSES: Final[Mapping[str, StationEventKind]] = {
    "Available": StationEventKind.AVAILABLE,
    "Preparing": StationEventKind.PREPARING,
    "Charging": StationEventKind.RESUMED,
    "SuspendedEV": StationEventKind.SUSPENDED_BY_CAR,
    "SuspendedEVSE": StationEventKind.SUSPENDED_BY_STATION,
    "Unavailable": StationEventKind.FAULTED,
    "Faulted": StationEventKind.FAULTED,
}
"""What a ChargePointStatus says. That it is Reserved we know, and Finishing follows from the end."""


async def _boot(exchange: Exchange) -> Mapping[str, Any]:
    said = exchange.payload
    return await boot(
        exchange,
        Introduction(
            vendor=said["chargePointVendor"],
            model=said["chargePointModel"],
            firmware=said.get("firmwareVersion"),
            serial_number=said.get("chargePointSerialNumber"),
        ),
    )


async def _status(exchange: Exchange) -> Mapping[str, Any]:
    said = exchange.payload
    kind = _STATUSES.get(said["status"])
    if said["connectorId"] != STATION_ITSELF and kind is not None:
        place = exchange.place(said["connectorId"])
        await exchange.desks.connectors.stand(
            place, Status(kind=kind, at=exchange.instant(), why=_why(said)), exchange.turn
        )
    return {}


def _why(said: Mapping[str, Any]) -> str:
    if said["status"] == "Unavailable":
        return "the connector is out of service"
    told = [said["errorCode"]] if said["errorCode"] != "NoError" else []
    return ": ".join([*told, *([said["info"]] if said.get("info") else [])])


async def _authorize(exchange: Exchange) -> Mapping[str, Any]:
    return {"idTagInfo": verdict_on_tag(await exchange.may_charge(exchange.payload["idTag"]))}


async def _start(exchange: Exchange) -> Mapping[str, Any]:
    said, place = exchange.payload, exchange.place(exchange.payload["connectorId"])
    begin = Begin(
        ref="|".join(str(said[name]) for name in ("connectorId", "timestamp", "idTag", "meterStart")),
        at=exchange.instant(),
        said=Said(readings=(), raw=exchange.raw),
        tag=said["idTag"],
        watt_hours=said["meterStart"],
    )
    charging = await exchange.desks.chargings.start(place, begin, exchange.turn)
    is_accepted = charging.session_id is not None and await exchange.desks.chargings.may_charge(
        said["idTag"], place, exchange.turn
    )
    return {"transactionId": charging.id, "idTagInfo": verdict_on_tag(is_accepted)}


async def _stop(exchange: Exchange) -> Mapping[str, Any]:
    said = exchange.payload
    charging = await _charging(exchange) or await _begun_offline(exchange)
    if charging is None:
        log.warning("station.stop_of_nothing", station=exchange.station_id, transaction=said["transactionId"])
    else:
        place = exchange.place_of(charging.connector_id)
        end = End(
            at=exchange.instant(),
            said=exchange.said("transactionData", place),
            watt_hours=said["meterStop"],
            reason=said.get("reason", "Local"),
        )
        await exchange.desks.chargings.end(charging, place, end, exchange.turn)
    return {}


async def _meter_values(exchange: Exchange) -> Mapping[str, Any]:
    return await meter_values(exchange, exchange.payload["connectorId"], await _charging(exchange))


async def _charging(exchange: Exchange) -> Charging | None:
    number = exchange.payload.get("transactionId")
    if number is None:
        return None
    return await exchange.chargings.find_by_id(station_id=exchange.station_id, number=number)


async def _begun_offline(exchange: Exchange) -> Charging | None:
    """Return the charging that a stop is of which its station never got our number for.

    Stations that began while they were away write 0 or less: it is the only one that runs there, if there is
    but one that began before.
    """
    said, at = exchange.payload, exchange.instant()
    if said["transactionId"] > 0:
        return None
    running = [
        each
        for each in await exchange.chargings.find_all_open(station_id=exchange.station_id)
        if each.started_at <= at
    ]
    return running[0] if len(running) == 1 else None


HANDLERS: Final[Mapping[str, Handler]] = {
    **COMMON_HANDLERS,
    "BootNotification": _boot,
    "StatusNotification": _status,
    "Authorize": _authorize,
    "StartTransaction": _start,
    "StopTransaction": _stop,
    "MeterValues": _meter_values,
    "DiagnosticsStatusNotification": take_note,
}


def _tell_start(_command: StationCommand, facts: Facts) -> Request:
    payload = {"connectorId": facts.place.connector.number, "idTag": facts.tag}
    return Request("RemoteStartTransaction", payload)


def _tell_stop(_command: StationCommand, facts: Facts) -> Request | CommandResult:
    if facts.charging is None:
        return nothing_to("stop")
    return Request("RemoteStopTransaction", {"transactionId": facts.charging.id})


def _reservation(command: StationCommand, facts: Facts, until: str) -> Mapping[str, Any]:
    return {
        "connectorId": facts.place.connector.number,
        "expiryDate": until,
        "idTag": facts.tag,
        "reservationId": command.id,
    }


def _tell_unlock(_command: StationCommand, facts: Facts) -> Request:
    return Request("UnlockConnector", {"connectorId": facts.place.connector.number})


def _profile(charging: Charging, number: int, watts: int) -> Mapping[str, Any]:
    profile = profile_of(schedule_of(watts), transaction=charging.id)
    return {"connectorId": number, "csChargingProfiles": {"chargingProfileId": number, **profile}}


def _tell_lift(_command: StationCommand, facts: Facts) -> Request:
    return Request(CLEAR_PROFILE, {"id": facts.place.connector.number})


TELL: Final[Mapping[Verb, Tell]] = {
    Verb.START: _tell_start,
    Verb.STOP: _tell_stop,
    Verb.RESERVE: reserving(_reservation),
    Verb.RELEASE: tell_release,
    Verb.LIMIT: limiting(_profile),
    Verb.LIFT: _tell_lift,
    Verb.UNLOCK: _tell_unlock,
}
