"""A charging session: how far it has come, as a table, and what each event makes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from trading.charging.facts import SessionFacts
from trading.charging.fees import NO_TIME
from trading.charging.stall_ledger import SECOND, StallRows, StallState, append

_INSTANT: Final = timedelta(microseconds=1)
_MINUTE: Final = timedelta(minutes=1)
OVERTIME: Final = timedelta(hours=24)
"""How long after its slot, or its charging, a session is waited for of which nothing is heard any more."""


class SessionState(StrEnum):
    """How far a session has come."""

    RESERVED = "RESERVED"  # agreed, and nobody has started it
    STARTING = "STARTING"  # the plug was told to start
    CHARGING = "CHARGING"
    SUSPENDED = "SUSPENDED"  # plugged in, and nothing flows for now
    INTERRUPTED = "INTERRUPTED"  # a fault, or nothing is heard of the station
    STOPPING = "STOPPING"  # the plug was told to stop
    FINISHED = "FINISHED"  # charged; the vehicle is still at the plug
    ENDED = "ENDED"
    NO_SHOW = "NO_SHOW"
    FAILED = "FAILED"  # it never began, and that was not the driver's doing
    CANCELLED = "CANCELLED"


class SessionEvent(StrEnum):
    """What happens to a session."""

    START = "START"  # the buyer wants it to start
    REJECTED = "REJECTED"  # the plug will not do what it was told
    TIMED_OUT = "TIMED_OUT"  # nothing was plugged in as long as the plug waited for it
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"  # the plug gives nothing for now
    SATED = "SATED"  # the vehicle takes nothing for now
    RESUMED = "RESUMED"
    INTERRUPTED = "INTERRUPTED"
    FOUND = "FOUND"  # it is heard of again; whether anything flows, nobody said
    STOP = "STOP"  # the buyer wants it to stop, or its slot is over
    STOPPED = "STOPPED"
    LEFT = "LEFT"  # nothing is plugged in any more
    MISSED = "MISSED"  # nobody came in time
    UNSERVED = "UNSERVED"  # the plug refused to start as long as there was time
    ABANDONED = "ABANDONED"  # nothing was heard of it for too long
    CANCEL = "CANCEL"


_S, _E = SessionState, SessionEvent
_FLOWING: Final = (_S.CHARGING, _S.SUSPENDED, _S.INTERRUPTED)

NEXT: Final[Mapping[tuple[SessionState, SessionEvent], SessionState]] = MappingProxyType(
    {
        (_S.RESERVED, _E.START): _S.STARTING,
        (_S.RESERVED, _E.STARTED): _S.CHARGING,
        (_S.RESERVED, _E.MISSED): _S.NO_SHOW,
        (_S.RESERVED, _E.UNSERVED): _S.FAILED,
        (_S.RESERVED, _E.CANCEL): _S.CANCELLED,
        (_S.STARTING, _E.STARTED): _S.CHARGING,
        (_S.STARTING, _E.REJECTED): _S.RESERVED,
        (_S.STARTING, _E.TIMED_OUT): _S.RESERVED,
        (_S.STARTING, _E.MISSED): _S.NO_SHOW,
        (_S.STARTING, _E.UNSERVED): _S.FAILED,
        (_S.STARTING, _E.CANCEL): _S.CANCELLED,
        **{(at, _E.SUSPENDED): _S.SUSPENDED for at in _FLOWING},
        **{(at, _E.SATED): _S.SUSPENDED for at in _FLOWING},
        (_S.CHARGING, _E.INTERRUPTED): _S.INTERRUPTED,
        (_S.CHARGING, _E.RESUMED): _S.CHARGING,  # found again while idle
        (_S.SUSPENDED, _E.RESUMED): _S.CHARGING,
        (_S.SUSPENDED, _E.INTERRUPTED): _S.INTERRUPTED,
        (_S.INTERRUPTED, _E.RESUMED): _S.CHARGING,
        (_S.INTERRUPTED, _E.FOUND): _S.CHARGING,
        **{(at, _E.STOP): _S.STOPPING for at in _FLOWING},
        **{(at, _E.STOPPED): _S.FINISHED for at in (*_FLOWING, _S.STOPPING)},
        **{(at, _E.LEFT): _S.ENDED for at in (*_FLOWING, _S.STOPPING, _S.FINISHED)},
        **{(at, _E.ABANDONED): _S.ENDED for at in (*_FLOWING, _S.STOPPING, _S.FINISHED)},
        (_S.STOPPING, _E.REJECTED): _S.CHARGING,
    }
)
"""Everything that changes a session; what a station tells beside it changes nothing."""

_ROWS: Final[Mapping[SessionEvent, StallState]] = MappingProxyType(
    {
        _E.STARTED: StallState.CHARGING,
        _E.SATED: StallState.CHARGING,
        _E.RESUMED: StallState.CHARGING,
        _E.FOUND: StallState.CHARGING,
        _E.SUSPENDED: StallState.LIMITED_BY_CPO,
        _E.INTERRUPTED: StallState.LIMITED_BY_CPO,
        _E.STOPPED: StallState.IDLE,
        _E.LEFT: StallState.DEPARTED,
        _E.ABANDONED: StallState.DEPARTED,
        _E.MISSED: StallState.NO_SHOW,
        _E.UNSERVED: StallState.FAILED_BY_CPO,
        _E.CANCEL: StallState.CANCELLED,
    }
)
"""What an event is in the ledger of a stall: who sets the pace from then on."""

FINAL: Final = frozenset({_S.ENDED, _S.NO_SHOW, _S.FAILED, _S.CANCELLED})


class SessionNotThere(NodeError):
    """What is asked of a session cannot happen to it as it is now."""

    code, http_status, retryable = "BIZ_INVALID_STATE_TRANSITION", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of a contract at a plug.

    `slot` is when it was agreed to be, `start_by` until when a reserved one is kept. `stopped_at` is when
    its charging ended, `idle_since` since when the vehicle takes nothing though it could, `left_at` when it
    had gone, or when it was clear that none comes. `was_refused` says that the plug would not start, `why`
    in words what stands in the way. `rows` are the ledger of a stall that is sold as such, None of others.
    """

    contract_id: str
    plug: str
    slot: Interval
    is_reserved: bool
    start_by: datetime
    most: Energy
    connector_type: str | None = None
    max_power: Decimal | None = None
    state: SessionState = SessionState.RESERVED
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    idle_since: datetime | None = None
    left_at: datetime | None = None
    is_missed: bool = False
    was_refused: bool = False
    why: str = ""
    rows: StallRows | None = None

    @property
    def is_queued(self) -> bool:
        """Whether its stall has not been ready for it yet."""
        return bool(self.rows and self.rows[-1].state is StallState.QUEUED)

    @property
    def is_open(self) -> bool:
        return self.state not in FINAL

    @property
    def facts(self) -> SessionFacts:
        """How it went; of an open one, so far."""
        started, idle, left = self.started_at, self.idle_since, self.left_at
        return SessionFacts(
            began=started is not None,
            missed=self.is_missed,
            charging=idle - started if started and idle else NO_TIME,
            idle=left - idle if idle and left else NO_TIME,
            rows=self.rows or (),
            reserved_start=self.slot.start if self.is_reserved and self.rows is not None else None,
        )

    @property
    def window(self) -> Interval:
        """When its energy flows: what of its slot is left for that, once it is known."""
        start = self.started_at or self.slot.start
        end = self.stopped_at or min(self.left_at or self.slot.end, self.slot.end)
        return Interval(start, max(end, start + _INSTANT))


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
    marked = _MARKS.get(event, _unmarked)(changed, at)
    return replace(marked, rows=session.rows and _rows_after(session, event, at, grid_event))


def _rows_after(session: Session, event: SessionEvent, at: datetime, grid_event: str | None) -> StallRows:
    """Return the ledger of a stall after an event; who is served had the stall before that.

    Who leaves a plug with a fault was let down. Of what nobody tells nothing is idle, nor after the slot.
    """
    rows, state = session.rows or (), _ROWS.get(event)
    if state is None:
        return rows
    if state is StallState.DEPARTED and session.state is SessionState.INTERRUPTED:
        state = StallState.FAILED_BY_CPO
    if grid_event is not None and event is SessionEvent.SUSPENDED:
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
        is_let_down = session.was_refused or session.is_queued
        nobody = SessionEvent.UNSERVED if is_let_down else SessionEvent.MISSED
        return nobody if now >= _kept_until(session) else None
    if now >= _given_up_at(session):
        return SessionEvent.ABANDONED
    is_over = session.state in _FLOWING and now >= session.slot.end
    return SessionEvent.STOP if is_over else None


def next_look(session: Session, *, now: datetime) -> datetime:
    """Return when time alone changes an open session next; a stall that is not ready is looked at often."""
    if session.is_queued:
        return session.slot.start if now < session.slot.start else min(now + _MINUTE, session.slot.end)
    if session.state in (SessionState.RESERVED, SessionState.STARTING):
        return _kept_until(session)
    given_up = _given_up_at(session)
    return session.slot.end if now < session.slot.end < given_up else given_up


def _kept_until(session: Session) -> datetime:
    """Return until when somebody is waited for: who wants to start is there, and has the whole slot."""
    is_there = session.state is SessionState.STARTING or session.was_refused or session.is_queued
    return session.slot.end if is_there else session.start_by


def _given_up_at(session: Session) -> datetime:
    return max(session.slot.end, session.stopped_at or session.slot.end) + OVERTIME


def _unmarked(session: Session, _at: datetime) -> Session:
    return session


def _mark_start(session: Session, at: datetime) -> Session:
    """None begins before its slot, whatever the station's clock says; meters count in whole seconds."""
    return replace(session, started_at=max(at, session.slot.start.replace(microsecond=0)))


def _mark_idle(session: Session, at: datetime) -> Session:
    return replace(session, idle_since=session.idle_since or at)


def _mark_busy(session: Session, _at: datetime) -> Session:
    return replace(session, idle_since=None)


def _mark_stop(session: Session, at: datetime) -> Session:
    stopped = session.stopped_at or max(at, session.started_at or at)
    return replace(session, stopped_at=stopped, idle_since=session.idle_since or stopped)


def _mark_leave(session: Session, at: datetime) -> Session:
    """A vehicle that has gone does not charge: what was not stopped before ended then."""
    stopped = _mark_stop(session, at)
    return replace(stopped, left_at=max(at, stopped.stopped_at or at))


def _mark_given_up(session: Session, at: datetime) -> Session:
    """Of what nobody tells no idle time is charged."""
    stopped = _mark_stop(session, at)
    return replace(stopped, left_at=stopped.idle_since)


def _mark_missed(session: Session, at: datetime) -> Session:
    """Who reserved and did not come has missed the slot; it ends when that is clear."""
    return replace(session, is_missed=session.is_reserved, left_at=at)


def _mark_unserved(session: Session, at: datetime) -> Session:
    return replace(session, left_at=at)


def _mark_refused(session: Session, _at: datetime) -> Session:
    return replace(session, was_refused=session.was_refused or session.started_at is None)


def _mark_late(session: Session, _at: datetime) -> Session:
    """Who was there, and too late at the plug, has the rest of the slot to come back."""
    return replace(session, start_by=session.slot.end)


def _mark_cancel(session: Session, at: datetime) -> Session:
    """Who cancels a reserved slot that has begun has missed it, unless the plug would not start."""
    is_missed = session.is_reserved and at > session.slot.start and not session.was_refused
    return replace(session, is_missed=is_missed, left_at=at)


_MARKS: Final = MappingProxyType(
    {
        SessionEvent.STARTED: _mark_start,
        SessionEvent.SATED: _mark_idle,
        SessionEvent.SUSPENDED: _mark_busy,
        SessionEvent.RESUMED: _mark_busy,
        SessionEvent.STOPPED: _mark_stop,
        SessionEvent.LEFT: _mark_leave,
        SessionEvent.ABANDONED: _mark_given_up,
        SessionEvent.MISSED: _mark_missed,
        SessionEvent.CANCEL: _mark_cancel,
        SessionEvent.UNSERVED: _mark_unserved,
        SessionEvent.REJECTED: _mark_refused,
        SessionEvent.TIMED_OUT: _mark_late,
    }
)
