"""Which meter is meant, and which of its local days, by an id that may pass from one meter to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.vee.days import LocalDate, dates_between
from metering.vee.points import Point, find_point, find_point_within, parts_within, point_of
from metering.vee.validation import FALLBACK_ZONE, zone_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterName:
    """What a meter is called, and the LFDI of its device, where several use the mRID."""

    text: str
    device_lfdi: str | None = None


async def find_days(
    connection: AsyncConnection, name: MeterName, *, first: date, last: date, zone: str | None = None
) -> tuple[Point, Sequence[LocalDate]]:
    """Return the meter that went by `name` on local days, and these days.

    Without a `zone` they are days of the one that the meter was registered in on the first of them, else
    of UTC. Raises: LocalDayInvalid, MeterIdUnknown, MeterUnknown, MeterAmbiguous.
    """
    days = dates_between(first, last, zone or FALLBACK_ZONE)
    if zone is None:
        (meant, part), *_ = await parts_within(connection, meter=name.text, window=_window(days))
        point = await point_of(connection, meant, meter=name.text, device_lfdi=name.device_lfdi)
        days = dates_between(first, last, await zone_of(connection, point, at=part.start))
    point = await find_point_within(
        connection, meter=name.text, window=_window(days), device_lfdi=name.device_lfdi
    )
    return point, days


def _window(days: Sequence[LocalDate]) -> Interval:
    return Interval(days[0].period.start, days[-1].period.end)


async def find_meter(
    connection: AsyncConnection, name: MeterName, *, start: datetime, end: datetime
) -> Point:
    """Return the meter that went by `name` from `start` to `end`, or at the instant that both are.

    Raises: MeterIdUnknown, MeterUnknown, MeterAmbiguous.
    """
    if end <= start:
        return await find_point(connection, meter=name.text, at=start, device_lfdi=name.device_lfdi)
    return await find_point_within(
        connection, meter=name.text, window=Interval(start, end), device_lfdi=name.device_lfdi
    )
