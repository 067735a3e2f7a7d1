"""The ledger of a session at a stall, as EvChargingSession v3.0 has it: who set the pace, and for how long.

Each row holds a state until the next row begins, so time is neither lost nor counted twice. Whoever is
responsible follows from the state's name. What a ledger may not say is found here; what it costs is
settlement's to compute.
Source: the draft EV charging use case 2 of the Digital Energy Grid, sections 4 to 7 of its design.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Final, TypeAlias

from kernel.energy import WATT_HOURS_PER_KWH, ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.proportion import ratio
from trading.charging.fees import NO_TIME
from trading.charging.stall_terms import StallTerms

_HOUR: Final = timedelta(hours=1)
SECOND: Final = timedelta(seconds=1)
"""What a ledger counts in."""
_INSTANT: Final = timedelta(microseconds=1)
_MOST_OF_PROMISE: Final = Fraction(105, 100)
"""A row's mean power may be so much of what was promised: meters are not that exact."""


class StallState(StrEnum):
    """What goes on between rows."""

    QUEUED = "QUEUED"
    ASSIGNED = "ASSIGNED"
    CHARGING = "CHARGING"
    LIMITED_BY_CPO = "LIMITED_BY_CPO"
    LIMITED_BY_GRID = "LIMITED_BY_GRID"
    IDLE = "IDLE"
    DEPARTED = "DEPARTED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"
    FAILED_BY_CPO = "FAILED_BY_CPO"


_S = StallState
ENERGY_STATES: Final = (_S.CHARGING, _S.LIMITED_BY_CPO, _S.LIMITED_BY_GRID)
LAST_STATES: Final = frozenset({_S.DEPARTED, _S.CANCELLED, _S.NO_SHOW, _S.FAILED_BY_CPO})
_GIVEN_UP: Final = frozenset({_S.QUEUED, _S.NO_SHOW})
"""What follows where a driver did not come to its stall."""
_FIRST_STATES: Final = frozenset({_S.QUEUED, _S.ASSIGNED})

FOLLOWING: Final[Mapping[StallState, frozenset[StallState]]] = MappingProxyType(
    {
        _S.QUEUED: frozenset({_S.ASSIGNED, _S.CANCELLED, _S.FAILED_BY_CPO}),
        _S.ASSIGNED: frozenset({_S.QUEUED, _S.CHARGING, _S.NO_SHOW, _S.CANCELLED, _S.FAILED_BY_CPO}),
        **{
            state: frozenset({*ENERGY_STATES, _S.IDLE, _S.DEPARTED, _S.FAILED_BY_CPO} - {state})
            for state in ENERGY_STATES
        },
        _S.IDLE: frozenset({_S.DEPARTED}),
        **{state: frozenset[StallState]() for state in LAST_STATES},
    }
)
"""What may follow each state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StallRow:
    """From `at` on a state holds; of energy states the register's growth until the next row is told."""

    at: datetime
    state: StallState
    energy: Energy | None = None
    stall: str | None = None
    event: str | None = None


StallRows: TypeAlias = tuple[StallRow, ...]
Counted: TypeAlias = Sequence[tuple[Interval, Energy]]
"""What the meter of a stall counted, interval by interval, in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StallSession:
    """A session with its terms, the power that was promised (kW), and the start that was reserved."""

    terms: StallTerms
    promised: Decimal
    rows: tuple[StallRow, ...]
    reserved_start: datetime | None = None

    @property
    def last(self) -> StallState | None:
        """How the session ended, None of one that goes on."""
        return self.rows[-1].state if self.rows and self.rows[-1].state in LAST_STATES else None

    def lasting(self) -> Iterator[tuple[StallRow, timedelta]]:
        """Return each row that another follows, and how long it held."""
        for row, following in pairwise(self.rows):
            yield row, following.at - row.at


def append(
    rows: Sequence[StallRow],
    state: StallState,
    *,
    at: datetime,
    stall: str | None = None,
    event: str | None = None,
) -> StallRows:
    """Return the rows with one more, a second after the last at the earliest; the same again is none.

    Rows count in whole seconds. What was told is never taken back, so what became known too late for its
    place comes after it. Nothing follows a last state.
    """
    whole = at.replace(microsecond=0)
    if rows and (rows[-1].state is state or rows[-1].state in LAST_STATES):
        return tuple(rows)
    if rows:
        whole = max(whole, rows[-1].at + SECOND)
    return (*rows, StallRow(at=whole, state=state, stall=stall, event=event))


def energies(rows: Sequence[StallRow], counted: Counted, *, total: Energy) -> tuple[Energy, ...]:
    """Return the energy of each row that another follows, and of the last; nought where none flows.

    A meter's interval that reaches over the end of a row is divided in proportion to time, rounded down. As
    much is shared out as was delivered in all; what is counted before the first row, or after the last of
    energy, is its.
    """
    ends = [following.at for following in rows[1:]]
    last = max((at for at, row in enumerate(rows) if row.state in ENERGY_STATES), default=-1)
    found, before = [], 0
    for at, row in enumerate(rows):
        if row.state not in ENERGY_STATES:
            found.append(ZERO_ENERGY)
            continue
        by_end = total.watt_hours if at == last else min(_counted_by(counted, ends[at]), total.watt_hours)
        found.append(Energy(by_end - before))
        before = by_end
    return tuple(found)


def with_energies(rows: Sequence[StallRow], counted: Counted, *, total: Energy) -> StallRows:
    """Return the rows, those of energy states with what flowed in them."""
    found = energies(rows, counted, total=total)
    return tuple(
        replace(row, energy=energy) if row.state in ENERGY_STATES else row
        for row, energy in zip(rows, found, strict=True)
    )


def _counted_by(counted: Counted, instant: datetime) -> int:
    """Return the Wh of all intervals up to an instant, of one that it lies in a part."""
    watt_hours = 0
    for interval, energy in counted:
        if interval.end <= instant:
            watt_hours += energy.watt_hours
        elif interval.start < instant:
            part = (instant - interval.start) // _INSTANT
            watt_hours += energy.watt_hours * part // (interval.duration // _INSTANT)
    return watt_hours


def faults_of(session: StallSession) -> list[str]:
    """Return what no ledger may say, each in a sentence; nothing of one that is right."""
    return [*_faults_of_order(session.rows), *_faults_of_fields(session), *_faults_of_waiting(session)]


def _faults_of_order(rows: Sequence[StallRow]) -> Iterator[str]:
    if not rows:
        yield "the ledger has no rows"
        return
    if rows[0].state not in _FIRST_STATES:
        yield f"a session begins QUEUED or ASSIGNED, not {rows[0].state}"
    for row, following in pairwise(rows):
        if following.at <= row.at:
            yield f"the row of {following.at.isoformat()} is not later than the one before it"
        if following.state not in FOLLOWING[row.state]:
            yield f"{following.state} cannot follow {row.state} at {following.at.isoformat()}"


def _faults_of_fields(session: StallSession) -> Iterator[str]:
    for row in session.rows:
        for what, is_there, state_has_it in (
            ("kWh", row.energy is not None, row.state in ENERGY_STATES),
            ("stallId", row.stall is not None, row.state is StallState.ASSIGNED),
            ("eventId", row.event is not None, row.state is StallState.LIMITED_BY_GRID),
        ):
            if is_there is not state_has_it:
                verb = "needs" if state_has_it else "has no"
                yield f"the row {row.state} of {row.at.isoformat()} {verb} {what}"
        if row.energy is not None and row.energy < ZERO_ENERGY:
            yield f"the energy of {row.at.isoformat()} is negative"
    for row, lasting in session.lasting():
        most = promised_in(session.promised, lasting) * _MOST_OF_PROMISE
        if row.energy is not None and row.energy.watt_hours > most:
            yield f"{row.energy} from {row.at.isoformat()} are more than the promised power gives"


def _faults_of_waiting(session: StallSession) -> Iterator[str]:
    """Who is demoted, or given up, was waited for as long, and as often, as was agreed."""
    demotions, grace = 0, session.terms.grace
    for (row, lasting), following in zip(session.lasting(), session.rows[1:], strict=True):
        if row.state is not StallState.ASSIGNED or following.state not in _GIVEN_UP:
            continue
        if lasting < grace:
            yield f"the grace was not over when {following.state} came at {following.at.isoformat()}"
        if following.state is StallState.NO_SHOW and demotions < session.terms.most_demotions:
            yield f"NO_SHOW came after {demotions} of {session.terms.most_demotions} demotions"
        demotions += 1


def promised_in(promised: Decimal, lasting: timedelta) -> Fraction:
    """Return the Wh that the promised power gives in so much time, exactly."""
    return Fraction(promised) * ratio(lasting, _HOUR) * WATT_HOURS_PER_KWH


def late_by(session: StallSession) -> timedelta:
    """Return by how much a reserved stall was late, beyond the grace; measured to the end if none came."""
    if session.terms.reservation is None or session.reserved_start is None:
        return NO_TIME
    ready = next((row.at for row in session.rows if row.state is StallState.ASSIGNED), None)
    if ready is None and session.last is StallState.FAILED_BY_CPO:
        ready = session.rows[-1].at
    if ready is None:
        return NO_TIME
    return max(NO_TIME, ready - session.reserved_start - session.terms.grace)
