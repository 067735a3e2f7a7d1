"""Charging sessions in PostgreSQL, within one transaction. Lock the contract before its session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import and_, func, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import format_instant, parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from trading.charging.session import Session
from trading.charging.session_states import FINAL, SessionEvent, SessionState
from trading.charging.stall_ledger import StallRow, StallState
from trading.charging.tables import charging_session_events, charging_sessions
from trading.lifecycle import ContractStatus
from trading.tables import contracts

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_SAME: Final = (
    "contract_id",
    "plug",
    "is_reserved",
    "start_by",
    "connector_type",
    "started_at",
    "stopped_at",
    "idle_since",
    "left_at",
    "is_missed",
    "was_refused",
    "why",
)
"""What a session and its row call alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntry:
    """What happened to a session, when, and what the plug's meter stood at then."""

    at: datetime
    event: SessionEvent
    state: SessionState
    register: Energy | None = None
    why: str = ""


class SessionStore:
    """The sessions within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, contract_id: str) -> Session | None:
        """Return the session of a contract, None if it has none."""
        query = select(charging_sessions).where(charging_sessions.c.contract_id == contract_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _session(row)

    async def save(self, session: Session) -> None:
        """Keep the session as it is now."""
        values = _row(session)
        statement = upsert(charging_sessions).values(**values)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[charging_sessions.c.contract_id],
                set_={name: value for name, value in values.items() if name != "contract_id"},
            )
        )

    async def note(self, session: Session, entry: SessionEntry, *, now: datetime) -> None:
        """Append to the session's history what happened to it."""
        await self._connection.execute(
            insert(charging_session_events).values(
                contract_id=session.contract_id,
                at=entry.at,
                event=entry.event.value,
                state=entry.state.value,
                register_wh=None if entry.register is None else entry.register.watt_hours,
                why=entry.why,
                recorded_at=now,
            )
        )

    async def history(self, contract_id: str) -> list[SessionEntry]:
        """Return what happened to a session, in the order in which it became known."""
        table = charging_session_events.c
        query = select(charging_session_events).where(table.contract_id == contract_id).order_by(table.id)
        return [
            SessionEntry(
                at=row["at"],
                event=SessionEvent(row["event"]),
                state=SessionState(row["state"]),
                register=None if row["register_wh"] is None else Energy(row["register_wh"]),
                why=row["why"],
            )
            for row in (await self._connection.execute(query)).mappings()
        ]

    async def free_since(self, plug: str, *, before: datetime) -> datetime | None:
        """Return when the last vehicle left a plug that charged there before an instant.

        None if one is still there, the first instant of all times if none ever was.
        """
        table = charging_sessions.c
        is_there = table.state.not_in([state.value for state in FINAL])
        query = select(func.bool_or(is_there), func.max(table.left_at)).where(
            table.plug == plug, table.started_at.is_not(None), table.started_at < before
        )
        busy, left_at = (await self._connection.execute(query)).one()
        return None if busy else left_at or _FIRST

    async def open_at(self, plug: str, *, at: datetime) -> str | None:
        """Return the contract of the session that a plug is busy with, or would be at an instant."""
        table = charging_sessions.c
        open_states = [state.value for state in SessionState if state not in FINAL]
        query = (
            select(table.contract_id)
            .where(table.plug == plug, table.state.in_(open_states), table.slot_start <= at)
            .order_by(table.slot_start.desc())
            .limit(1)
        )
        found: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return found


async def find_taken_slots(
    connection: AsyncConnection, mrid: str, window: Interval, *, now: datetime, but: str | None = None
) -> list[Interval]:
    """Return when within a window the plug with that meter is held or sold to others, in order of time."""
    column = contracts.c
    held = and_(column.status == ContractStatus.PENDING.value, column.hold_until > now)
    query = (
        select(column.window_start, column.window_end)
        .where(
            column.source_mrid == mrid,
            column.refresh_at.is_not(None),
            column.window_start < window.end,
            column.window_end > window.start,
            or_(held, column.status == ContractStatus.ACTIVE.value),
        )
        .order_by(column.window_start)
    )
    if but is not None:
        query = query.where(column.id != but)
    rows = await connection.execute(query)
    return [Interval(row.window_start, row.window_end) for row in rows]


def _row(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in _SAME} | {
        "slot_start": session.slot.start,
        "slot_end": session.slot.end,
        "most_wh": session.most.watt_hours,
        "max_power": None if session.max_power is None else f"{session.max_power:f}",
        "state": session.state.value,
        "ledger": None if session.rows is None else [_row_to(row) for row in session.rows],
    }


def _session(row: RowMapping) -> Session:
    power, ledger = row["max_power"], row["ledger"]
    return Session(
        **{name: row[name] for name in _SAME},
        slot=Interval(row["slot_start"], row["slot_end"]),
        most=Energy(row["most_wh"]),
        max_power=None if power is None else Decimal(power),
        state=SessionState(row["state"]),
        rows=None if ledger is None else tuple(_row_from(told) for told in ledger),
    )


def _row_to(row: StallRow) -> dict[str, str]:
    told = {"at": format_instant(row.at), "state": row.state.value, "stall": row.stall, "event": row.event}
    return {name: value for name, value in told.items() if value is not None}


def _row_from(told: dict[str, str]) -> StallRow:
    return StallRow(
        at=parse_instant(told["at"]),
        state=StallState(told["state"]),
        stall=told.get("stall"),
        event=told.get("event"),
    )
