"""Which process holds a station's connection: only that one reaches it.

A hold is a lease, renewed as long as the connection lasts, so that a process that dies lets go. Stations
that are told over HTTP, or exist in every process, are held by none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from stations.tables import stations

HOLDS_CHANNEL: Final = "degnode_station_holds"
"""Announced with holder and station when a station has connected."""
HOLD_LASTS: Final = timedelta(seconds=30)
HOLDS_RENEWED_EVERY: Final = timedelta(seconds=10)

_S: Final = stations.c


@dataclass(frozen=True, slots=True)
class Hold:
    """That a process holds a station until an instant; a process is known by a name made at its start."""

    holder: str
    until: datetime

    @classmethod
    def from_now(cls, holder: str, now: datetime) -> Hold:
        return cls(holder, now + HOLD_LASTS)


class HoldStore:
    """Holds within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def renew(self, station_ids: Sequence[str], hold: Hold) -> frozenset[str]:
        """Hold these on; return those of them that this process holds still."""
        renewed = await self._connection.execute(
            update(stations)
            .where(_S.station_id.in_(station_ids), _S.held_by == hold.holder)
            .values(held_until=hold.until)
            .returning(_S.station_id)
        )
        return frozenset(renewed.scalars())

    async def lapse(self, *, now: datetime) -> Sequence[str]:
        """Let go of the stations whose process holds them no longer; return them, which are away."""
        due = select(_S.station_id).where(_S.held_until <= now).with_for_update(skip_locked=True)
        lapsed = await self._connection.execute(
            update(stations)
            .where(_S.station_id.in_(due.scalar_subquery()))
            .values(connected_at=None, held_by=None, held_until=None)
            .returning(_S.station_id)
        )
        return list(lapsed.scalars())
