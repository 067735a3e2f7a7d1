"""What is called, answered and told in the same words by every version of OCPP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from kernel.clock import format_instant
from stations.chargings import Charging
from stations.connector_store import ConnectorStore, Introduction
from stations.ocpp.answers import SET_PROFILE, Facts, Request, Tell, nothing_to
from stations.ocpp.exchange import Exchange, Handler
from stations.port import Acceptance, CommandResult, StationCommand

HEARTBEAT_SECONDS: Final = 300
STATION_ITSELF: Final = 0
"""The number that stands for no connector, but for the station."""


async def boot(exchange: Exchange, introduction: Introduction) -> Mapping[str, Any]:
    """Keep what a station says of itself, and let it in."""
    await ConnectorStore(exchange.turn.uow.connection).introduce(exchange.station_id, introduction)
    return {"status": "Accepted", "currentTime": exchange.now_text, "interval": HEARTBEAT_SECONDS}


async def meter_values(exchange: Exchange, number: int, charging: Charging | None) -> Mapping[str, Any]:
    """Take what a connector's meter shows, of the charging that is named, else of the one that runs there."""
    if number == STATION_ITSELF:
        return {}  # the main meter of the station is nobody's
    place = exchange.place(number)
    if charging is None:
        charging = await exchange.chargings.find_open_at(connector_id=place.resource)
    await exchange.desks.chargings.measure(place, exchange.said("meterValue", place), charging, exchange.turn)
    return {}


async def _heartbeat(exchange: Exchange) -> Mapping[str, Any]:
    """Tell the time."""
    return {"currentTime": exchange.now_text}


async def _refuse_data(_exchange: Exchange) -> Mapping[str, Any]:
    """Take nothing that only a vendor understands."""
    return {"status": "UnknownVendorId"}


async def take_note(_exchange: Exchange) -> Mapping[str, Any]:
    """Answer what is for the operator of the station only."""
    return {}


COMMON_HANDLERS: Final[Mapping[str, Handler]] = {
    "Heartbeat": _heartbeat,
    "DataTransfer": _refuse_data,
    "FirmwareStatusNotification": take_note,
    "SecurityEventNotification": take_note,
}


def verdict_on_tag(is_accepted: bool) -> dict[str, str]:
    """Return whether a driver may charge."""
    return {"status": "Accepted" if is_accepted else "Invalid"}


def tell_release(_command: StationCommand, facts: Facts) -> Request | CommandResult:
    """Return how a reservation is taken back."""
    if facts.reservation is None:
        return nothing_to("release")
    return Request("CancelReservation", {"reservationId": facts.reservation})


def reserving(payload: Callable[[StationCommand, Facts, str], Mapping[str, Any]]) -> Tell:
    """Return how a connector is reserved, by what that is told: of which command, for whom, until when."""

    def tell(command: StationCommand, facts: Facts) -> Request | CommandResult:
        if command.until is None:
            return CommandResult(
                acceptance=Acceptance.REJECTED, why="a reservation needs an instant at which it ends"
            )
        return Request("ReserveNow", payload(command, facts, format_instant(command.until)))

    return tell


def limiting(payload: Callable[[Charging, int, int], Mapping[str, Any]]) -> Tell:
    """Return how what charges is limited: by a profile of its transaction, of this number and power in W.

    A profile goes by the connector's number, so that the next takes the place of the one before.
    """

    def tell(command: StationCommand, facts: Facts) -> Request | CommandResult:
        if facts.charging is None or command.limit_watts is None:
            return CommandResult(acceptance=Acceptance.REJECTED, why="nothing charges there any more")
        number = facts.place.connector.number
        return Request(SET_PROFILE, payload(facts.charging, number, command.limit_watts))

    return tell


def profile_of(charging_schedule: object, *, transaction: object) -> dict[str, Any]:
    """Return what the profile of a transaction says in the words of every version."""
    return {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "transactionId": transaction,
        "chargingSchedule": charging_schedule,
    }


def schedule_of(watts: int) -> dict[str, Any]:
    """Return a schedule that gives so much from now on."""
    return {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": watts}],
    }
