"""The quantity that is left of each resource: two buyers never buy the same kilowatt-hour.

A hold lapses by itself: whoever wants of the same resource next gives it back first. Every change
locks the resource's one row, so what is held never exceeds what is offered.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from kernel.errors import NodeError
from trading.fields import Field
from trading.offer import Resource
from trading.refusals import QuantityUnavailable
from trading.tables import holds, stock

_LEFT: Final = text(
    """
    SELECT s.resource_id, s.available_wh - s.reserved_wh + coalesce(
        (SELECT sum(h.watt_hours) FROM holds AS h
         WHERE h.resource_id = s.resource_id AND h.expires_at <= :now), 0)::bigint AS left_wh
    FROM stock AS s
    """
)


_LEFT_OF_WANTED: Final = text(f"{_LEFT.text} WHERE s.reserved_wh <> 0")


class StockMissing(NodeError):
    """The resource was never put on stock."""

    code, http_status, retryable = "NET_CATALOG_STALE", 500, True


class Stock:
    """The stock within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, resources: Iterable[Resource]) -> None:
        """Offer of each resource what it says; what is held or sold stays held or sold."""
        for resource in sorted(resources, key=lambda resource: resource.id):
            offered = resource.available.watt_hours
            statement = upsert(stock).values(resource_id=resource.id, available_wh=offered)
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[stock.c.resource_id], set_={"available_wh": offered}
                )
            )

    async def left_of_wanted(self, *, now: datetime) -> dict[str, Energy]:
        """Return what can be had at `now` of the resources of which something is held or sold, by their ids.

        Of the others there is what they say.
        """
        rows = await self._connection.execute(_LEFT_OF_WANTED, {"now": now})
        return {row.resource_id: Energy(max(0, row.left_wh)) for row in rows}

    async def left(self, *, now: datetime) -> dict[str, Energy]:
        """Return what can be had of each resource at `now`, by its id."""
        rows = await self._connection.execute(_LEFT, {"now": now})
        return {row.resource_id: Energy(max(0, row.left_wh)) for row in rows}

    async def hold(
        self, contract_id: str, *, resource_id: str, quantity: Energy, now: datetime, until: datetime | None
    ) -> None:
        """Hold `quantity` for a contract, instead of what was held for it before.

        Raises: QuantityUnavailable; StockMissing.
        """
        await self._lock(resource_id)
        await self._give_back(resource_id, holds.c.expires_at <= now)
        await self._give_back(resource_id, holds.c.contract_id == contract_id)
        await self._reserve(resource_id, quantity)
        await self._connection.execute(
            insert(holds).values(
                contract_id=contract_id,
                resource_id=resource_id,
                watt_hours=quantity.watt_hours,
                expires_at=until,
            )
        )

    async def sell(self, contract_id: str) -> bool:
        """Make a contract's hold last; False, if it has none any more."""
        result = await self._connection.execute(
            update(holds).where(holds.c.contract_id == contract_id).values(expires_at=None)
        )
        return result.rowcount > 0

    async def release(self, contract_id: str, *, resource_id: str) -> None:
        """Give back what a contract holds, if it holds anything."""
        await self._lock(resource_id)
        await self._give_back(resource_id, holds.c.contract_id == contract_id)

    async def held_for(self, contract_id: str) -> Energy:
        """Return what is held for, or sold to, a contract."""
        query = select(func.coalesce(func.sum(holds.c.watt_hours), 0)).where(
            holds.c.contract_id == contract_id
        )
        return Energy(int((await self._connection.execute(query)).scalar_one()))

    async def _lock(self, resource_id: str) -> None:
        query = select(stock.c.resource_id).where(stock.c.resource_id == resource_id).with_for_update()
        if (await self._connection.execute(query)).one_or_none() is None:
            raise StockMissing(f"the resource {resource_id} was never put on stock")

    async def _give_back(self, resource_id: str, condition: ColumnElement[bool]) -> None:
        freed = await self._connection.execute(
            delete(holds).where(holds.c.resource_id == resource_id, condition).returning(holds.c.watt_hours)
        )
        await self._connection.execute(
            update(stock)
            .where(stock.c.resource_id == resource_id)
            .values(reserved_wh=stock.c.reserved_wh - sum(freed.scalars()))
        )

    async def _reserve(self, resource_id: str, quantity: Energy) -> None:
        wanted = quantity.watt_hours
        taken = await self._connection.execute(
            update(stock)
            .where(stock.c.resource_id == resource_id, stock.c.reserved_wh + wanted <= stock.c.available_wh)
            .values(reserved_wh=stock.c.reserved_wh + wanted)
        )
        if taken.rowcount:
            return
        query = select(stock.c.available_wh - stock.c.reserved_wh).where(stock.c.resource_id == resource_id)
        left = Energy(max(0, (await self._connection.execute(query)).scalar_one()))
        raise QuantityUnavailable(
            f"{quantity} were asked for, {left} are left",
            path=Field.QUANTITY,
            hint=f"Order at most {left}." if left.watt_hours else "Discover again for other offers.",
        )
