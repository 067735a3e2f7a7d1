"""The quantity that is left of each resource: two buyers never buy the same kilowatt-hour.

What is held is held of buckets: of the one quantity that there is in all, or of the intervals that a window
touches (trading.availability). A hold lapses by itself: whoever wants of the same resource next gives it back
first. Every change locks the resource's one row, so nobody gets more than is offered then; a catalogue that
offers less later takes nothing away. Who changes several resources locks them in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.proportion import split_whole
from trading.availability.buckets import after, interval_of, span_of
from trading.availability.plan import Plan, lacking
from trading.availability.rooms import find_left_of_wanted, find_rooms
from trading.availability.tables import hold_parts, holds, stock
from trading.contract import Contract

_COUNT: Final = text(
    """
    UPDATE stock_buckets AS b SET reserved_wh = b.reserved_wh + c.more
    FROM unnest(CAST(:buckets AS bigint[]), CAST(:more AS bigint[])) AS c(id, more) WHERE c.id = b.id
    """
)
_PARTS: Final = text(
    """
    SELECT b.id, b.starts, b.ends, b.reserved_wh - b.available_wh AS too_much, p.watt_hours
    FROM hold_parts AS p JOIN stock_buckets AS b ON b.id = p.bucket_id
    WHERE p.contract_id = :contract_id ORDER BY b.starts, b.id
    """
)
_LESS: Final = """unnest(CAST(:buckets AS bigint[]), CAST(:less AS bigint[])) AS l(bucket_id, watt_hours)
    WHERE p.contract_id = :contract_id AND p.bucket_id = l.bucket_id"""
_END_PARTS: Final = text(
    f"DELETE FROM hold_parts AS p USING {_LESS} AND p.watt_hours = l.watt_hours"  # noqa: S608  our words
)
_LESSEN_PARTS: Final = text(
    f"UPDATE hold_parts AS p SET watt_hours = p.watt_hours - l.watt_hours FROM {_LESS}"  # noqa: S608
)
_FREE: Final = text(
    """
    DELETE FROM hold_parts WHERE contract_id = ANY(CAST(:contracts AS text[]))
    RETURNING bucket_id, watt_hours
    """
)
_FORGET: Final = text("DELETE FROM holds WHERE contract_id = ANY(CAST(:contracts AS text[]))")


class StockMissing(NodeError):
    """The resource was never put on stock."""

    code, http_status, retryable = "NET_CATALOG_STALE", 500, True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What a contract holds of a bucket, of which `too_much` more is held and sold than is offered."""

    bucket_id: int
    interval: Interval | None
    watt_hours: int
    too_much: int


class Stock:
    """The stock within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def left_of_wanted(
        self, *, now: datetime, since: datetime | None = None, window: Interval | None = None
    ) -> dict[str, Energy]:
        """Return what can be had at `now` of resources by their ids.

        That is what can be had in a window, else in all intervals that end after `since`. These are the
        resources of which something is held or sold, and those that are offered by intervals; of the others
        there is what they say.
        """
        return await find_left_of_wanted(self._connection, now=now, since=since, window=window)

    async def left(
        self, resource_id: str, *, now: datetime, window: Interval | None = None, own: Sequence[str] = ()
    ) -> Energy:
        """Return what can be had of a resource at `now` in a window; nothing of one that was never on stock.

        The contracts `own` can have what they hold. Without a window that is in all intervals together.
        """
        rooms = await find_rooms(self._connection, resource_id, window, now=now, own=own)
        return Energy(sum(each.watt_hours for each in rooms))

    async def require(self, resource_id: str, quantity: Energy, *, window: Interval, now: datetime) -> None:
        """Raises: QuantityUnavailable, if less is left of a resource in a window. Nothing is held."""
        rooms = await find_rooms(self._connection, resource_id, window, now=now)
        if quantity.watt_hours > sum(each.watt_hours for each in rooms):
            raise lacking(quantity, window, rooms)

    async def hold_for(self, contract: Contract, *, now: datetime, or_as: Contract | None = None) -> None:
        """Hold a contract's quantity in its window as long as that is held; if it is binding, for good.

        That is instead of what was held for it before; part of that can be kept also where less is offered by
        now than is held and sold. With `or_as` what is held is enough for the contract as amended, too.
        Raises: QuantityUnavailable, TooMuchHeld; StockMissing.
        """
        plan = await self._plan([contract], now=now)
        for wanted in (contract,) if or_as is None else (contract, or_as):
            await plan.add(wanted)
        await self._carry_out(plan)

    async def hold_all(
        self,
        contracts: Sequence[Contract],
        *,
        now: datetime,
        at: Callable[[Contract], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Hold the quantity of each of several contracts as `hold_for` does, of all or of none.

        One can have what another gives back; who has the least time to have its quantity in goes first.
        `at` is what a refusal of one of them is raised in.
        Raises: QuantityUnavailable, TooMuchHeld; StockMissing.
        """
        plan = await self._plan(contracts, now=now)
        for wanted in sorted(contracts, key=lambda each: (each.window.duration, each.id)):
            with at(wanted):
                await plan.add(wanted)
        await self._carry_out(plan)

    async def sell(self, contract_id: str) -> bool:
        """Make a contract's hold last; False, if it has none any more."""
        result = await self._connection.execute(
            update(holds).where(holds.c.contract_id == contract_id).values(expires_at=None)
        )
        return result.rowcount > 0

    async def release(self, contract_id: str, *, resource_id: str) -> None:
        """Give back what a contract holds, if it holds anything."""
        await self._lock(resource_id)
        await self._give_back(holds.c.contract_id == contract_id)

    async def release_after(self, contract: Contract, since: datetime) -> None:
        """Give back what a contract holds in intervals at or after `since`; of what has none, nothing."""
        await self._lock(contract.resource_id)
        parts = await self._parts(contract.id)
        await self._reduce(
            contract.id,
            {
                part.bucket_id: after(part.watt_hours, span_of(part.interval, contract.window), since)
                for part in parts
                if part.interval is not None
            },
        )

    async def cut(self, contract: Contract, quantity: Energy, *, since: datetime, now: datetime) -> None:
        """Give back of what is cut from a contract what was sold beyond what is offered, and nothing else.

        There is less than was thought: nobody else is to have it instead.
        """
        await self._lock(contract.resource_id)
        await self._give_back(holds.c.resource_id == contract.resource_id, holds.c.expires_at <= now)
        parts = await self._parts(contract.id)
        coming = [after(part.watt_hours, span_of(part.interval, contract.window), since) for part in parts]
        if not sum(coming):
            return
        shares = split_whole(quantity.watt_hours, coming)
        await self._reduce(
            contract.id,
            {
                part.bucket_id: max(0, min(share, part.watt_hours, part.too_much))
                for part, share in zip(parts, shares, strict=True)
            },
        )

    async def held_for(self, contract_id: str) -> Energy:
        """Return what is held for, or sold to, a contract."""
        query = select(func.coalesce(func.sum(holds.c.watt_hours), 0)).where(
            holds.c.contract_id == contract_id
        )
        return Energy(int((await self._connection.execute(query)).scalar_one()))

    async def lock(self, resource_ids: Iterable[str]) -> None:
        """Hold the stock of several resources until the unit of work ends, always in one order.

        Raises: StockMissing.
        """
        for resource_id in sorted(set(resource_ids)):
            await self._lock(resource_id)

    async def _lock(self, resource_id: str) -> Decimal | None:
        """Return how many per cent of a resource one platform may hold, None if there is no bound."""
        query = select(stock.c.most_held_percent).where(stock.c.resource_id == resource_id)
        row = (await self._connection.execute(query.with_for_update())).one_or_none()
        if row is None:
            raise StockMissing(f"the resource {resource_id} was never put on stock")
        bound: Decimal | None = row.most_held_percent
        return bound

    async def _plan(self, contracts: Sequence[Contract], *, now: datetime) -> Plan:
        """Return the plan of holding contracts anew; nobody else changes their stock meanwhile."""
        bounds = {each: await self._lock(each) for each in sorted({one.resource_id for one in contracts})}
        await self._give_back(holds.c.resource_id.in_(bounds), holds.c.expires_at <= now)
        held = {}
        for each in contracts if len(contracts) > 1 else ():
            held[each.id] = {part.bucket_id: part.watt_hours for part in await self._parts(each.id)}
        ids = [each.id for each in contracts]
        return Plan(connection=self._connection, own=ids, held=held, bounds=bounds, now=now)

    async def _carry_out(self, plan: Plan) -> None:
        await self._give_back(holds.c.contract_id.in_(plan.own))
        for contract, parts in plan.parts.values():
            until = None if contract.is_binding else contract.hold_until
            await self._take(contract, parts, until=until)

    async def _parts(self, contract_id: str) -> list[_Part]:
        rows = await self._connection.execute(_PARTS, {"contract_id": contract_id})
        return [
            _Part(
                bucket_id=row.id,
                interval=interval_of(row.starts, row.ends),
                watt_hours=row.watt_hours,
                too_much=row.too_much,
            )
            for row in rows
        ]

    async def _take(self, contract: Contract, parts: Mapping[int, int], *, until: datetime | None) -> None:
        await self._connection.execute(
            insert(holds).values(
                contract_id=contract.id,
                resource_id=contract.resource_id,
                watt_hours=sum(parts.values()),
                expires_at=until,
            )
        )
        await self._connection.execute(
            insert(hold_parts),
            [
                {"contract_id": contract.id, "bucket_id": bucket_id, "watt_hours": watt_hours}
                for bucket_id, watt_hours in parts.items()
            ],
        )
        await self._count(parts)

    async def _give_back(self, *conditions: ColumnElement[bool]) -> None:
        """Give back what is held by contracts; whoever sells one of them at this time is waited for."""
        held = select(holds.c.contract_id).where(*conditions).with_for_update()
        contracts = (await self._connection.execute(held)).scalars().all()
        if not contracts:
            return
        freed = await self._connection.execute(_FREE, {"contracts": contracts})
        await self._count(_less((row.bucket_id, row.watt_hours) for row in freed))
        await self._connection.execute(_FORGET, {"contracts": contracts})

    async def _reduce(self, contract_id: str, less: Mapping[int, int]) -> None:
        """Give back so much of what a contract holds of each bucket."""
        freed = {bucket_id: watt_hours for bucket_id, watt_hours in less.items() if watt_hours}
        parts = {"contract_id": contract_id, "buckets": list(freed), "less": list(freed.values())}
        await self._connection.execute(_END_PARTS, parts)
        await self._connection.execute(_LESSEN_PARTS, parts)
        await self._count(_less(freed.items()))
        total, hold = sum(freed.values()), holds.c.contract_id == contract_id
        await self._connection.execute(delete(holds).where(hold, holds.c.watt_hours == total))
        await self._connection.execute(
            update(holds).where(hold).values(watt_hours=holds.c.watt_hours - total)
        )

    async def _count(self, more: Mapping[int, int]) -> None:
        """Count so much more as reserved of each bucket."""
        await self._connection.execute(_COUNT, {"buckets": list(more), "more": list(more.values())})


def _less(freed: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return what is reserved less of each bucket, of parts that were given back."""
    less: dict[int, int] = {}
    for bucket_id, watt_hours in freed:
        less[bucket_id] = less.get(bucket_id, 0) - watt_hours
    return less
