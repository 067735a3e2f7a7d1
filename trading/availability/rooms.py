"""What of the buckets of resources can be had in a window, read without locking anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from kernel.interval import Interval
from trading.availability.buckets import interval_of, room

_BUCKETS: Final = """
    WITH free AS (
        SELECT p.bucket_id, sum(p.watt_hours) AS watt_hours,
            sum(p.watt_hours) FILTER (WHERE h.contract_id = ANY(CAST(:own AS text[]))) AS own_wh
        FROM holds AS h JOIN hold_parts AS p USING (contract_id)
        WHERE h.resource_id = :resource_id
            AND (h.expires_at <= :now OR h.contract_id = ANY(CAST(:own AS text[])))
        GROUP BY p.bucket_id
    )
    SELECT b.id, b.starts, b.ends, coalesce(f.own_wh, 0)::bigint AS own_wh,
        (b.available_wh - b.reserved_wh + coalesce(f.watt_hours, 0))::bigint AS left_wh
    FROM stock_buckets AS b LEFT JOIN free AS f ON f.bucket_id = b.id
    WHERE b.resource_id = :resource_id
    """
_ALL_BUCKETS: Final = text(f"{_BUCKETS} ORDER BY b.starts, b.id")
_BUCKETS_WITHIN: Final = text(
    f"{_BUCKETS} AND (b.starts IS NULL OR (b.starts < :end AND b.ends > :start)) ORDER BY b.starts, b.id"
)
_EVER: Final = datetime.min.replace(tzinfo=UTC)
NOTHING: Final[Mapping[int, int]] = MappingProxyType({})
_MOST: Final = 2**63 - 1  # Wh, what one number has room for


def _left_by_resource(amount: str, *, bounds: str) -> TextClause:
    """Return the query of what is left of each resource that is told otherwise than it says.

    Those are resources with intervals, and those of whose one quantity somebody has part. Looked at are
    intervals within `bounds`, however many there were before; `amount` is what counts of each.
    """
    return text(
        f"""
        WITH lapsed AS (
            SELECT p.bucket_id, sum(p.watt_hours) AS watt_hours
            FROM holds AS h JOIN hold_parts AS p USING (contract_id)
            WHERE h.expires_at <= :now GROUP BY p.bucket_id
        ), told AS (
            SELECT * FROM stock_buckets WHERE starts IS NULL AND reserved_wh <> 0
            UNION ALL SELECT * FROM stock_buckets WHERE starts IS NOT NULL AND {bounds}
        ), wanted AS (
            SELECT t.resource_id, t.starts, t.ends,
                greatest(t.available_wh - t.reserved_wh + coalesce(l.watt_hours, 0), 0) AS left_wh
            FROM told AS t LEFT JOIN lapsed AS l ON l.bucket_id = t.id
        )
        SELECT resource_id, least(coalesce(sum({amount}), 0), {_MOST})::bigint AS left_wh
        FROM stock AS s LEFT JOIN wanted AS w USING (resource_id)
        WHERE s.basis <> 'WHOLE' OR w.resource_id IS NOT NULL GROUP BY resource_id
        """  # noqa: S608  only our own words
    )


_LEFT_OF_WANTED: Final = _left_by_resource("left_wh", bounds="ends > :start")
_SHARED: Final = "greatest(least(ends, :end) - greatest(starts, :start), interval '0')"
_LEFT_WITHIN: Final = _left_by_resource(
    f"""CASE WHEN starts IS NULL THEN left_wh
    ELSE div(left_wh * extract(epoch FROM {_SHARED}), extract(epoch FROM ends - starts)) END""",
    bounds="ends > :start AND starts < :end",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What can be had of a bucket in a window; one that `is_timed` is an interval."""

    bucket_id: int
    watt_hours: int
    is_timed: bool


async def find_rooms(
    connection: AsyncConnection,
    resource_id: str,
    window: Interval | None,
    *,
    now: datetime,
    own: Sequence[str] = (),
    taken: Mapping[int, int] = NOTHING,
    kept: Mapping[int, int] | None = None,
) -> list[Room]:
    """Return what can be had of a resource's buckets at `now`, of all of them where there is no window.

    The contracts `own` can have of each what they hold of it already, less what is `taken` for some of them;
    where they would hold more than is offered, only what is `kept` of that by the one that asks.
    """
    known = {"resource_id": resource_id, "now": now, "own": list(own)}
    if window is None:
        rows = await connection.execute(_ALL_BUCKETS, known)
    else:
        bounds = {"start": window.start, "end": window.end}
        rows = await connection.execute(_BUCKETS_WITHIN, known | bounds)
    return [
        Room(
            bucket_id=row.id,
            watt_hours=max(
                _kept(row.own_wh - taken.get(row.id, 0), None if kept is None else kept.get(row.id, 0)),
                room(row.left_wh - taken.get(row.id, 0), interval_of(row.starts, row.ends), window),
            ),
            is_timed=row.starts is not None,
        )
        for row in rows
    ]


def _kept(own: int, most: int | None) -> int:
    return max(0, own if most is None else min(own, most))


async def find_left_of_wanted(
    connection: AsyncConnection, *, now: datetime, since: datetime | None, window: Interval | None
) -> dict[str, Energy]:
    """Return what can be had of the resources that are told otherwise than they say; see trading.stock."""
    if window is None:
        rows = await connection.execute(_LEFT_OF_WANTED, {"now": now, "start": since or _EVER})
    else:
        within = {"now": now, "start": window.start, "end": window.end}
        rows = await connection.execute(_LEFT_WITHIN, within)
    return {row.resource_id: Energy(row.left_wh) for row in rows}
