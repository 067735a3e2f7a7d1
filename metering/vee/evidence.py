"""What the rules look at: everything that is known of one direction of a meter on one local day.

Plain numbers throughout: times in seconds since 1970 UTC, energy in Wh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from metering.doubt import Reason


@dataclass(frozen=True, slots=True)
class Slot:
    """Energy that flowed from `start` to `end`, as settlement counts it; `quality` in bits of 2030.5."""

    start: int
    end: int
    watt_hours: int
    quality: int = 0

    @property
    def seconds(self) -> int:
        return self.end - self.start


def covered_seconds(slots: Iterable[Slot]) -> int:
    """Return how long `slots`, in order, last together, in s; no instant counts twice."""
    covered, reached = 0, None
    for slot in slots:
        covered += max(0, slot.end - (slot.start if reached is None else max(slot.start, reached)))
        reached = slot.end if reached is None else max(reached, slot.end)
    return covered


def gaps_between(slots: Iterable[Slot], *, start: int, end: int) -> list[tuple[int, int]]:
    """Return from when to when, from `start` to `end`, none of `slots`, in order, says anything."""
    found: list[tuple[int, int]] = []
    reached = start
    for slot in slots:
        if reached < min(slot.start, end):
            found.append((reached, min(slot.start, end)))
        reached = max(reached, slot.end)
    if reached < end:
        found.append((reached, end))
    return found


@dataclass(frozen=True, slots=True)
class Stand:
    """What a register showed at an instant."""

    at: int
    watt_hours: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """The latest revision of a reading: when it came, and what the reading said before, if anything.

    `register` is an mRID.
    """

    start: int
    end: int
    watt_hours: int
    before: int | None
    received_at: int
    register: str = ""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A reading that was not taken; `counts` says that its register's readings are energy otherwise."""

    start: int
    end: int
    reason: Reason
    sentence: str
    counts: bool = True
    received_at: int = 0
    register: str = ""

    @property
    def is_stand(self) -> bool:
        """Say whether it tells of an instant; an interval may have no length by mistake only."""
        return self.start == self.end and self.reason is not Reason.EMPTY_PERIOD

    def is_replaced_by(self, arrival: Arrival) -> bool:
        """Say whether a reading that came since says what this one should have said.

        A stand is replaced by one of its own register at its instant, an interval by any that overlaps it.
        """
        if arrival.received_at < self.received_at:
            return False
        if self.is_stand:
            return (arrival.register, arrival.start, arrival.end) == (self.register, self.start, self.end)
        return arrival.start < max(self.end, self.start + 1) and self.start < arrival.end


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A register whose readings mean another power of ten from `at` on than before."""

    at: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RegisterSum:
    """What a register counted from `start` to `end`, beside the sum of the intervals that fill that time.

    `unit` is the least that the register shows, in Wh.
    """

    start: int
    end: int
    by_register: int
    by_intervals: int
    unit: int


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """What a meter says of its clock: how far it is off, in s, and the 2030.5 quality, 3 best to 7."""

    offset_seconds: int
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One direction of a meter on the local day from `start` to `end`, as known at `now`.

    `slots` are in order and lie within the day; `slots_before` come next before it. `stands` holds the
    stands of each register that lie in the day, with the three next before it. `same_days` are the totals of
    comparable days of before, `exchanges` the instants at which registers were exchanged. What is None is
    not known, and rules that need it find nothing.
    """

    start: int
    end: int
    now: int
    interval_seconds: int | None = None
    slots: Sequence[Slot] = ()
    slots_before: Sequence[Slot] = ()
    stands: Mapping[str, Sequence[Stand]] = field(default_factory=dict)
    arrivals: Sequence[Arrival] = ()
    set_aside: Sequence[SetAside] = ()
    rescalings: Sequence[Rescaling] = ()
    sums: Sequence[RegisterSum] = ()
    same_days: Sequence[int] = ()
    sanctioned_watts: int | None = None
    modulus: int | None = None
    exchanges: Sequence[int] = ()
    check_watt_hours: int | None = None
    clock: DeviceClock | None = None

    @property
    def elapsed_end(self) -> int:
        """Until when the day is over: nothing can be missing later."""
        return max(self.start, min(self.end, self.now))

    @property
    def total(self) -> int:
        return sum(slot.watt_hours for slot in self.slots)

    def gaps(self) -> list[tuple[int, int]]:
        """Return from when to when nothing is known, in order, up to now."""
        return gaps_between(self.slots, start=self.start, end=self._last_due())

    def _last_due(self) -> int:
        """Return when the last interval ended that can have been reported by now."""
        length = self.interval_seconds
        if length is None or self.elapsed_end == self.end:
            return self.elapsed_end
        return self.elapsed_end - (self.elapsed_end - self.start) % length

    def regular(self) -> list[Slot]:
        """Return the intervals that have the meter's own length, all where that is not known."""
        return self._regular(self.slots)

    def regular_before(self) -> list[Slot]:
        """Return the same of the time before the day."""
        return self._regular(self.slots_before)

    def _regular(self, slots: Sequence[Slot]) -> list[Slot]:
        length = self.interval_seconds
        return [slot for slot in slots if length is None or slot.seconds == length]

    def unexplained(self, *reasons: Reason) -> Iterator[SetAside]:
        """Yield what was set aside for one of `reasons` and has not been replaced by a reading since."""
        for item in self.set_aside:
            if item.reason in reasons and not any(map(item.is_replaced_by, self.arrivals)):
                yield item
