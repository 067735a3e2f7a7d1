"""Meters and what they count separately, as this room asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import format_instant
from kernel.errors import NodeError
from kernel.interval import Interval
from metering.energy import DELTA_DATA, REGISTER_BEHAVIOURS, UOM_WATT_HOURS, Direction, Lane
from metering.registration.record import MeterAmbiguous, MeterIdentity
from metering.registration.resolver import MeterIdUnknown, resolve_meter, resolve_within
from metering.registration.tenure import conflicts

_POINT: Final = """
    SELECT id, mrid, external_id, device_lfdi, sender FROM meter_usage_points
    WHERE {which} ORDER BY id
"""
_BY_MRID: Final = text(
    _POINT.format(which="mrid = :mrid AND (CAST(:lfdi AS text) IS NULL OR device_lfdi = CAST(:lfdi AS text))")
)
_BY_ID: Final = text(_POINT.format(which="id = :id"))
_CHANNELS: Final = text(
    """
    SELECT c.id, g.id AS register_id, g.mrid AS register_mrid, g.external_id, c.direction, c.tou_tier,
        c.consumption_block, t.accumulation_behaviour, t.power_of_ten_multiplier, t.interval_length, t.uom
    FROM meter_registers AS g
    JOIN meter_channels AS c ON c.register_id = g.id
    JOIN LATERAL (
        SELECT * FROM meter_reading_types AS t WHERE t.register_id = g.id ORDER BY t.version DESC LIMIT 1
    ) AS t ON TRUE
    WHERE g.usage_point_id = :usage_point_id
    ORDER BY g.id, c.id
    """
)


class MeterUnknown(NodeError):
    """Nothing was ever heard of the meter."""

    code, http_status, retryable = "METER_UNKNOWN", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A meter; `mrid` is canonical, and `sender` alone may speak for it."""

    id: int
    mrid: str
    external_id: str
    device_lfdi: str
    sender: str

    @property
    def identity(self) -> MeterIdentity:
        """Who it is for the registration and for settlement."""
        return MeterIdentity(mrid=self.mrid, device_lfdi=self.device_lfdi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a register counts separately; `exponent` is the power of ten of its values."""

    id: int
    register_id: int
    register_mrid: str
    register_as_sent: str
    lane: Lane
    behaviour: int
    exponent: int
    interval_length: int | None
    uom: int

    @property
    def direction(self) -> Direction:
        return self.lane[0]

    @property
    def is_whole(self) -> bool:
        """Say whether it is a total, and not a tier's or a block's part of one."""
        return self.lane[1:] == (0, 0)

    @property
    def counts_intervals(self) -> bool:
        return self.uom == UOM_WATT_HOURS and self.behaviour == DELTA_DATA

    @property
    def counts_up(self) -> bool:
        return self.uom == UOM_WATT_HOURS and self.behaviour in REGISTER_BEHAVIOURS


async def find_point(
    connection: AsyncConnection, *, meter: str, at: datetime, device_lfdi: str | None = None
) -> Point:
    """Return the meter that goes by a registered id at an instant, or has an mRID in any spelling.

    Raises: MeterIdUnknown, MeterUnknown, MeterAmbiguous.
    """
    meant = await resolve_meter(connection, meter, at=at)
    return await point_of(connection, meant, meter=meter, device_lfdi=device_lfdi)


async def find_point_within(
    connection: AsyncConnection, *, meter: str, window: Interval, device_lfdi: str | None = None
) -> Point:
    """Return the meter that goes by a registered id within a window, or has an mRID in any spelling.

    Raises: MeterIdUnknown, MeterUnknown; MeterAmbiguous, also if the id passed from one meter to another
    within the window.
    """
    parts = await parts_within(connection, meter=meter, window=window)
    first, _ = parts[0]
    for meant, part in parts[1:]:
        if conflicts(first, meant):
            raise MeterAmbiguous(
                f"{meter[:64]!r} passed from one meter to another at {format_instant(part.start)}",
                hint="Ask for the time before it and the time after it, or write the mRID.",
            )
    meant = max((meant for meant, _ in parts), key=lambda meant: meant.device_lfdi is not None)
    return await point_of(connection, meant, meter=meter, device_lfdi=device_lfdi)


async def parts_within(
    connection: AsyncConnection, *, meter: str, window: Interval
) -> Sequence[tuple[MeterIdentity, Interval]]:
    """Return the meters that go by `meter` within a window, at least one, each with its part of it.

    Raises: MeterIdUnknown.
    """
    parts = await resolve_within(connection, meter, window=window)
    if not parts:
        raise MeterIdUnknown(
            f"no meter went by {meter[:64]!r} from {format_instant(window.start)} "
            f"to {format_instant(window.end)}",
            hint="Write the mRID, or register the id from an earlier time on.",
        )
    return parts


async def point_of(
    connection: AsyncConnection, meant: MeterIdentity, *, meter: str, device_lfdi: str | None = None
) -> Point:
    """Return the meter with that identity, which somebody calls `meter`.

    Raises: MeterUnknown, MeterAmbiguous.
    """
    lfdi = meant.device_lfdi if device_lfdi is None else device_lfdi.upper()
    found = await connection.execute(_BY_MRID, {"mrid": meant.mrid, "lfdi": lfdi})
    rows = found.mappings().all()
    if not rows:
        raise MeterUnknown(f"the meter {meter[:64]} has not reported anything")
    if len(rows) > 1:
        raise MeterAmbiguous(f"several devices use the mRID {meant.mrid}", hint="Say which by its LFDI.")
    return Point(**rows[0])


async def point_by_id(connection: AsyncConnection, usage_point_id: int) -> Point:
    """Return the meter with this number, which must be one that exists."""
    return Point(**(await connection.execute(_BY_ID, {"id": usage_point_id})).mappings().one())


async def channels_of(connection: AsyncConnection, point: Point) -> Sequence[Channel]:
    """Return what the registers of a meter count, the oldest register first."""
    rows = await connection.execute(_CHANNELS, {"usage_point_id": point.id})
    return [
        Channel(
            id=row.id,
            register_id=row.register_id,
            register_mrid=row.register_mrid,
            register_as_sent=row.external_id,
            lane=(Direction(row.direction), row.tou_tier, row.consumption_block),
            behaviour=row.accumulation_behaviour,
            exponent=row.power_of_ten_multiplier,
            interval_length=row.interval_length,
            uom=row.uom,
        )
        for row in rows
    ]
