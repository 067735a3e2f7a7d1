"""Readings set aside with the reason, in PostgreSQL; none is thrown away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.documents import Reading
from metering.doubt import Doubt, Reason
from metering.tables import meter_quarantined_readings, meter_usage_points


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedReading:
    """A reading set aside: the `ordinal`-th of its document, from 0; `register` is an mRID.

    Units: `value` as sent, before the multiplier; `start` in seconds since 1970, `duration` in seconds.
    """

    ordinal: int
    register: str
    value: int | None
    start: int | None
    duration: int | None
    doubt: Doubt

    @classmethod
    def of(cls, reading: Reading, *, ordinal: int, register: str, doubt: Doubt) -> QuarantinedReading:
        period = reading.time_period
        return cls(
            ordinal=ordinal,
            register=register,
            value=reading.value,
            start=period.start if period else None,
            duration=period.duration if period else None,
            doubt=doubt,
        )


_C: Final = meter_quarantined_readings.c
_OPEN: Final = select(
    _C.ordinal, _C.register_mrid, _C.value, _C.start, _C.duration, _C.reason, _C.sentence
).where(_C.released_at.is_(None))
_RELEASE: Final = text(
    """
    UPDATE meter_quarantined_readings SET released_at = :now
    WHERE document_id = :document_id AND ordinal = ANY(CAST(:ordinals AS integer[]))
    """
)


class Quarantine:
    """The readings set aside, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(
        self,
        set_aside: Sequence[QuarantinedReading],
        *,
        usage_point_id: int,
        document_id: int,
        now: datetime,
    ) -> None:
        """Keep the readings of a document that do not count; there must be some."""
        rows = [
            {
                "document_id": document_id,
                "ordinal": item.ordinal,
                "usage_point_id": usage_point_id,
                "register_mrid": item.register,
                "reason": item.doubt.reason.value,
                "sentence": item.doubt.sentence,
                "value": item.value,
                "start": item.start,
                "duration": item.duration,
                "received_at": now,
            }
            for item in set_aside
        ]
        await self._connection.execute(insert(meter_quarantined_readings), rows)

    async def of_document(self, document_id: int) -> list[QuarantinedReading]:
        """Return the readings of a document that are set aside still."""
        return await self._open(_OPEN.where(_C.document_id == document_id).order_by(_C.ordinal))

    async def of_meter(self, mrid: str) -> list[QuarantinedReading]:
        """Return the readings that are set aside still of the meter with a canonical `mrid`, oldest first."""
        points = select(meter_usage_points.c.id).where(meter_usage_points.c.mrid == mrid)
        found = _OPEN.where(_C.usage_point_id.in_(points)).order_by(_C.document_id, _C.ordinal)
        return await self._open(found)

    async def _open(self, found: Select[Any]) -> list[QuarantinedReading]:
        return [
            QuarantinedReading(
                ordinal=row.ordinal,
                register=row.register_mrid,
                value=row.value,
                start=row.start,
                duration=row.duration,
                doubt=Doubt(Reason(row.reason), row.sentence),
            )
            for row in await self._connection.execute(found)
        ]

    async def release(self, ordinals: Iterable[int], *, document_id: int, now: datetime) -> None:
        """Note that readings of a document which were set aside have been taken after all."""
        await self._connection.execute(
            _RELEASE, {"document_id": document_id, "ordinals": list(ordinals), "now": now}
        )
