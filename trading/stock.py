"""The quantity that is left of each resource: two buyers never buy the same kilowatt-hour.

A hold lapses by itself: whoever wants of the same resource next gives it back first. Every change
locks the resource's one row, so nobody gets more than is offered then; a catalogue that offers less
later takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, insert, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import ZERO_ENERGY, Energy
from kernel.errors import NodeError
from trading.contract import Contract
from trading.fields import Field
from trading.offer import Resource
from trading.refusals import QuantityUnavailable
from trading.tables import holds, stock

_LEFT: Final = """
    SELECT s.resource_id, s.available_wh - s.reserved_wh + coalesce(
        (SELECT sum(h.watt_hours) FROM holds AS h
         WHERE h.resource_id = s.resource_id AND h.expires_at <= :now), 0)::bigint AS left_wh
    FROM stock AS s
    """
_LEFT_OF_ONE: Final = text(f"{_LEFT} WHERE s.resource_id = :resource_id")
_LEFT_OF_WANTED: Final = text(f"{_LEFT} WHERE s.reserved_wh <> 0")
_PUT: Final = text(
    """
    INSERT INTO stock (resource_id, available_wh)
    SELECT * FROM unnest(CAST(:names AS text[]), CAST(:amounts AS bigint[]))
    ON CONFLICT (resource_id) DO UPDATE SET available_wh = excluded.available_wh
    """
)
_CLOSE: Final = text("UPDATE stock SET available_wh = 0 WHERE resource_id = ANY(CAST(:names AS text[]))")
_OVERSOLD: Final = text(
    """
    WITH taken AS (
        SELECT s.resource_id, s.available_wh, s.reserved_wh - coalesce(
            (SELECT sum(h.watt_hours) FROM holds AS h
             WHERE h.resource_id = s.resource_id AND h.expires_at <= :now), 0)::bigint AS taken_wh
        FROM stock AS s WHERE s.reserved_wh > s.available_wh
    )
    SELECT * FROM taken WHERE taken_wh > available_wh ORDER BY resource_id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversold:
    """A resource of which more is `taken` (held or sold) than its catalogue offers by now."""

    resource_id: str
    offered: Energy
    taken: Energy


class StockMissing(NodeError):
    """The resource was never put on stock."""

    code, http_status, retryable = "NET_CATALOG_STALE", 500, True


class Stock:
    """The stock within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, resources: Iterable[Resource]) -> None:
        """Offer of each resource what it says; what is held or sold stays held or sold."""
        offered = {resource.id: resource.available.watt_hours for resource in resources}
        names = sorted(offered)
        amounts = [offered[name] for name in names]
        await self._connection.execute(_PUT, {"names": names, "amounts": amounts})

    async def close(self, resource_ids: Sequence[str]) -> None:
        """Offer nothing any more of these; what is held or sold stays held or sold."""
        await self._connection.execute(_CLOSE, {"names": list(resource_ids)})

    async def oversold(self, *, now: datetime) -> list[Oversold]:
        """Return the resources of which more is held or sold at `now` than is offered of them."""
        rows = await self._connection.execute(_OVERSOLD, {"now": now})
        return [
            Oversold(
                resource_id=row.resource_id, offered=Energy(row.available_wh), taken=Energy(row.taken_wh)
            )
            for row in rows
        ]

    async def left_of_wanted(self, *, now: datetime) -> dict[str, Energy]:
        """Return what can be had at `now` of the resources of which something is held or sold, by their ids.

        Of the others there is what they say.
        """
        rows = await self._connection.execute(_LEFT_OF_WANTED, {"now": now})
        return {row.resource_id: Energy(max(0, row.left_wh)) for row in rows}

    async def left(self, resource_id: str, *, now: datetime) -> Energy:
        """Return what can be had of a resource at `now`; nothing of one that was never put on stock."""
        known = {"now": now, "resource_id": resource_id}
        row = (await self._connection.execute(_LEFT_OF_ONE, known)).one_or_none()
        return ZERO_ENERGY if row is None else Energy(max(0, row.left_wh))

    async def hold_for(self, contract: Contract, quantity: Energy, *, now: datetime) -> None:
        """Hold `quantity` for a contract as long as that is held; for one that is binding, for good.

        Raises: QuantityUnavailable; StockMissing.
        """
        await self.hold(
            contract.id,
            resource_id=contract.resource_id,
            quantity=quantity,
            now=now,
            until=None if contract.is_binding else contract.hold_until,
        )

    async def hold(
        self, contract_id: str, *, resource_id: str, quantity: Energy, now: datetime, until: datetime | None
    ) -> None:
        """Hold `quantity` for a contract, instead of what was held for it before.

        Part of that can be kept also where less is offered by now than is held and sold.
        Raises: QuantityUnavailable; StockMissing.
        """
        await self._lock(resource_id)
        await self._give_back(resource_id, holds.c.expires_at <= now)
        before = await self._give_back(resource_id, holds.c.contract_id == contract_id)
        await self._reserve(resource_id, quantity, kept=quantity.watt_hours <= before)
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

    async def _give_back(self, resource_id: str, condition: ColumnElement[bool]) -> int:
        """Return how many watt-hours were given back."""
        deleted = await self._connection.execute(
            delete(holds).where(holds.c.resource_id == resource_id, condition).returning(holds.c.watt_hours)
        )
        freed = int(sum(deleted.scalars()))
        await self._connection.execute(
            update(stock)
            .where(stock.c.resource_id == resource_id)
            .values(reserved_wh=stock.c.reserved_wh - freed)
        )
        return freed

    async def _reserve(self, resource_id: str, quantity: Energy, *, kept: bool) -> None:
        """Reserve a quantity that is left, or one that was `kept` of what was reserved before."""
        wanted = quantity.watt_hours
        fits = stock.c.reserved_wh + wanted <= stock.c.available_wh
        taken = await self._connection.execute(
            update(stock)
            .where(stock.c.resource_id == resource_id, true() if kept else fits)
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
