"""What befalls the stall of a session, beside the session itself: it is ready, or taken back. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from trading.charging.session import Session
from trading.charging.session_course import happen
from trading.charging.session_states import SessionEvent
from trading.charging.stall_ledger import SECOND, StallState, append


def assign(session: Session, *, at: datetime, grace: timedelta) -> Session:
    """Return a session whose stall is ready since an instant: from then on its driver is waited for.

    Where its slot is over before the grace is, nobody can have missed it.
    """
    rows = append(session.rows or (), StallState.ASSIGNED, at=at, stall=session.plug)
    return replace(session, rows=rows, start_by=max(session.start_by, rows[-1].at + grace))


def withdraw(session: Session, *, at: datetime) -> Session:
    """Return a session that its operator cancelled: it is the stall that failed, not its driver."""
    ended = happen(replace(session, rows=None), SessionEvent.CANCEL, at=at)
    rows = session.rows and append(session.rows, StallState.FAILED_BY_CPO, at=at + SECOND)
    return replace(ended, rows=rows, is_missed=False)
