"""What an event leaves on a charging session beside its state: instants, and what was missed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from trading.charging.session import Session
from trading.charging.session_states import SessionEvent


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
    return replace(session, start_by=max(session.start_by, session.slot.end))


def _mark_cancel(session: Session, at: datetime) -> Session:
    """Who cancels a reserved slot that has begun has missed it, unless the plug would not start."""
    is_missed = session.is_reserved and at > session.slot.start and not session.was_refused
    return replace(session, is_missed=is_missed, left_at=at)


_MARKS: Final[Mapping[SessionEvent, Callable[[Session, datetime], Session]]] = MappingProxyType(
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


def marked(session: Session, event: SessionEvent, *, at: datetime) -> Session:
    """Return the session with what an event `at` an instant leaves on it."""
    mark = _MARKS.get(event)
    return session if mark is None else mark(session, at)
