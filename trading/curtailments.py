"""Curtailments in PostgreSQL, within one transaction; what was said once stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import utc
from kernel.energy import Energy
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.tables import contract_curtailments


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCurtailment:
    """A curtailment with who said so, why and when."""

    curtailment: Curtailment
    who: str
    why: str
    recorded_at: datetime


class CurtailmentStore:
    """The curtailments within one transaction. Hold the contract before you add one."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find_all(self, contract_id: str) -> list[RecordedCurtailment]:
        """Return what was ever cut from a contract, in order of time."""
        table = contract_curtailments.c
        query = (
            select(contract_curtailments).where(table.contract_id == contract_id).order_by(table.since.asc())
        )
        return [_recorded(row) for row in await self._connection.execute(query)]

    async def find_cut(self, contract_id: str) -> Cut | None:
        """Return what is cut from a contract in all, None if nothing is."""
        table = contract_curtailments.c
        query = (
            select(table.quantity_wh, table.reason)
            .where(table.contract_id == contract_id)
            .order_by(table.since.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return row and Cut(quantity=Energy(row.quantity_wh), reason=CurtailmentReason(row.reason))

    async def add(self, contract_id: str, said: RecordedCurtailment) -> None:
        """Append what is cut from a contract."""
        await self._connection.execute(
            insert(contract_curtailments).values(
                contract_id=contract_id,
                since=said.curtailment.since,
                quantity_wh=said.curtailment.cut.quantity.watt_hours,
                reason=said.curtailment.cut.reason.value,
                who=said.who,
                why=said.why,
                recorded_at=said.recorded_at,
            )
        )


def _recorded(row: Row[Any]) -> RecordedCurtailment:
    cut = Cut(quantity=Energy(row.quantity_wh), reason=CurtailmentReason(row.reason))
    return RecordedCurtailment(
        curtailment=Curtailment(cut=cut, since=utc(row.since)),
        who=row.who,
        why=row.why,
        recorded_at=utc(row.recorded_at),
    )
