"""Not asking who was silent again and again: for a while nobody is kept waiting, then one tries.

How often somebody was silent is a row, which all processes of a node see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, case, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from bpp.tables import back_office_silences
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

MOST_SILENCES: Final = 3
"""How often in a row somebody may be silent, until it is left alone."""

_ROW: Final = back_office_silences.c


class Door(StrEnum):
    """What somebody is silent about."""

    QUESTIONS = "questions"
    EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Leaves `office` alone for `rest` that was silent at a door `MOST_SILENCES` times in a row.

    After that one goes through, and is waited for alone: its answer ends the rest, its silence begins
    another one.
    """

    office: str
    door: Door
    rest: timedelta
    uow_factory: UnitOfWorkFactory

    async def rests(self, now: datetime) -> bool:
        """Say whether nobody goes through now."""
        async with self.uow_factory() as uow:
            row = await self._find(uow)
        return row is not None and row.rests_until is not None and row.rests_until > now

    async def lets_through(self, now: datetime) -> bool:
        """Say whether somebody may go through now; who is let through after a rest is alone."""
        async with self.uow_factory() as uow:
            row = await self._find(uow)
            if row is None or row.rests_until is None:
                return True
            if row.rests_until > now:
                return False
            tried = await uow.connection.execute(
                update(back_office_silences)
                .where(self._mine(), _ROW.rests_until == row.rests_until)
                .values(rests_until=now + self.rest)
            )
            return tried.rowcount == 1

    async def heard(self) -> None:
        """Take note of an answer."""
        async with self.uow_factory() as uow:
            await uow.connection.execute(delete(back_office_silences).where(self._mine()))

    async def missed(self, now: datetime) -> bool:
        """Take note of a silence; say whether a rest begins by it."""
        one_more = _ROW.silences + 1
        resting = literal(now + self.rest, _ROW.rests_until.type)
        statement = insert(back_office_silences).values(office=self.office, door=self.door.value, silences=1)
        counted = statement.on_conflict_do_update(
            index_elements=[_ROW.office, _ROW.door],
            set_={
                "silences": one_more,
                "rests_until": case((one_more >= MOST_SILENCES, resting), else_=_ROW.rests_until),
            },
        ).returning(_ROW.silences)
        async with self.uow_factory() as uow:
            silences = (await uow.connection.execute(counted)).scalar_one()
        return bool(silences == MOST_SILENCES)

    async def _find(self, uow: UnitOfWork) -> Row[Any] | None:
        found = await uow.connection.execute(select(_ROW.rests_until).where(self._mine()))
        return found.one_or_none()

    def _mine(self) -> ColumnElement[bool]:
        return and_(_ROW.office == self.office, _ROW.door == self.door.value)
