"""What a bill was settled from, with when each part of it was known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.agreement import Agreement
from settlement.side import MeteredInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownReading:
    """A meter's energy in an interval, as it was known from one instant, until another if it was revised."""

    interval: Interval
    energy: Energy
    known_from: datetime
    known_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCut:
    """What is cut from a contract in all, from an instant on, and since when that is known."""

    since: datetime
    energy: Energy
    known_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierClaim:
    """What a contract that was confirmed before this one may take of a meter."""

    confirmed_at: datetime
    window: Interval
    contracted: Energy
    cuts: tuple[KnownCut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterEvidence:
    """A meter by its mRID, what it counted, and who comes first on it, in that order."""

    meter: str
    allocation: str
    readings: tuple[KnownReading, ...]
    claims: tuple[EarlierClaim, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a contract is settled from. The agreement is that of today."""

    agreement: Agreement
    confirmed_at: datetime
    exported: MeterEvidence
    imported: MeterEvidence
    cuts: tuple[KnownCut, ...] = ()
    fulfilled_at: datetime | None = None
    terminated_at: datetime | None = None


def track_readings(seen: Iterable[tuple[datetime, Sequence[MeteredInterval]]]) -> tuple[KnownReading, ...]:
    """Return what was known when, from what was seen at some instants, in their order."""
    known: list[KnownReading] = []
    standing: dict[MeteredInterval, int] = {}
    for at, readings in seen:
        for reading in standing.keys() - set(readings):
            place = standing.pop(reading)
            known[place] = replace(known[place], known_until=at)
        for interval, energy in readings:
            if (interval, energy) not in standing:
                standing[interval, energy] = len(known)
                known.append(KnownReading(interval=interval, energy=energy, known_from=at))
    return tuple(sorted(known, key=lambda each: (each.interval, each.known_from)))
