"""How stations and their connectors stand, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from stations.holds import Hold
from stations.port import StationEventKind
from stations.roster import Place, Roster
from stations.tables import station_connectors, stations

_S: Final = stations.c
_C: Final = station_connectors.c
_AWAY: Final[Mapping[str, None]] = {"connected_at": None, "held_by": None, "held_until": None}
_ENROLMENT_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('enrolment of stations', 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorState:
    """How a connector stands; `session_id` is whose car is, or was last, plugged in."""

    connector_id: str
    status: StationEventKind | None
    status_at: datetime | None
    session_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a station says of itself."""

    vendor: str | None = None
    model: str | None = None
    firmware: str | None = None
    serial_number: str | None = None


class ConnectorStore:
    """Stations and connectors within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def enrol(self, roster: Roster) -> None:
        """Keep the stations of the file; who is in it no longer is forgotten, save what was charged there.

        One that is reached in another way now is away, until it is there. Processes that start at once do
        it one after the other.
        """
        await self._connection.execute(_ENROLMENT_LOCK)
        ids = [station.id for station in roster.stations]
        resources = [place.resource for place in roster.places]
        await self._connection.execute(delete(stations).where(_S.station_id.not_in(ids)))
        moved = [
            (_C.connector_id == place.resource)
            & or_(_C.station_id != place.station.id, _C.number != place.connector.number)
            for place in roster.places
        ]
        await self._connection.execute(
            delete(station_connectors).where(or_(_C.connector_id.not_in(resources), *moved))
        )
        for station in roster.stations:
            await self._connection.execute(
                insert(stations)
                .values(station_id=station.id, protocol=station.protocol)
                .on_conflict_do_update(
                    index_elements=[_S.station_id],
                    set_={"protocol": station.protocol, **_AWAY},
                    where=_S.protocol.not_like(f"{station.protocol}%"),  # its version is kept, too
                )
            )
        for place in roster.places:
            await self._connection.execute(
                insert(station_connectors)
                .values(
                    connector_id=place.resource,
                    station_id=place.station.id,
                    number=place.connector.number,
                )
                .on_conflict_do_nothing()
            )

    async def lock(self, station_id: str) -> None:
        """Let nobody else change what is kept of a station as long as this transaction lasts."""
        await self._connection.execute(
            select(_S.station_id).where(_S.station_id == station_id).with_for_update()
        )

    async def came(self, station_id: str, *, protocol: str, hold: Hold | None, now: datetime) -> bool:
        """Keep that a station is connected, and to whom; say whether it was away before."""
        was = await self._connection.execute(
            select(_S.connected_at).where(_S.station_id == station_id).with_for_update()
        )
        await self._set(
            station_id,
            protocol=protocol,
            connected_at=now,
            heard_at=now,
            held_by=None if hold is None else hold.holder,
            held_until=None if hold is None else hold.until,
            connection=_S.connection + 1,
        )
        return was.scalar_one_or_none() is None

    async def went(self, station_id: str, *, from_holder: str | None) -> bool:
        """Keep that a station is away; say whether it was connected, and to this process, before."""
        gone = await self._connection.execute(
            update(stations)
            .where(_S.station_id == station_id, _S.connected_at.is_not(None))
            .where(_S.held_by.is_not_distinct_from(from_holder))
            .values(_AWAY)
            .returning(_S.station_id)
        )
        return gone.one_or_none() is not None

    async def heard(self, station_id: str, *, now: datetime) -> None:
        """Keep that a station lives."""
        await self._set(station_id, heard_at=now)

    async def introduce(self, station_id: str, said: Introduction) -> None:
        """Keep what a station says of itself."""
        await self._set(
            station_id,
            vendor=said.vendor,
            model=said.model,
            firmware=said.firmware,
            serial_number=said.serial_number,
        )

    async def state(self, place: Place) -> ConnectorState:
        """Return how a connector stands, locked."""
        found = await self._connection.execute(
            select(station_connectors).where(_C.connector_id == place.resource).with_for_update()
        )
        return _state(found.mappings().one())

    async def set_state(
        self,
        place: Place,
        *,
        status: StationEventKind,
        at: datetime,
        session_id: str | None,
        why: str | None,
    ) -> None:
        """Keep how a connector stands."""
        await self._connection.execute(
            update(station_connectors)
            .where(_C.connector_id == place.resource)
            .values(status=status.value, status_at=at, session_id=session_id, why=why or None)
        )

    async def all(self) -> Sequence[RowMapping]:
        """Return every station, by its id."""
        found = await self._connection.execute(select(stations).order_by(_S.station_id))
        return found.mappings().all()

    async def connectors_of(self, station_id: str) -> Sequence[RowMapping]:
        """Return a station's connectors, by number."""
        found = await self._connection.execute(
            select(station_connectors).where(_C.station_id == station_id).order_by(_C.number)
        )
        return found.mappings().all()

    async def find_connector(self, resource: str) -> RowMapping | None:
        """Return the connector that the catalogue calls `resource`."""
        found = await self._connection.execute(select(station_connectors).where(_C.connector_id == resource))
        return found.mappings().one_or_none()

    async def _set(self, station_id: str, **values: object) -> None:
        await self._connection.execute(update(stations).where(_S.station_id == station_id).values(**values))


def _state(row: RowMapping) -> ConnectorState:
    status = row["status"]
    return ConnectorState(
        connector_id=row["connector_id"],
        status=None if status is None else StationEventKind(status),
        status_at=row["status_at"],
        session_id=row["session_id"],
    )
