"""What each event makes of a charging session, and what time alone does. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from kernel.errors import NodeError
from trading.charging.session import Session
from trading.charging.session_marks import marked
from trading.charging.session_states import FLOWING, NEXT, SessionEvent, SessionState
from trading.charging.stall_ledger import SECOND, StallRows, StallState, append

_MINUTE: Final = timedelta(minutes=1)
OVERTIME: Final = timedelta(hours=24)
"""How long after its slot, or its charging, a session is waited for of which nothing is heard any more."""

_ROWS: Final[Mapping[SessionEvent, StallState]] = MappingProxyType(
    {
        SessionEvent.STARTED: StallState.CHARGING,
        SessionEvent.SATED: StallState.CHARGING,
        SessionEvent.RESUMED: StallState.CHARGING,
        SessionEvent.FOUND: StallState.CHARGING,
        SessionEvent.UNLIMITED: StallState.CHARGING,
        SessionEvent.LIMITED: StallState.LIMITED_BY_CPO,
        SessionEvent.SUSPENDED: StallState.LIMITED_BY_CPO,
        SessionEvent.INTERRUPTED: StallState.LIMITED_BY_CPO,
        SessionEvent.STOPPED: StallState.IDLE,
        SessionEvent.LEFT: StallState.DEPARTED,
        SessionEvent.ABANDONED: StallState.DEPARTED,
        SessionEvent.MISSED: StallState.NO_SHOW,
        SessionEvent.UNSERVED: StallState.FAILED_BY_CPO,
        SessionEvent.CANCEL: StallState.CANCELLED,
    }
)
"""What an event is in the ledger of a stall: who sets the pace from then on."""


class SessionNotThere(NodeError):
    """What is asked of a session cannot happen to it as it is now."""

    code, http_status, retryable = "BIZ_INVALID_STATE_TRANSITION", 409, False


def happen(
    session: Session, event: SessionEvent, *, at: datetime, why: str = "", grid_event: str | None = None
) -> Session:
    """Return the session after something happened to it `at` an instant. Raises: SessionNotThere.

    `grid_event` is what of the grid makes its plug give less.
    """
    following = NEXT.get((session.state, event))
    if following is None:
        possible = ", ".join(event for state, event in NEXT if state is session.state)
        raise SessionNotThere(
            f"{event} cannot happen to a session that is {session.state}",
            hint=f"Possible now: {possible}." if possible else f"{session.state} is final.",
        )
    changed = replace(session, state=following, why=why)
    changed = marked(changed, event, at=at)
    return replace(changed, rows=session.rows and _rows_after(session, event, at, grid_event))


def _rows_after(session: Session, event: SessionEvent, at: datetime, grid_event: str | None) -> StallRows:
    """Return the ledger of a stall after an event; who is served had the stall before that.

    Who leaves a plug with a fault was let down. Of what nobody tells nothing is idle, nor after the slot.
    """
    rows, state = session.rows or (), _ROWS.get(event)
    if state is None:
        return rows
    if state is StallState.DEPARTED and session.state is SessionState.INTERRUPTED:
        state = StallState.FAILED_BY_CPO
    if grid_event is not None and event in (SessionEvent.SUSPENDED, SessionEvent.LIMITED):
        return append(rows, StallState.LIMITED_BY_GRID, at=at, event=grid_event)
    if session.is_queued and state is StallState.CHARGING:
        rows = append(rows, StallState.ASSIGNED, at=at, stall=session.plug)
    if event is SessionEvent.ABANDONED:
        at = min(at, session.slot.end) if rows[-1].state is not StallState.IDLE else rows[-1].at
    if event is SessionEvent.CANCEL:
        at += SECOND
    return append(rows, state, at=at)


def heard(
    session: Session, event: SessionEvent, *, at: datetime, why: str = "", grid_event: str | None = None
) -> Session:
    """Return the session after a station told of something; what changes nothing is passed over.

    That it will not stop does not let a session go on whose slot is over.
    """
    if (session.state, event) == (SessionState.STOPPING, SessionEvent.REJECTED) and at >= session.slot.end:
        return session
    if (session.state, event) not in NEXT:
        return session
    return happen(session, event, at=at, why=why, grid_event=grid_event)


def require_startable(session: Session, *, now: datetime) -> None:
    """Raises: SessionNotThere, if the slot has not begun, or is over."""
    if now < session.slot.start:
        raise SessionNotThere(
            f"the slot begins at {session.slot.start.isoformat()}", hint="Start the session then."
        )
    if now >= session.slot.end:
        raise SessionNotThere(f"the slot ended at {session.slot.end.isoformat()}", hint="Order anew.")


def due_event(session: Session, *, now: datetime) -> SessionEvent | None:
    """Return what time alone makes of a session by `now`, None if nothing."""
    if session.state in (SessionState.RESERVED, SessionState.STARTING):
        is_late = session.start_by > session.slot.end  # of a stall that got ready when it was
        is_let_down = session.was_refused or session.is_queued or is_late
        nobody = SessionEvent.UNSERVED if is_let_down else SessionEvent.MISSED
        return nobody if now >= _waited_for_until(session) else None
    if now >= _given_up_at(session):
        return SessionEvent.ABANDONED
    is_over = session.state in FLOWING and now >= session.slot.end
    return SessionEvent.STOP if is_over else None


def next_look(session: Session, *, now: datetime) -> datetime:
    """Return when time alone changes an open session next; a stall that is not ready is looked at often."""
    if session.is_queued:
        return session.slot.start if now < session.slot.start else min(now + _MINUTE, session.slot.end)
    if session.state in (SessionState.RESERVED, SessionState.STARTING):
        return _waited_for_until(session)
    given_up = _given_up_at(session)
    return session.slot.end if now < session.slot.end < given_up else given_up


def _waited_for_until(session: Session) -> datetime:
    """Return until when somebody is waited for: who wants to start is there, and has the whole slot."""
    is_there = session.state is SessionState.STARTING or session.was_refused or session.is_queued
    return session.slot.end if is_there else min(session.start_by, session.slot.end)


def _given_up_at(session: Session) -> datetime:
    return max(session.slot.end, session.stopped_at or session.slot.end) + OVERTIME
