"""OCPP 2.0.1: what stations call, and what they are told. An EVSE is what 1.6 calls a connector.

Source: OCPP 2.0.1 edition 3 part 2, 1 (messages); E (transactions), F (remote control), H (reservation).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stations.charging_desk import Begin, End
from stations.chargings import Charging
from stations.connector_desk import Status
from stations.connector_store import Introduction
from stations.ocpp.answers import CLEAR_PROFILE, Facts, Request, Tell, nothing_to
from stations.ocpp.every_version import (
    COMMON_HANDLERS,
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
from stations.ocpp.frames import CallRefused
from stations.port import CommandResult, StationCommand, StationEventKind, Verb
from stations.roster import Place

VERSION: Final = "2.0.1"
_ENDED: Final = "Ended"
_STATUSES: Final[Mapping[str, StationEventKind]] = {
    "Available": StationEventKind.AVAILABLE,
    "Occupied": StationEventKind.PREPARING,
    "Unavailable": StationEventKind.FAULTED,
    "Faulted": StationEventKind.FAULTED,
}
"""What a ConnectorStatus says. That it is Reserved we know."""
_CHARGING_STATES: Final[Mapping[str, StationEventKind]] = {
    "Charging": StationEventKind.RESUMED,
    "SuspendedEV": StationEventKind.SUSPENDED_BY_CAR,
    "SuspendedEVSE": StationEventKind.SUSPENDED_BY_STATION,
}
_PLUGGED_IN: Final = "EVConnected"
_STOPS: Final = frozenset(
    {"RemoteStop", "StopAuthorized", "Deauthorized", "EnergyLimitReached", "TimeLimitReached"}
)
"""After these a transaction goes on until its vehicle leaves, where TxStopPoint is EVConnected (E06, F03)."""


async def _boot(exchange: Exchange) -> Mapping[str, Any]:
    said = exchange.payload["chargingStation"]
    return await boot(
        exchange,
        Introduction(
            vendor=said["vendorName"],
            model=said["model"],
            firmware=said.get("firmwareVersion"),
            serial_number=said.get("serialNumber"),
        ),
    )


async def _status(exchange: Exchange) -> Mapping[str, Any]:
    said = exchange.payload
    kind = _STATUSES.get(said["connectorStatus"])
    if kind is not None:
        why = "" if kind is not StationEventKind.FAULTED else f"the connector is {said['connectorStatus']}"
        await exchange.desks.connectors.stand(
            exchange.place(said["evseId"]), Status(kind=kind, at=exchange.instant(), why=why), exchange.turn
        )
    return {}


async def _authorize(exchange: Exchange) -> Mapping[str, Any]:
    return {"idTokenInfo": verdict_on_tag(await exchange.may_charge(exchange.payload["idToken"]["idToken"]))}


async def _transaction(exchange: Exchange) -> Mapping[str, Any]:
    """Take what happened in a transaction; events may come late and twice, but each is taken once."""
    said = exchange.payload
    ref, token = said["transactionInfo"]["transactionId"], said.get("idToken", {}).get("idToken")
    known = await exchange.chargings.find(station_id=exchange.station_id, ref=ref)
    place = _place(exchange, known)
    charging = known or await _begun(exchange, place, ref, token)
    if token is not None:
        charging = await exchange.desks.chargings.attach(
            charging, place, tag=token, at=exchange.instant(), turn=exchange.turn
        )
    is_news = charging.last_seq_no is None or said["seqNo"] > charging.last_seq_no
    if is_news:
        await exchange.chargings.set(charging, last_seq_no=said["seqNo"])
    if said["eventType"] == _ENDED:
        await _ended(exchange, place, charging)
    elif known is not None:
        await exchange.desks.chargings.measure(
            place, exchange.said("meterValue", place), charging, exchange.turn
        )
    if is_news and said["eventType"] != _ENDED:
        await _charging_state(exchange, place, charging)
    if token is None:
        return {}
    may_charge = await exchange.desks.chargings.may_charge(token, place, exchange.turn)
    return {"idTokenInfo": verdict_on_tag(may_charge and charging.session_id is not None)}


def _place(exchange: Exchange, known: Charging | None) -> Place:
    if known is not None:
        return exchange.place_of(known.connector_id)
    evse = exchange.payload.get("evse")
    if evse is None:
        raise CallRefused(
            "PropertyConstraintViolation", "$.evse: the first event of a transaction says where"
        )
    return exchange.place(evse["id"])


async def _begun(exchange: Exchange, place: Place, ref: str, token: str | None) -> Charging:
    begin = Begin(ref=ref, at=exchange.instant(), said=exchange.said("meterValue", place), tag=token)
    return await exchange.desks.chargings.start(place, begin, exchange.turn)


async def _ended(exchange: Exchange, place: Place, charging: Charging) -> None:
    info = exchange.payload["transactionInfo"]
    end = End(
        at=exchange.instant(),
        said=exchange.said("meterValue", place),
        reason=info.get("stoppedReason", "Local"),
    )
    await exchange.desks.chargings.end(charging, place, end, exchange.turn)


async def _charging_state(exchange: Exchange, place: Place, charging: Charging) -> None:
    state = exchange.payload["transactionInfo"].get("chargingState", "")
    if state == _PLUGGED_IN and exchange.payload["triggerReason"] in _STOPS:
        await exchange.desks.chargings.rest(charging, place, exchange.instant(), exchange.turn)
    kind = _CHARGING_STATES.get(state)
    if kind is not None:
        await exchange.desks.connectors.stand(place, Status(kind=kind, at=exchange.instant()), exchange.turn)


async def _meter_values(exchange: Exchange) -> Mapping[str, Any]:
    return await meter_values(exchange, exchange.payload["evseId"], None)


HANDLERS: Final[Mapping[str, Handler]] = {
    **COMMON_HANDLERS,
    "BootNotification": _boot,
    "StatusNotification": _status,
    "Authorize": _authorize,
    "TransactionEvent": _transaction,
    "MeterValues": _meter_values,
    "LogStatusNotification": take_note,
    "NotifyEvent": take_note,
    "NotifyReport": take_note,
    "ReservationStatusUpdate": take_note,
}


def _token(facts: Facts) -> dict[str, str]:
    return {"idToken": facts.tag, "type": "Central"}


def _tell_start(command: StationCommand, facts: Facts) -> Request:
    payload = {
        "evseId": facts.place.connector.number,
        "remoteStartId": command.id,
        "idToken": _token(facts),
    }
    return Request("RequestStartTransaction", payload)


def _tell_stop(_command: StationCommand, facts: Facts) -> Request | CommandResult:
    if facts.charging is None:
        return nothing_to("stop")
    return Request("RequestStopTransaction", {"transactionId": facts.charging.ref})


def _reservation(command: StationCommand, facts: Facts, until: str) -> Mapping[str, Any]:
    return {
        "id": command.id,
        "expiryDateTime": until,
        "idToken": _token(facts),
        "evseId": facts.place.connector.number,
    }


def _tell_unlock(_command: StationCommand, facts: Facts) -> Request:
    return Request("UnlockConnector", {"evseId": facts.place.connector.number, "connectorId": 1})


def _profile(charging: Charging, number: int, watts: int) -> Mapping[str, Any]:
    profile = profile_of([{"id": number, **schedule_of(watts)}], transaction=charging.ref)
    return {"evseId": number, "chargingProfile": {"id": number, **profile}}


def _tell_lift(_command: StationCommand, facts: Facts) -> Request:
    return Request(CLEAR_PROFILE, {"chargingProfileId": facts.place.connector.number})


TELL: Final[Mapping[Verb, Tell]] = {
    Verb.START: _tell_start,
    Verb.STOP: _tell_stop,
    Verb.RESERVE: reserving(_reservation),
    Verb.RELEASE: tell_release,
    Verb.LIMIT: limiting(_profile),
    Verb.LIFT: _tell_lift,
    Verb.UNLOCK: _tell_unlock,
}
