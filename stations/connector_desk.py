"""How connectors stand, and whether their station is there: kept, and passed on in the same unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stations.chargings import Charging, ChargingStore
from stations.command_store import STATIONS_CHANNEL, CommandStore
from stations.connector_store import ConnectorState, ConnectorStore
from stations.holds import HOLDS_CHANNEL, Hold, HoldStore
from stations.limits import tell_limit
from stations.meter_terms import register_meters
from stations.port import OnStationEvent, StationEvent, StationEventKind
from stations.roster import Place, Roster
from stations.turn import Turn

_HINDERED: Final = frozenset(
    {
        StationEventKind.SUSPENDED_BY_CAR,
        StationEventKind.SUSPENDED_BY_STATION,
        StationEventKind.FAULTED,
    }
)
"""After these, energy that flows again is news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a station says that a connector stands."""

    kind: StationEventKind
    at: datetime
    why: str = ""
    grid_event: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorDesk:
    """Takes how stations and connectors stand."""

    roster: Roster
    on_event: OnStationEvent

    async def open(self, turn: Turn) -> None:
        """Keep the stations of the roster; those that a process held that is dead are away."""
        await ConnectorStore(turn.uow.connection).enrol(self.roster)
        await register_meters(self.roster, uow=turn.uow, now=turn.now)
        await self.lapse(turn)

    async def came(self, station_id: str, *, protocol: str, turn: Turn, hold: Hold | None = None) -> None:
        """Take that a station is connected, to whoever holds it; what waited for it is tried at once."""
        connection = turn.uow.connection
        was_away = await ConnectorStore(connection).came(
            station_id, protocol=protocol, hold=hold, now=turn.now
        )
        if hold is not None:
            await turn.uow.announce(HOLDS_CHANNEL, f"{hold.holder} {station_id}")
        resources = [place.resource for place in self.roster.places_of(station_id)]
        await CommandStore(connection).hasten(resources, now=turn.now)
        await turn.uow.announce(STATIONS_CHANNEL)
        for resource in resources:
            await tell_limit(resource, turn.uow, now=turn.now)
        if was_away:
            await self._tell_all(station_id, StationEventKind.ONLINE, turn)

    async def went(self, station_id: str, turn: Turn, *, from_holder: str | None = None) -> None:
        """Take that a station is not connected any more; what happens meanwhile it will tell later."""
        if await ConnectorStore(turn.uow.connection).went(station_id, from_holder=from_holder):
            await self._tell_away(station_id, turn)

    async def lapse(self, turn: Turn) -> None:
        """Take that the stations are away whose process has not said for a while that it holds them."""
        for station_id in await HoldStore(turn.uow.connection).lapse(now=turn.now):
            await self._tell_away(station_id, turn)

    async def stand(self, place: Place, status: Status, turn: Turn) -> None:
        """Take how a connector stands; what is older than what is known, or the same, is no news."""
        store = ConnectorStore(turn.uow.connection)
        state, at = await store.state(place), turn.at(status.at)
        charging = await ChargingStore(turn.uow.connection).find_open_at(connector_id=place.resource)
        is_old = state.status_at is not None and at < state.status_at
        if is_old or not _is_news(status.kind, state, charging):
            return
        is_left = status.kind is StationEventKind.AVAILABLE
        await store.set_state(
            place,
            status=status.kind,
            at=at,
            session_id=None if is_left else state.session_id,
            why=status.why,
        )
        if is_left and charging is not None:
            return  # it is told with the end of the charging, which is still to come
        event = StationEvent(
            connector_id=place.resource,
            kind=status.kind,
            at=at,
            session_id=state.session_id,
            why=status.why,
            grid_event=status.grid_event,
        )
        await self.on_event(turn.uow, event, turn.now)

    async def _tell_away(self, station_id: str, turn: Turn) -> None:
        await self._tell_all(station_id, StationEventKind.OFFLINE, turn, why="the station is not connected")

    async def _tell_all(self, station_id: str, kind: StationEventKind, turn: Turn, *, why: str = "") -> None:
        for place in self.roster.places_of(station_id):
            state = await ConnectorStore(turn.uow.connection).state(place)
            event = StationEvent(
                connector_id=place.resource,
                kind=kind,
                at=turn.at(turn.now),
                session_id=state.session_id,
                why=why,
            )
            await self.on_event(turn.uow, event, turn.now)


def _is_news(kind: StationEventKind, state: ConnectorState, charging: Charging | None) -> bool:
    """Say whether a status says more than what is known; who limits a connector may change meanwhile."""
    if kind is state.status:
        return kind is StationEventKind.SUSPENDED_BY_STATION
    if kind is StationEventKind.RESUMED:
        return state.status in _HINDERED
    is_plugged_in_anyway = charging is not None or state.status is StationEventKind.STOPPED
    return not (kind is StationEventKind.PREPARING and is_plugged_in_anyway)
