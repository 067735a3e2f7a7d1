"""Which plugs of stations nobody can charge at now."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select

from stations.port import StationEventKind
from stations.tables import station_connectors, stations
from storage.unit_of_work import UnitOfWork

_AT: Final = station_connectors.c.station_id == stations.c.station_id


async def find_out_of_order(uow: UnitOfWork) -> frozenset[str]:
    """Return the plugs that have a fault, or whose station is not heard of; they are not on sale."""
    has_fault = station_connectors.c.status == StationEventKind.FAULTED.value
    query = (
        select(station_connectors.c.connector_id)
        .join_from(station_connectors, stations, _AT)
        .where(or_(has_fault, stations.c.connected_at.is_(None)))
    )
    return frozenset((await uow.connection.execute(query)).scalars())


async def settled_since(plug: str, uow: UnitOfWork) -> datetime | None:
    """Return since when the plug stands as it does now and its station is there, None if it never said."""
    both = func.greatest(station_connectors.c.status_at, stations.c.connected_at)
    query = (
        select(both)
        .join_from(station_connectors, stations, _AT)
        .where(station_connectors.c.connector_id == plug)
    )
    found: datetime | None = (await uow.connection.execute(query)).scalar_one_or_none()
    return found
