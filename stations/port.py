"""What a station can be told to do, and what it tells: the same for every kind of station."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kernel.energy import Energy
from storage.unit_of_work import UnitOfWork


class Verb(StrEnum):
    """What a connector is told."""

    START = "START"
    STOP = "STOP"
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"
    LIMIT = "LIMIT"  # give no more than so many W to what charges
    LIFT = "LIFT"  # give all again
    UNLOCK = "UNLOCK"  # let go of the cable; an operator's command, of no session


class Acceptance(StrEnum):
    """What a station made of a command; UNREACHABLE: nobody knows, for it did not answer."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNREACHABLE = "UNREACHABLE"


class StationEventKind(StrEnum):
    """What can happen at a connector."""

    AVAILABLE = "AVAILABLE"  # free, and nothing is plugged in
    PREPARING = "PREPARING"  # something is plugged in, and nothing flows yet
    STARTED = "STARTED"
    SUSPENDED_BY_CAR = "SUSPENDED_BY_CAR"
    SUSPENDED_BY_STATION = "SUSPENDED_BY_STATION"
    RESUMED = "RESUMED"
    STOPPED = "STOPPED"
    FAULTED = "FAULTED"
    OFFLINE = "OFFLINE"  # the station is not heard of; what goes on there is not known
    ONLINE = "ONLINE"


@dataclass(frozen=True, slots=True, kw_only=True)
class StationCommand:
    """One thing that a connector shall do for a session.

    `connector_id` is the catalogue's resource, `session_id` the contract. `until` is when a reservation
    ends, `limit` how much energy a session may take at most, `limit_watts` what power. An operator's
    command is of no session, and so is one about what nobody bought.
    """

    id: int
    verb: Verb
    connector_id: str
    session_id: str
    until: datetime | None = None
    limit: Energy | None = None
    limit_watts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What became of a command; `why` is a sentence wherever it was not accepted."""

    acceptance: Acceptance
    why: str = ""


class StationPort(Protocol):
    """Carries commands to stations of one kind."""

    async def carry_out(self, command: StationCommand) -> CommandResult:
        """Tell the station, and return its answer; no transaction is open meanwhile."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StationEvent:
    """Something that happened at a connector `at` an instant, by the station's own clock, to the second.

    Stands are to the second too, so that what flowed from one event to another is known exactly.
    `session_id` is the contract whose charging it is about, if any; `register` the stand of the
    connector's meter at that instant, where the station said it; `grid_event` the event of the grid by which
    it gives less, where it is that.
    """

    connector_id: str
    kind: StationEventKind
    at: datetime
    session_id: str | None = None
    register: Energy | None = None
    why: str = ""
    grid_event: str | None = None


OnStationEvent = Callable[[UnitOfWork, StationEvent, datetime], Awaitable[None]]
"""Told of an event in the unit of work that keeps it, with the present instant."""

OnCommandResult = Callable[[UnitOfWork, StationCommand, CommandResult, datetime], Awaitable[None]]
"""Told once of what became of a command, in the unit of work that keeps it, with the present instant."""
