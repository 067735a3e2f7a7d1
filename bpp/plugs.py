"""Which plugs of stations nobody can charge at now."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from stations.port import StationEventKind
from stations.tables import station_connectors
from storage.unit_of_work import UnitOfWork

_OUT_OF_ORDER: Final = (StationEventKind.FAULTED.value, StationEventKind.OFFLINE.value)


async def find_out_of_order(uow: UnitOfWork) -> frozenset[str]:
    """Return the plugs that have a fault, or whose station is not heard of; they are not on sale."""
    query = select(station_connectors.c.connector_id).where(station_connectors.c.status.in_(_OUT_OF_ORDER))
    return frozenset((await uow.connection.execute(query)).scalars())
