"""How far a charging session has come, as a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


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
    LIMITED = "LIMITED"  # the plug gives less than was promised for now
    UNLIMITED = "UNLIMITED"  # it gives all again
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
FLOWING: Final = (_S.CHARGING, _S.SUSPENDED, _S.INTERRUPTED)

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
        **{(at, _E.SUSPENDED): _S.SUSPENDED for at in FLOWING},
        **{(at, _E.SATED): _S.SUSPENDED for at in FLOWING},
        (_S.CHARGING, _E.LIMITED): _S.CHARGING,
        (_S.CHARGING, _E.UNLIMITED): _S.CHARGING,
        (_S.CHARGING, _E.INTERRUPTED): _S.INTERRUPTED,
        (_S.CHARGING, _E.RESUMED): _S.CHARGING,  # found again while idle
        (_S.SUSPENDED, _E.RESUMED): _S.CHARGING,
        (_S.SUSPENDED, _E.INTERRUPTED): _S.INTERRUPTED,
        (_S.INTERRUPTED, _E.RESUMED): _S.CHARGING,
        (_S.INTERRUPTED, _E.FOUND): _S.CHARGING,
        **{(at, _E.STOP): _S.STOPPING for at in FLOWING},
        **{(at, _E.STOPPED): _S.FINISHED for at in (*FLOWING, _S.STOPPING)},
        **{(at, _E.LEFT): _S.ENDED for at in (*FLOWING, _S.STOPPING, _S.FINISHED)},
        **{(at, _E.ABANDONED): _S.ENDED for at in (*FLOWING, _S.STOPPING, _S.FINISHED)},
        (_S.STOPPING, _E.REJECTED): _S.CHARGING,
    }
)
"""Everything that changes a session; what a station tells beside it changes nothing."""

FINAL: Final = frozenset({_S.ENDED, _S.NO_SHOW, _S.FAILED, _S.CANCELLED})
