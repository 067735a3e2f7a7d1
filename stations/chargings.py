"""What was charged at connectors, from a station's start to its stop, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from stations.port import StationEventKind
from stations.tables import station_connectors, station_transactions, stations

_T: Final = station_transactions.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Charging:
    """A stretch of charging (OCPP: a transaction) as its station tells of it; stands in Wh, of import.

    `id` is what we call it (the transactionId of OCPP 1.6), `ref` what makes it one at its station;
    `start_wh` is the lowest and `highest_wh` the highest stand that was believed of it, `counted_at` when
    the last of them was. `shown_wh` is the first stand that was told where only what is signed counts.
    """

    id: int
    station_id: str
    ref: str
    connector_id: str
    session_id: str | None
    started_at: datetime
    start_wh: int | None
    stopped_at: datetime | None
    stop_wh: int | None
    last_seq_no: int | None
    highest_wh: int | None
    counted_at: datetime | None
    doubt: str | None
    shown_wh: int | None = None

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCharging:
    """What is known of a charging when it begins."""

    station_id: str
    ref: str
    connector_id: str
    session_id: str | None
    started_at: datetime
    start_wh: int | None


class ChargingStore:
    """Chargings within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewCharging) -> Charging:
        """Keep a charging that begins; nobody else may keep it meanwhile."""
        added = await self._connection.execute(
            insert(station_transactions)
            .values(
                station_id=new.station_id,
                transaction_ref=new.ref,
                connector_id=new.connector_id,
                session_id=new.session_id,
                started_at=new.started_at,
                start_wh=new.start_wh,
            )
            .returning(*station_transactions.c)
        )
        return _charging(added.mappings().one())

    async def find(self, *, station_id: str, ref: str) -> Charging | None:
        """Return the charging that its station calls so."""
        return await self._one(_T.station_id == station_id, _T.transaction_ref == ref)

    async def find_by_id(self, *, station_id: str, number: int) -> Charging | None:
        """Return the charging that we gave this number."""
        return await self._one(_T.station_id == station_id, _T.id == number)

    async def find_open(self, *, session_id: str) -> Charging | None:
        """Return the charging that runs for a session."""
        return await self._one(_T.session_id == session_id, _T.stopped_at.is_(None))

    async def find_open_at(self, *, connector_id: str) -> Charging | None:
        """Return the charging that runs at a connector."""
        return await self._one(_T.connector_id == connector_id, _T.stopped_at.is_(None))

    async def find_all_open(self, *, station_id: str) -> list[Charging]:
        """Return what runs at a station."""
        rows = await self._connection.execute(
            select(station_transactions).where(_T.station_id == station_id, _T.stopped_at.is_(None))
        )
        return [_charging(row) for row in rows.mappings()]

    async def find_left(self, *, since: datetime) -> list[Charging]:
        """Return what runs at connectors that are free since then, while their station was there."""
        is_left = station_connectors.c.status == StationEventKind.AVAILABLE.value
        rows = await self._connection.execute(
            select(station_transactions)
            .join(station_connectors, station_connectors.c.connector_id == _T.connector_id)
            .join(stations, stations.c.station_id == _T.station_id)
            .where(_T.stopped_at.is_(None), is_left, station_connectors.c.status_at >= _T.started_at)
            .where(station_connectors.c.status_at <= since, stations.c.connected_at <= since)
        )
        return [_charging(row) for row in rows.mappings()]

    async def has_ended(self, session_id: str, *, by: datetime) -> bool:
        """Say whether a charging of a session had stopped by an instant: a session charges once."""
        return await self._one(_T.session_id == session_id, _T.stopped_at <= by) is not None

    async def find_latest_at(self, *, connector_id: str) -> Charging | None:
        """Return the charging that was the last to begin at a connector."""
        return await self._one(_T.connector_id == connector_id)

    async def latest(self, *, station_id: str, limit: int) -> list[Charging]:
        """Return a station's chargings, the newest first."""
        rows = await self._connection.execute(
            select(station_transactions)
            .where(_T.station_id == station_id)
            .order_by(_T.id.desc())
            .limit(limit)
        )
        return [_charging(row) for row in rows.mappings()]

    async def set(self, charging: Charging, **values: object) -> None:
        """Keep what became of a charging, by column."""
        await self._connection.execute(
            update(station_transactions).where(_T.id == charging.id).values(**values)
        )

    async def _one(self, *conditions: object) -> Charging | None:
        found = await self._connection.execute(
            select(station_transactions)
            .where(*conditions)  # type: ignore[arg-type]  # conditions on columns, of whatever kind
            .order_by(_T.id.desc())
            .limit(1)
        )
        row = found.mappings().one_or_none()
        return None if row is None else _charging(row)


def _charging(row: RowMapping) -> Charging:
    names = ("id", "station_id", "connector_id", "session_id", "started_at", "start_wh", "stopped_at",
             "stop_wh", "last_seq_no", "highest_wh", "counted_at", "doubt", "shown_wh")  # fmt: skip
    return Charging(ref=row["transaction_ref"], **{name: row[name] for name in names})
