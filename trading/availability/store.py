"""What there is of each resource, put on stock: by the catalogue whole, or by intervals.

What is held or sold stays so. Where a resource gets other intervals, what is held of those of before goes to
the new ones that it shares time with; what shares time with none stays where it was, and nothing is offered
there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from kernel.interval import Interval
from trading.availability.buckets import Bucket, interval_of, lay_again, span_of, touching
from trading.offer import Resource

_LOCK: Final = text(
    """
    SELECT resource_id FROM stock WHERE resource_id = ANY(CAST(:names AS text[]))
    ORDER BY resource_id COLLATE "C" FOR UPDATE
    """
)
_ENTER: Final = text(
    """
    INSERT INTO stock (resource_id, basis, most_held_percent)
    SELECT * FROM unnest(CAST(:names AS text[]), CAST(:bases AS text[]), CAST(:bounds AS numeric[]))
    ON CONFLICT (resource_id)
    DO UPDATE SET basis = excluded.basis, most_held_percent = excluded.most_held_percent
    """
)
_FORECAST: Final = text(
    "SELECT resource_id FROM stock WHERE resource_id = ANY(CAST(:names AS text[])) AND basis = 'FORECAST'"
)
_NEWEST: Final = text(
    """
    SELECT resource_id, starts, ends, watt_hours FROM stock_forecast_values
    WHERE resource_id = ANY(CAST(:names AS text[])) ORDER BY forecast_id DESC, starts
    """
)
_CLOSE: Final = text("UPDATE stock SET basis = 'CLOSED' WHERE resource_id = ANY(CAST(:names AS text[]))")
_NAMED: Final = """unnest(CAST(:resources AS text[]), CAST(:starts AS timestamptz[]),
                          CAST(:ends AS timestamptz[]), CAST(:amounts AS bigint[]))"""
_OFFER: Final = text(
    f"""
    INSERT INTO stock_buckets (resource_id, starts, ends, available_wh) SELECT * FROM {_NAMED}
    ON CONFLICT (resource_id, starts, ends)
    DO UPDATE SET available_wh = excluded.available_wh, is_offered = true
    """  # noqa: S608  only our own words
)
_OFFER_NO_OTHERS: Final = text(
    f"""
    UPDATE stock_buckets AS b SET available_wh = 0, is_offered = false
    WHERE b.resource_id = ANY(CAST(:names AS text[])) AND b.is_offered AND NOT EXISTS (
        SELECT FROM {_NAMED} AS n(resource_id, starts, ends, amount) WHERE n.resource_id = b.resource_id
        AND n.starts IS NOT DISTINCT FROM b.starts AND n.ends IS NOT DISTINCT FROM b.ends)
    """  # noqa: S608
)
_OFFER_INSTEAD: Final = text(
    f"""
    UPDATE stock_buckets AS b SET available_wh = 0, is_offered = false
    FROM {_NAMED} AS n(resource_id, starts, ends, amount)
    WHERE b.resource_id = ANY(CAST(:names AS text[])) AND b.is_offered AND n.resource_id = b.resource_id
    AND n.starts < b.ends AND n.ends > b.starts AND (n.starts, n.ends) <> (b.starts, b.ends)
    """  # noqa: S608
)
_OUT_OF_PLACE: Final = text(
    """
    SELECT DISTINCT resource_id FROM stock_buckets
    WHERE resource_id = ANY(CAST(:names AS text[])) AND NOT is_offered AND reserved_wh > 0
    ORDER BY resource_id
    """
)
_FORGET: Final = text(
    """
    DELETE FROM stock_buckets
    WHERE resource_id = ANY(CAST(:names AS text[])) AND NOT is_offered AND reserved_wh = 0
    """
)
_OFFERED: Final = text(
    """
    SELECT id, starts, ends FROM stock_buckets WHERE resource_id = :resource_id AND is_offered
    ORDER BY starts
    """
)
_PARTS_OUT_OF_PLACE: Final = text(
    """
    SELECT p.contract_id, p.bucket_id, p.watt_hours, b.starts, b.ends, c.window_start, c.window_end
    FROM stock_buckets AS b JOIN hold_parts AS p ON p.bucket_id = b.id
    JOIN contracts AS c ON c.id = p.contract_id
    WHERE b.resource_id = :resource_id AND NOT b.is_offered
    """
)
_MOVED: Final = """unnest(CAST(:contracts AS text[]), CAST(:buckets AS bigint[]), CAST(:amounts AS bigint[]))
    AS m(contract_id, bucket_id, watt_hours)"""
_TAKE_PARTS: Final = text(
    f"""
    DELETE FROM hold_parts AS p USING {_MOVED}
    WHERE p.contract_id = m.contract_id AND p.bucket_id = m.bucket_id
    """  # noqa: S608  only our own words
)
_ADD_PARTS: Final = text(
    f"""
    INSERT INTO hold_parts (contract_id, bucket_id, watt_hours)
    SELECT contract_id, bucket_id, sum(watt_hours) FROM {_MOVED} GROUP BY contract_id, bucket_id
    ON CONFLICT (contract_id, bucket_id)
    DO UPDATE SET watt_hours = hold_parts.watt_hours + excluded.watt_hours
    """  # noqa: S608
)
_COUNT: Final = text(
    """
    UPDATE stock_buckets AS b SET reserved_wh = b.reserved_wh + c.more
    FROM unnest(CAST(:buckets AS bigint[]), CAST(:more AS bigint[])) AS c(id, more) WHERE c.id = b.id
    """
)
_OVERSOLD: Final = text(
    """
    WITH taken AS (
        SELECT b.id, b.resource_id, b.starts, b.ends, b.available_wh, b.reserved_wh - coalesce(
            (SELECT sum(p.watt_hours) FROM hold_parts AS p JOIN holds AS h USING (contract_id)
             WHERE p.bucket_id = b.id AND h.expires_at <= :now), 0)::bigint AS taken_wh
        FROM stock_buckets AS b
        WHERE b.reserved_wh > b.available_wh AND (b.ends IS NULL OR b.ends > :now)
    )
    SELECT *, ARRAY(
        SELECT p.contract_id FROM hold_parts AS p JOIN holds AS h USING (contract_id)
        JOIN contracts AS c ON c.id = p.contract_id
        WHERE p.bucket_id = taken.id AND h.expires_at IS NULL
        ORDER BY c.confirmed_at DESC, c.id LIMIT 20) AS sold_to
    FROM taken WHERE taken_wh > available_wh ORDER BY resource_id, starts
    """
)


class Basis(StrEnum):
    """What the buckets of a resource follow from."""

    WHOLE = "WHOLE"
    """One quantity, whenever it is produced."""
    PROFILE = "PROFILE"
    """The catalogue's intervals."""
    FORECAST = "FORECAST"
    """The newest forecast of each interval."""
    CLOSED = "CLOSED"
    """Nothing is offered of it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversold:
    """A resource of which more is `taken` (held or sold) than is offered by now.

    `interval` says when, None where it is offered in all. `sold_to` are binding contracts on it, those that
    bought last first, twenty at most.
    """

    resource_id: str
    interval: Interval | None
    offered: Energy
    taken: Energy
    sold_to: tuple[str, ...] = ()


class AvailabilityStore:
    """What there is of the resources, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, resources: Iterable[Resource], *, closing: Sequence[str] = ()) -> None:
        """Offer of each resource what it says, and nothing any more of those that are `closing`.

        What is held or sold stays held or sold.
        """
        offered = {resource.id: resource for resource in resources}
        await self._connection.execute(_LOCK, {"names": sorted({*offered, *closing})})
        names = sorted(offered)
        bases = [_basis_of(offered[name]).value for name in names]
        forecast = [name for name in names if offered[name].forecasting is not None]
        stay = set((await self._connection.execute(_FORECAST, {"names": forecast})).scalars())
        bounds = [offered[name].most_held_percent for name in names]
        await self._connection.execute(_ENTER, {"names": names, "bases": bases, "bounds": bounds})
        layout = {name: _buckets_of(offered[name]) for name in names if name not in stay}
        newest = await self._newest([name for name in forecast if name not in stay])
        await self._lay_out(layout | newest | dict.fromkeys(closing, ()), _OFFER_NO_OTHERS)
        await self._connection.execute(_CLOSE, {"names": list(closing)})

    async def offer(self, resource_id: str, buckets: Sequence[Bucket]) -> None:
        """Offer these buckets of a locked resource instead of all that share time with them."""
        await self._lay_out({resource_id: buckets}, _OFFER_INSTEAD)

    async def _lay_out(self, layout: Mapping[str, Sequence[Bucket]], displace: TextClause) -> None:
        """Offer these buckets of locked resources, displace others, and lay what was held of those again."""
        named = _columns(layout)
        names = {"names": list(layout)}
        await self._connection.execute(_OFFER, named)
        await self._connection.execute(displace, named | names)
        rows = await self._connection.execute(_OUT_OF_PLACE, names)
        for resource_id in rows.scalars().all():
            await self._lay_again(resource_id)
        await self._connection.execute(_FORGET, names)

    async def oversold(self, *, now: datetime) -> list[Oversold]:
        """Return of what more is held or sold at `now` than is offered, but for intervals that are over."""
        rows = await self._connection.execute(_OVERSOLD, {"now": now})
        return [
            Oversold(
                resource_id=row.resource_id,
                interval=interval_of(row.starts, row.ends),
                offered=Energy(row.available_wh),
                taken=Energy(row.taken_wh),
                sold_to=tuple(row.sold_to),
            )
            for row in rows
        ]

    async def _newest(self, names: Sequence[str]) -> dict[str, Sequence[Bucket]]:
        """Return what the newest forecasts say of resources, by their ids."""
        found: dict[str, dict[Interval, Bucket]] = {name: {} for name in names}
        kept: dict[str, list[Interval]] = {name: [] for name in names}
        for row in await self._connection.execute(_NEWEST, {"names": list(names)}):
            interval, of_it = Interval(row.starts, row.ends), kept[row.resource_id]
            first, last = touching(of_it, interval)
            if first == last:  # a forecast says all of an interval anew, or nothing of it
                of_it.insert(first, interval)
                found[row.resource_id][interval] = Bucket(interval=interval, available=Energy(row.watt_hours))
        return {name: [found[name][each] for each in kept[name]] for name in names}

    async def _lay_again(self, resource_id: str) -> None:
        """Move what is held of buckets that are not offered any more to those that are."""
        known = {"resource_id": resource_id}
        offered = (await self._connection.execute(_OFFERED, known)).all()
        intervals = [interval_of(row.starts, row.ends) for row in offered]
        taken: list[Moved] = []
        added: list[Moved] = []
        for row in (await self._connection.execute(_PARTS_OUT_OF_PLACE, known)).all():
            span = span_of(interval_of(row.starts, row.ends), Interval(row.window_start, row.window_end))
            first, last = touching(intervals, span)
            shares = lay_again(row.watt_hours, span, intervals[first:last])
            if shares is None:
                continue
            taken.append((row.contract_id, row.bucket_id, row.watt_hours))
            moved = zip(offered[first:last], shares, strict=True)
            added += [(row.contract_id, to.id, share) for to, share in moved if share]
        if taken:
            await self._connection.execute(_TAKE_PARTS, _moved(taken))
            await self._connection.execute(_ADD_PARTS, _moved(added))
            await self._connection.execute(_COUNT, _counted(taken, added))


Moved = tuple[str, int, int]
"""So many Wh of a contract, by its id, in a bucket."""


def _moved(parts: Sequence[Moved]) -> dict[str, list[Any]]:
    columns = ("contracts", "buckets", "amounts")
    return {name: list(column) for name, column in zip(columns, zip(*parts, strict=True), strict=True)}


def _counted(taken: Sequence[Moved], added: Sequence[Moved]) -> dict[str, list[int]]:
    """Return by how much more is reserved of each bucket."""
    more: Counter[int] = Counter()
    for _, bucket_id, watt_hours in taken:
        more[bucket_id] -= watt_hours
    for _, bucket_id, watt_hours in added:
        more[bucket_id] += watt_hours
    return {"buckets": list(more), "more": list(more.values())}


def _basis_of(resource: Resource) -> Basis:
    if resource.forecasting is not None:
        return Basis.FORECAST
    return Basis.PROFILE if resource.profile else Basis.WHOLE


def _buckets_of(resource: Resource) -> tuple[Bucket, ...]:
    if resource.forecasting is not None:
        return ()
    return resource.profile or (Bucket(interval=None, available=resource.available),)


def _columns(layout: Mapping[str, Sequence[Bucket]]) -> dict[str, list[Any]]:
    flat = [(name, bucket) for name, buckets in layout.items() for bucket in buckets]
    intervals = [bucket.interval for _, bucket in flat]
    return {
        "resources": [name for name, _ in flat],
        "starts": [interval and interval.start for interval in intervals],
        "ends": [interval and interval.end for interval in intervals],
        "amounts": [bucket.available.watt_hours for _, bucket in flat],
    }
