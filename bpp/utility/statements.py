"""What a utility said of trades unasked, within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.utility.tables import utility_statements
from kernel.clock import utc
from kernel.energy import Energy
from protocol.errors import WireError
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.grid_statement import Allocations, UtilityStatement
from trading.grid_statement_records import allocation_from_record, allocation_to_record

_COLUMNS: Final = utility_statements.c
Key = tuple[str, str]
"""A platform, and what it calls a trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said of a trade, by which message and whom; `refusal` is why its platform does not take it.

    What `is_heard` the platform says: that another has cut the trade.
    """

    platform: str
    message_id: str
    statement: UtilityStatement
    who: str
    refusal: WireError | None = None
    is_heard: bool = False


class StatementStore:
    """The statements within one transaction. Hold the trade before you add one."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, said: Said) -> None:
        """Keep what is said of a trade."""
        statement, told = said.statement, said.statement.allocations
        cut = statement.cut
        delivered = None if told is None else told.delivered
        await self._connection.execute(
            insert(utility_statements).values(
                platform=said.platform,
                order_id=statement.order_id,
                message_id=said.message_id,
                cut_wh=None if cut is None else cut.quantity.watt_hours,
                cut_since=statement.since,
                cut_reason=None if cut is None else cut.reason.value,
                delivered_wh=None if delivered is None else delivered.watt_hours,
                by_period=[allocation_to_record(each) for each in told.by_period] if told else [],
                who=said.who,
                why=statement.note,
                said_at=statement.said_at,
                is_heard=said.is_heard,
            )
        )

    async def find_of(self, key: Key) -> list[Said]:
        """Return what was said of a trade, in order."""
        query = select(utility_statements).where(_COLUMNS.platform == key[0], _COLUMNS.order_id == key[1])
        return [_said(row) for row in await self._connection.execute(query.order_by(_COLUMNS.id))]

    async def find_cuts(self, keys: Sequence[Key]) -> dict[Key, tuple[Curtailment, ...]]:
        """Return what was cut of each of these trades, by whom ever, in order of time.

        What its platform refused is not.
        """
        query = select(utility_statements).where(
            tuple_(_COLUMNS.platform, _COLUMNS.order_id).in_(keys),
            _COLUMNS.cut_wh.is_not(None),
            _COLUMNS.refusal.is_(None),
        )
        found: dict[Key, tuple[Curtailment, ...]] = {}
        for row in await self._connection.execute(query.order_by(_COLUMNS.cut_since, _COLUMNS.cut_wh)):
            key = (row.platform, row.order_id)
            cut = Curtailment(cut=_cut(row), since=utc(row.cut_since))
            found[key] = (*found.get(key, ()), cut)
        return found

    async def was_said(self, message_id: str, *, platform: str) -> bool:
        """Say whether anything was said to a platform by that message."""
        query = select(_COLUMNS.id).where(_own(message_id, platform))
        return (await self._connection.execute(query)).first() is not None

    async def refuse(self, message_id: str, error: WireError, *, platform: str) -> bool:
        """Keep why a platform does not take what was said, and say whether anything was said by that."""
        done = await self._connection.execute(
            update(utility_statements).where(_own(message_id, platform)).values(refusal=error.to_wire())
        )
        return bool(done.rowcount)


def _own(message_id: str, platform: str) -> ColumnElement[bool]:
    """Return what finds what the utility itself said to a platform by a message."""
    return and_(_COLUMNS.message_id == message_id, _COLUMNS.platform == platform, ~_COLUMNS.is_heard)


def _cut(row: Row[Any]) -> Cut:
    return Cut(quantity=Energy(row.cut_wh), reason=CurtailmentReason(row.cut_reason))


def _said(row: Row[Any]) -> Said:
    told = Allocations(
        said_at=utc(row.said_at),
        delivered=None if row.delivered_wh is None else Energy(row.delivered_wh),
        by_period=tuple(allocation_from_record(each) for each in row.by_period),
    )
    return Said(
        platform=row.platform,
        message_id=row.message_id,
        statement=UtilityStatement(
            order_id=row.order_id,
            said_at=utc(row.said_at),
            cut=None if row.cut_wh is None else _cut(row),
            since=None if row.cut_since is None else utc(row.cut_since),
            note=row.why,
            allocations=told if told.by_period or told.delivered is not None else None,
        ),
        who=row.who,
        refusal=row.refusal and WireError.from_wire(row.refusal),
        is_heard=row.is_heard,
    )
