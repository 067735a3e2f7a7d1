"""What utilities say was delivered under contracts, within one transaction; what was said once stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import utc
from kernel.energy import Energy
from trading.grid_statement import Allocations
from trading.grid_statement_records import allocation_from_record, allocation_to_record
from trading.tables import utility_allocations
from trading.utility_account import Allotted, UtilityAccount, last_words

_COLUMNS: Final = utility_allocations.c
_MOST_STATEMENTS: Final = 100
"""Statements of a contract that an account of its utilities is made of, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAllocations:
    """What a utility said by which message, and when it came in."""

    utility_id: str
    message_id: str
    told: Allocations
    recorded_at: datetime


class AllocationStore:
    """The allocations within one transaction. Hold the contract before you add any."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, contract_id: str, said: RecordedAllocations) -> bool:
        """Append what a utility says, and say so, unless it said the very same last."""
        last = await self._find_last(contract_id, said.utility_id)
        if last is not None and last.told.says_the_same(said.told):
            return False
        told = said.told
        await self._connection.execute(
            insert(utility_allocations).values(
                contract_id=contract_id,
                utility_id=said.utility_id,
                message_id=said.message_id,
                said_at=told.said_at,
                delivered_wh=None if told.delivered is None else told.delivered.watt_hours,
                by_period=[allocation_to_record(each) for each in told.by_period],
                recorded_at=said.recorded_at,
            )
        )
        return True

    async def find_newest(self, contract_id: str, *, limit: int) -> list[RecordedAllocations]:
        """Return what was said of a contract, the newest first."""
        query = select(utility_allocations).where(_COLUMNS.contract_id == contract_id)
        newest = query.order_by(_COLUMNS.id.desc()).limit(limit)
        return [_recorded(row) for row in await self._connection.execute(newest)]

    async def read_accounts(self, contract_id: str) -> tuple[UtilityAccount, ...]:
        """Return what each utility says was delivered of a contract, by its newest statements."""
        said: dict[str, list[Allocations]] = {}
        for each in await self.find_newest(contract_id, limit=_MOST_STATEMENTS):
            said.setdefault(each.utility_id, []).append(each.told)
        return tuple(_account(utility_id, told) for utility_id, told in sorted(said.items()))

    async def _find_last(self, contract_id: str, utility_id: str) -> RecordedAllocations | None:
        query = select(utility_allocations).where(
            _COLUMNS.contract_id == contract_id, _COLUMNS.utility_id == utility_id
        )
        newest = query.order_by(_COLUMNS.id.desc()).limit(1)
        row = (await self._connection.execute(newest)).one_or_none()
        return None if row is None else _recorded(row)


def _account(utility_id: str, said: Sequence[Allocations]) -> UtilityAccount:
    """Return the account of a utility by its statements, the newest first."""
    wholes = (each.delivered for each in said if each.delivered is not None)
    allotted = (
        Allotted(period=each.period, energy=each.allocated)
        for told in said
        for each in reversed(told.by_period)
    )
    return UtilityAccount(
        utility_id=utility_id,
        said_at=said[0].said_at,
        delivered=next(wholes, None),
        periods=last_words(allotted),
    )


def _recorded(row: Row[Any]) -> RecordedAllocations:
    return RecordedAllocations(
        utility_id=row.utility_id,
        message_id=row.message_id,
        told=Allocations(
            said_at=utc(row.said_at),
            delivered=None if row.delivered_wh is None else Energy(row.delivered_wh),
            by_period=tuple(allocation_from_record(each) for each in row.by_period),
        ),
        recorded_at=utc(row.recorded_at),
    )
