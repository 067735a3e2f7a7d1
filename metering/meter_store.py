"""Meters and their registers in PostgreSQL, within one transaction.

A meter is locked before anything of it is judged, so that two documents of one meter wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.documents import MirrorMeterReading, MirrorUsagePoint, ReadingType
from metering.energy import Lane
from metering.many_meters import registers_of
from metering.stored_meter import Register, StoredUsagePoint
from metering.tables import meter_channels, meter_reading_types, meter_registers, meter_usage_points
from storage.driver import driver_of

GREATEST_ID: Final = 2**63 - 1
_TYPE_FIELDS: Final = tuple(field.name for field in fields(ReadingType))
_POINT_FIELDS: Final = tuple(field.name for field in fields(StoredUsagePoint))
_POINT: Final = [meter_usage_points.c[name] for name in _POINT_FIELDS]

_BY_IDENTITY: Final = (
    select(*_POINT)
    .where(
        meter_usage_points.c.device_lfdi == bindparam("device_lfdi"),
        meter_usage_points.c.mrid == bindparam("mrid"),
    )
    .with_for_update(key_share=True)
)
_BY_ID: Final = (
    select(*_POINT).where(meter_usage_points.c.id == bindparam("id")).with_for_update(key_share=True)
)


class MeterStore:
    """Meters and registers within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, *, device_lfdi: str, mrid: str) -> StoredUsagePoint | None:
        """Return the meter and hold it until the unit of work ends, or None where it is not known."""
        return await self._lock(_BY_IDENTITY, device_lfdi=device_lfdi, mrid=mrid)

    async def lock_by_id(self, usage_point_id: int) -> StoredUsagePoint | None:
        """Return the meter with this number and hold it until the unit of work ends, or None."""
        return await self._lock(_BY_ID, id=usage_point_id)

    async def find(self, usage_point_id: int) -> StoredUsagePoint | None:
        """Return the meter with this number as it is now, or None."""
        if usage_point_id > GREATEST_ID:
            return None
        statement = select(*_POINT).where(meter_usage_points.c.id == usage_point_id)
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        return None if row is None else StoredUsagePoint(**row)

    async def devices_of(self, mrid: str) -> list[str]:
        """Return the LFDIs of the devices that use a canonical mRID; of one without any, the empty text."""
        c = meter_usage_points.c
        return list(
            (await self._connection.execute(select(c.device_lfdi).where(c.mrid == mrid).limit(2))).scalars()
        )

    async def _lock(self, statement: Executable, **identity: str | int) -> StoredUsagePoint | None:
        row = (await self._connection.execute(statement, identity)).mappings().one_or_none()
        return None if row is None else StoredUsagePoint(**row)

    async def add(self, point: MirrorUsagePoint, *, sender: str, now: datetime) -> bool:
        """Keep a meter that is new here; False where somebody else has done so meanwhile."""
        statement = (
            insert_or_skip(meter_usage_points)
            .values(
                device_lfdi=point.device_lfdi,
                mrid=point.mrid,
                external_id=point.mrid_as_sent,
                sender=sender,
                created_at=now,
                **_changeable(point),
            )
            .on_conflict_do_nothing()
            .returning(meter_usage_points.c.id)
        )
        return (await self._connection.execute(statement)).scalar_one_or_none() is not None

    async def describe(self, stored: StoredUsagePoint, point: MirrorUsagePoint) -> StoredUsagePoint:
        """Keep what its sender says of a locked meter now, where that differs; return the meter."""
        if is_described_so(stored, point):
            return stored
        new = _changeable(point)
        await self._connection.execute(
            update(meter_usage_points).where(meter_usage_points.c.id == stored.id).values(**new)
        )
        return replace(stored, **new)

    async def hand_over(self, stored: StoredUsagePoint, *, sender: str) -> StoredUsagePoint:
        """Have a locked meter belong to another sender; return it."""
        await self._connection.execute(
            update(meter_usage_points).where(meter_usage_points.c.id == stored.id).values(sender=sender)
        )
        return replace(stored, sender=sender)

    async def page_of(self, sender: str, *, skip: int, limit: int) -> tuple[Sequence[StoredUsagePoint], int]:
        """Return some of the meters that `sender` registered, oldest first, and how many there are."""
        c = meter_usage_points.c
        counted = select(func.count()).select_from(meter_usage_points).where(c.sender == sender)
        total = (await self._connection.execute(counted)).scalar_one()
        page = select(*_POINT).where(c.sender == sender).order_by(c.id).offset(skip).limit(limit)
        rows = (await self._connection.execute(page)).mappings()
        return [StoredUsagePoint(**row) for row in rows], total

    async def registers(self, usage_point_id: int, mrids: Iterable[str]) -> dict[str, Register]:
        """Return what is known of these registers of a meter, by mRID."""
        found = await registers_of(driver_of(self._connection), [usage_point_id], mrids=list(mrids))
        return found.get(usage_point_id, {})

    async def add_registers(self, usage_point_id: int, new: Iterable[MirrorMeterReading]) -> dict[str, int]:
        """Keep registers of a locked meter that are new; return the numbers of all it has, by mRID."""
        rows = [
            {"usage_point_id": usage_point_id, "mrid": item.mrid, "external_id": item.mrid_as_sent}
            for item in new
        ]
        if rows:
            await self._connection.execute(insert(meter_registers), rows)
        c = meter_registers.c
        found = await self._connection.execute(select(c.mrid, c.id).where(c.usage_point_id == usage_point_id))
        return {row.mrid: row.id for row in found}

    async def add_reading_types(
        self, new: Iterable[tuple[int, int, ReadingType]], *, document_id: int
    ) -> None:
        """Keep reading types, each with the number of its register and its version."""
        rows = [
            {"register_id": register_id, "version": version, "document_id": document_id, **asdict(kind)}
            for register_id, version, kind in new
        ]
        await self._connection.execute(insert(meter_reading_types), rows)

    async def add_channels(self, new: Iterable[tuple[int, Lane]]) -> None:
        """Keep what registers, given by number, are seen to count separately from now on."""
        rows = [
            {
                "register_id": register_id,
                "direction": direction.value,
                "tou_tier": tier,
                "consumption_block": block,
            }
            for register_id, (direction, tier, block) in new
        ]
        await self._connection.execute(insert(meter_channels), rows)


def is_described_so(stored: StoredUsagePoint, point: MirrorUsagePoint) -> bool:
    """Say whether a document says of its meter what is kept of it."""
    return all(getattr(stored, name) == value for name, value in _changeable(point).items())


def _changeable(point: MirrorUsagePoint) -> dict[str, Any]:
    return {
        "role_flags": point.role_flags,
        "service_category": point.service_category_kind,
        "status": point.status,
        "description": point.description,
    }
