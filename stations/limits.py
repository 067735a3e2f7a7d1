"""Limits on the power of connectors: what is wanted, and what of it the running charging is held to.

A limit is for a connector, and stands until it is lifted. Stations take one for a charging that runs, so
each that begins there is limited anew, and so is one whose station was away, which may have forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from stations.chargings import ChargingStore
from stations.command_store import put_power_command
from stations.port import Acceptance, CommandResult, StationCommand, Verb
from stations.tables import station_limits
from storage.unit_of_work import UnitOfWork

_L = station_limits.c


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLimit:
    """The most that a connector shall give, in W, and why; `grid_event` where the grid wants it.

    `held_since` is when its station took it for the charging that runs there, None as long as it did not.
    """

    connector_id: str
    watts: int
    why: str
    put_at: datetime
    grid_event: str | None = None
    held_since: datetime | None = None

    @property
    def words(self) -> str:
        """What a driver is told."""
        whole, rest = divmod(self.watts, 1000)
        kilowatts = f"{whole}.{rest:03}".rstrip("0").rstrip(".")
        return f"the plug gives {kilowatts} kW at most: {self.why}"


class LimitStore:
    """Limits within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, connector_id: str) -> PowerLimit | None:
        """Return the limit of a connector, held until the transaction ends."""
        found = await self._connection.execute(
            select(station_limits).where(_L.connector_id == connector_id).with_for_update()
        )
        row = found.mappings().one_or_none()
        return None if row is None else _limit(row)

    async def put(self, limit: PowerLimit) -> None:
        """Keep a limit in place of the one before; what that held is held no longer."""
        values = {
            "watts": limit.watts,
            "grid_event": limit.grid_event,
            "why": limit.why,
            "put_at": limit.put_at,
            "held_since": None,
        }
        await self._connection.execute(
            insert(station_limits)
            .values(connector_id=limit.connector_id, **values)
            .on_conflict_do_update(index_elements=[_L.connector_id], set_=values)
        )

    async def remove(self, connector_id: str) -> None:
        await self._connection.execute(delete(station_limits).where(_L.connector_id == connector_id))

    async def hold(self, connector_id: str, *, since: datetime | None) -> None:
        """Keep since when a connector is held to its limit, None if it is not, or not any more."""
        await self._connection.execute(
            update(station_limits).where(_L.connector_id == connector_id).values(held_since=since)
        )


async def limit_power(limit: PowerLimit, uow: UnitOfWork) -> None:
    """Limit a connector's power from now on; what charges there is limited as soon as its station can."""
    await LimitStore(uow.connection).put(limit)
    await tell_limit(limit.connector_id, uow, now=limit.put_at)


async def lift_limit(connector_id: str, uow: UnitOfWork, *, now: datetime) -> None:
    """Let a connector give all that it can again."""
    await LimitStore(uow.connection).remove(connector_id)
    await _tell(Verb.LIFT, connector_id, uow, now=now)


async def tell_limit(connector_id: str, uow: UnitOfWork, *, now: datetime) -> None:
    """Have a connector told its limit, if it has one and something charges there."""
    limit = await LimitStore(uow.connection).find(connector_id)
    if limit is not None:
        await _tell(Verb.LIMIT, connector_id, uow, now=now, watts=limit.watts)


async def end_hold(connector_id: str, uow: UnitOfWork) -> None:
    """Take that a charging has ended, and with it what it was held to."""
    await LimitStore(uow.connection).hold(connector_id, since=None)


async def note_limit(
    command: StationCommand, result: CommandResult, uow: UnitOfWork, *, now: datetime
) -> None:
    """Keep whether a connector is held to the limit that it was just told."""
    store = LimitStore(uow.connection)
    limit = await store.find(command.connector_id)
    if command.verb is Verb.LIMIT and limit is not None and limit.watts == command.limit_watts:
        is_held = result.acceptance is Acceptance.ACCEPTED
        await store.hold(command.connector_id, since=now if is_held else None)


async def _tell(
    verb: Verb, connector_id: str, uow: UnitOfWork, *, now: datetime, watts: int | None = None
) -> None:
    """Have what charges at a connector limited or not."""
    charging = await ChargingStore(uow.connection).find_open_at(connector_id=connector_id)
    if charging is not None:
        await put_power_command(
            uow,
            verb=verb,
            connector_id=connector_id,
            session_id=charging.session_id or "",
            now=now,
            watts=watts,
        )


def _limit(row: RowMapping) -> PowerLimit:
    return PowerLimit(**row)
