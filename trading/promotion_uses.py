"""Which contracts have which promotions, and what a buyer has had of them, within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import and_, delete, exists, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from trading.contract import Contract
from trading.lifecycle import ContractStatus
from trading.promotion import History, Promotion
from trading.request import Selection
from trading.tables import contract_promotions as table
from trading.tables import contracts

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('promotions ' || :buyer, 0))")


class PromotionUses:
    """The promotions of contracts; a buyer is one by its platform and the id that this gives it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, bap_id: str, buyer_id: str) -> None:
        """Have no other transaction give this buyer promotions until this one ends."""
        await self._connection.execute(_LOCK, {"buyer": f"{bap_id} {buyer_id}"})

    async def history(
        self, selection: Selection, *, bap_id: str, buyer_id: str, now: datetime, but: str | None
    ) -> History:
        """Return what a buyer bought of this provider and used of this offer, beside the order `but`.

        What is held counts as bought: of two orders at once only one is the first.
        """
        own = (contracts.c.bap_id == bap_id, contracts.c.buyer_id == buyer_id)
        others = contracts.c.order_id != but if but is not None else contracts.c.order_id.is_not(None)
        held = and_(contracts.c.status == ContractStatus.PENDING.value, contracts.c.hold_until > now)
        counts = or_(contracts.c.confirmed_at.is_not(None), held)
        provider_id = selection.resource.provider_id
        bought = select(exists().where(*own, others, contracts.c.provider_id == provider_id, counts))
        used = (
            select(table.c.title, func.count(contracts.c.order_id.distinct()))
            .join(contracts, contracts.c.id == table.c.contract_id)
            .where(*own, others, contracts.c.offer_id == selection.offer.id)
            .where(counts)
            .group_by(table.c.title)
        )
        has_bought = bool((await self._connection.execute(bought)).scalar_one())
        rows = await self._connection.execute(used)
        return History(has_bought=has_bought, uses={str(title): int(count) for title, count in rows})

    async def record(self, contract: Contract, promotions: Sequence[Promotion]) -> None:
        """Keep which promotions a contract has, in place of those that it had."""
        await self._connection.execute(delete(table).where(table.c.contract_id == contract.id))
        for each in promotions:
            await self._connection.execute(
                insert(table).values(
                    contract_id=contract.id,
                    title=each.title,
                    code_sha256=each.code_digest,
                    minimum_wh=None if each.minimum is None else each.minimum.watt_hours,
                )
            )

    async def codes_of(self, contract: Contract) -> list[bytes]:
        """Return the digests of the codes that a contract was ordered with."""
        query = select(table.c.code_sha256).where(table.c.contract_id == contract.id)
        rows = await self._connection.execute(query.where(table.c.code_sha256.is_not(None)))
        return list(rows.scalars())

    async def minimum_of(self, contract: Contract) -> tuple[str, Energy] | None:
        """Return the promotion of a contract that is for the most energy, with that; None if none is."""
        query = (
            select(table.c.title, table.c.minimum_wh)
            .where(table.c.contract_id == contract.id, table.c.minimum_wh.is_not(None))
            .order_by(table.c.minimum_wh.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else (row.title, Energy(row.minimum_wh))
