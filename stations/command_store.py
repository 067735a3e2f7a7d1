"""Commands to stations: put down with what they follow from, claimed by who carries them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import ColumnElement, Exists, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from stations.port import Acceptance, CommandResult, StationCommand, Verb
from stations.tables import station_commands, station_connectors, stations
from storage.unit_of_work import UnitOfWork

STATIONS_CHANNEL: Final = "degnode_stations"
"""Announced when there is something to tell a station, or when a station is there again."""

_C: Final = station_commands.c
_ENDS: Final = (Verb.STOP, Verb.RELEASE)
"""What ends a session."""
_TAKEN_BACK: Final = "it was taken back before the station did it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedCommand:
    """A command under a lease; `attempt` counts from 1 and is the lease's number."""

    command: StationCommand
    attempt: int
    put_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedSession:
    """A session that was to start at a connector, since when, and when it was told to stop again, if it was.

    `is_to_end` says that the station did not refuse that.
    """

    session_id: str
    limit_wh: int | None
    put_at: datetime
    stopped_at: datetime | None
    is_to_end: bool


async def put_command(
    uow: UnitOfWork,
    *,
    verb: Verb,
    connector_id: str,
    session_id: str,
    now: datetime,
    until: datetime | None = None,
    limit: Energy | None = None,
) -> None:
    """Have a connector told something as soon as this unit of work is committed.

    What ends a session takes back a start of it that nobody is carrying out.
    """
    if verb in _ENDS:
        await CommandStore(uow.connection).take_back_starts(session_id, connector_id=connector_id, now=now)
    wh = None if limit is None else limit.watt_hours
    await _put(uow, verb, connector_id, session_id, now=now, until=until, limit_wh=wh)


async def put_power_command(
    uow: UnitOfWork,
    *,
    verb: Verb,
    connector_id: str,
    session_id: str,
    now: datetime,
    watts: int | None = None,
) -> None:
    """Have a connector told likewise what power it may give, or all; what it was not told yet is not told."""
    await CommandStore(uow.connection).take_back_limits(connector_id, now=now)
    await _put(uow, verb, connector_id, session_id, now=now, limit_watts=watts)


async def _put(
    uow: UnitOfWork, verb: Verb, connector_id: str, session_id: str, *, now: datetime, **bounds: object
) -> None:
    await uow.connection.execute(
        insert(station_commands).values(
            verb=verb.value,
            connector_id=connector_id,
            session_id=session_id,
            tag=tag_of(session_id),
            put_at=now,
            due_at=now,
            **bounds,
        )
    )
    await uow.announce(STATIONS_CHANNEL)


def tag_of(session_id: str) -> str:
    """Return what a session is called at a station: 20 characters, the most that OCPP 1.6 has room for."""
    return sha256(f"station tag\0{session_id}".encode()).hexdigest()[:20].upper()


class CommandStore:
    """Commands within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, *, holder: str, now: datetime, until: datetime) -> ClaimedCommand | None:
        """Take the command that is due longest, until the lease ends; or None.

        What one connector is told, it is told in order; only one that was put off is overtaken. What is for
        a station that another process holds is left to that.
        """
        earlier = station_commands.alias("earlier")
        waits = (
            select(earlier.c.id)
            .where(earlier.c.connector_id == _C.connector_id, earlier.c.done_at.is_(None))
            .where(earlier.c.id < _C.id, or_(earlier.c.due_at <= now, earlier.c.leased_until > now))
            .exists()
        )
        found = await self._connection.execute(
            select(station_commands)
            .where(_C.done_at.is_(None), _C.due_at <= now, ~waits, ~_held_elsewhere(holder, now=now))
            .where(or_(_C.leased_until.is_(None), _C.leased_until <= now))
            .order_by(_C.due_at, _C.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = found.mappings().one_or_none()
        if row is None:
            return None
        claimed = ClaimedCommand(command=_command_of(row), attempt=row["attempts"] + 1, put_at=row["put_at"])
        await self._connection.execute(
            update(station_commands)
            .where(_C.id == row["id"])
            .values(leased_until=until, attempts=claimed.attempt)
        )
        return claimed

    async def finish(self, claimed: ClaimedCommand, result: CommandResult, *, now: datetime) -> bool:
        """Keep what became of a command; say whether the lease was still held."""
        return await self._set(
            claimed,
            acceptance=result.acceptance.value,
            why=result.why or None,
            done_at=now,
            leased_until=None,
        )

    async def put_off(self, claimed: ClaimedCommand, *, due_at: datetime, why: str) -> bool:
        """Have a command tried again; say whether the lease was still held."""
        return await self._set(claimed, due_at=due_at, why=why, leased_until=None)

    async def hasten(self, connector_ids: list[str], *, now: datetime) -> None:
        """Have what waits for these connectors tried now: their station is there again."""
        await self._connection.execute(
            update(station_commands)
            .where(_C.connector_id.in_(connector_ids), _C.done_at.is_(None), _C.due_at > now)
            .values(due_at=now)
        )

    async def take_back_starts(self, session_id: str, *, connector_id: str, now: datetime) -> None:
        """Have a connector not told any more to start a session, unless it is being told."""
        of_session = _C.session_id == session_id
        await self._take_back(connector_id, of_session, _C.verb == Verb.START.value, now=now)

    async def take_back_limits(self, connector_id: str, *, now: datetime) -> None:
        """Have a connector not told any more of a limit on its power, or of its end, likewise."""
        await self._take_back(connector_id, _C.verb.in_((Verb.LIMIT.value, Verb.LIFT.value)), now=now)

    async def _take_back(self, connector_id: str, *of: ColumnElement[bool], now: datetime) -> None:
        await self._connection.execute(
            update(station_commands)
            .where(_C.connector_id == connector_id, _C.done_at.is_(None), *of)
            .where(or_(_C.leased_until.is_(None), _C.leased_until <= now))
            .values(acceptance=Acceptance.REJECTED.value, why=_TAKEN_BACK, done_at=now, leased_until=None)
        )

    async def fulfil_starts(self, session_id: str, *, connector_id: str, now: datetime) -> None:
        """Take that a connector has started a session: whatever it answers, or does not, it did."""
        await self._connection.execute(
            update(station_commands)
            .where(_C.session_id == session_id, _C.connector_id == connector_id)
            .where(_C.verb == Verb.START.value, _C.done_at.is_(None))
            .values(acceptance=Acceptance.ACCEPTED.value, why=None, done_at=now, leased_until=None)
        )

    async def find_session(self, tag: str, *, connector_id: str) -> TaggedSession | None:
        """Return the session that a tag stands for at a connector, if it was ever to start there."""
        of_tag = (_C.tag == tag, _C.connector_id == connector_id)
        stands = or_(_C.acceptance.is_(None), _C.acceptance == Acceptance.ACCEPTED.value)
        found = await self._connection.execute(
            select(_C.id, _C.session_id, _C.limit_wh, _C.put_at)
            .where(*of_tag, _C.verb == Verb.START.value, stands)
            .order_by(_C.id.desc())
            .limit(1)
        )
        row = found.one_or_none()
        if row is None:
            return None
        ends = await self._connection.execute(
            select(func.min(_C.put_at), func.count().filter(stands)).where(
                *of_tag, _C.id > row.id, _C.verb.in_([verb.value for verb in _ENDS])
            )
        )
        stopped_at, standing = ends.one()
        return TaggedSession(
            session_id=row.session_id,
            limit_wh=row.limit_wh,
            put_at=row.put_at,
            stopped_at=stopped_at,
            is_to_end=standing > 0,
        )

    async def find_reservation(self, session_id: str) -> int | None:
        """Return the number of the last reservation that a station accepted for a session."""
        found = await self._connection.execute(
            select(func.max(_C.id)).where(
                _C.session_id == session_id,
                _C.verb == Verb.RESERVE.value,
                _C.acceptance == Acceptance.ACCEPTED.value,
            )
        )
        number: int | None = found.scalar_one()
        return number

    async def find_last(self, connector_id: str, verb: Verb, *, since: datetime) -> RowMapping | None:
        """Return the last command of a verb that was put down for a connector since an instant."""
        found = await self._connection.execute(
            select(station_commands)
            .where(_C.connector_id == connector_id, _C.verb == verb.value, _C.put_at >= since)
            .order_by(_C.id.desc())
            .limit(1)
        )
        return found.mappings().one_or_none()

    async def latest(self, connector_ids: Sequence[str], *, limit: int) -> Sequence[RowMapping]:
        """Return what connectors were told, the newest first."""
        found = await self._connection.execute(
            select(station_commands)
            .where(_C.connector_id.in_(connector_ids))
            .order_by(_C.id.desc())
            .limit(limit)
        )
        return found.mappings().all()

    async def _set(self, claimed: ClaimedCommand, **values: object) -> bool:
        held = await self._connection.execute(
            update(station_commands)
            .where(_C.id == claimed.command.id, _C.attempts == claimed.attempt, _C.done_at.is_(None))
            .values(**values)
            .returning(_C.id)
        )
        return held.one_or_none() is not None


def _held_elsewhere(holder: str, *, now: datetime) -> Exists:
    of_connector = station_connectors.c.connector_id == _C.connector_id
    return (
        select(stations.c.station_id)
        .join(station_connectors, station_connectors.c.station_id == stations.c.station_id)
        .where(of_connector, stations.c.held_by != holder, stations.c.held_until > now)
        .exists()
    )


def _command_of(row: RowMapping) -> StationCommand:
    return StationCommand(
        id=row["id"],
        verb=Verb(row["verb"]),
        connector_id=row["connector_id"],
        session_id=row["session_id"],
        until=row["until"],
        limit=None if row["limit_wh"] is None else Energy(row["limit_wh"]),
        limit_watts=row["limit_watts"],
    )
