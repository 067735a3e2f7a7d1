"""What is called, answered and told in the same words by every version of OCPP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stations.connector_store import ConnectorStore, Introduction
from stations.ocpp.answers import Facts, Request, nothing_to
from stations.ocpp.exchange import Exchange
from stations.port import CommandResult, StationCommand

HEARTBEAT_SECONDS: Final = 300
STATION_ITSELF: Final = 0
"""The number that stands for no connector, but for the station."""


async def boot(exchange: Exchange, introduction: Introduction) -> Mapping[str, Any]:
    """Keep what a station says of itself, and let it in."""
    await ConnectorStore(exchange.turn.uow.connection).introduce(exchange.station_id, introduction)
    return {"status": "Accepted", "currentTime": exchange.now_text, "interval": HEARTBEAT_SECONDS}


async def heartbeat(exchange: Exchange) -> Mapping[str, Any]:
    """Tell the time."""
    return {"currentTime": exchange.now_text}


async def refuse_data(_exchange: Exchange) -> Mapping[str, Any]:
    """Take nothing that only a vendor understands."""
    return {"status": "UnknownVendorId"}


async def take_note(_exchange: Exchange) -> Mapping[str, Any]:
    """Answer what is for the operator of the station only."""
    return {}


def verdict_on_tag(is_accepted: bool) -> dict[str, str]:
    """Return whether a driver may charge."""
    return {"status": "Accepted" if is_accepted else "Invalid"}


def tell_release(_command: StationCommand, facts: Facts) -> Request | CommandResult:
    """Return how a reservation is taken back."""
    if facts.reservation is None:
        return nothing_to("release")
    return Request("CancelReservation", {"reservationId": facts.reservation})
