"""Where faults strike: as they are asked for, each at a place of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from degnode.simulation.dice import Dice, happens
from degnode.simulation.faults import OF_DOCUMENTS, OF_METERS, Fault, FaultKind, FaultWish
from kernel.errors import NodeError


class FaultMisplaced(NodeError):
    """A fault is wanted where there is nothing that it could strike."""

    code, http_status, retryable = "SIMULATION_FAULT_MISPLACED", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What faults can strike: meters from 1 on, each with so many intervals and documents of readings."""

    meters: int
    intervals: int
    documents: int

    def places(self, kind: FaultKind) -> int:
        """Return at how many places of a meter a fault can strike."""
        if kind in OF_DOCUMENTS:
            return self.documents
        return self.intervals - 1 if kind is FaultKind.STALE else self.intervals


def check_wishes(wishes: Sequence[FaultWish], targets: Targets) -> None:
    """Check that every place that is named is there, and is named once. Raises: FaultMisplaced."""
    for wish in wishes:
        if wish.places is None:
            continue
        where, count = f"{wish.kind}@{wish.meter}:{wish.places.stop - 1}", targets.places(wish.kind)
        if not wish.places:
            raise FaultMisplaced(f"{wish.kind}@{wish.meter}:{wish.places.start} ends before it begins")
        if not 1 <= wish.meter <= targets.meters:
            raise FaultMisplaced(f"{where}: there is no meter {wish.meter}", hint="Meters count from 1.")
        if wish.places.stop > count:
            of = "documents of readings" if wish.kind in OF_DOCUMENTS else "intervals that this can happen to"
            raise FaultMisplaced(f"{where}: a meter has {count} {of}", hint="They count from 0.")
    for meter in {wish.meter for wish in wishes if wish.places}:
        strikes(wishes, targets, meter=meter, seed=0)


def strikes(wishes: Sequence[FaultWish], targets: Targets, *, meter: int, seed: int) -> tuple[Fault, ...]:
    """Return the faults that strike a meter.

    What is asked for by its place comes first; a rate strikes only where nothing has struck before.
    Raises: FaultMisplaced, if two faults are asked for at one place.
    """
    struck: list[Fault] = []
    taken: set[object] = set()
    for wish in wishes:
        for at in wish.places or () if wish.meter == meter else ():
            fault = Fault(kind=wish.kind, meter=meter, at=at)
            if not taken.isdisjoint(_takes(fault)):
                raise FaultMisplaced(f"{wish.kind}@{meter}:{at}: another fault strikes there already")
            struck.append(fault)
            taken |= _takes(fault)
    for wish in wishes:
        for at in _chances(wish, meter, targets, seed=seed):
            fault = Fault(kind=wish.kind, meter=meter, at=at)
            if taken.isdisjoint(_takes(fault)):
                struck.append(fault)
                taken |= _takes(fault)
    return tuple(struck)


def aim(fault: Fault, imported: Sequence[int]) -> Fault:
    """Return `fault` where it can strike: a register passes 0 only while energy flows."""
    if fault.kind is not FaultKind.ROLLOVER:
        return fault
    flowing = [at for at, energy in enumerate(imported) if energy]
    return replace(fault, at=min(flowing, key=lambda at: abs(at - fault.at), default=fault.at))


def _chances(wish: FaultWish, meter: int, targets: Targets, *, seed: int) -> Iterator[int]:
    """Yield where a wish for a rate strikes a meter."""
    rate, kind = wish.parts_per_million, wish.kind
    if not rate:
        return
    if kind in OF_METERS:
        if targets.intervals > 1 and happens(rate, kind, meter, seed=seed):
            yield Dice(kind, meter, seed=seed).between(1, targets.intervals - 1)
        return
    yield from (at for at in range(targets.places(kind)) if happens(rate, kind, meter, at, seed=seed))


def _takes(fault: Fault) -> frozenset[object]:
    """Return what a fault keeps others from: its intervals; of its own kind, its document or meter."""
    if fault.kind in OF_METERS:
        return frozenset({fault.kind})
    if fault.kind in OF_DOCUMENTS:
        return frozenset({(fault.kind, fault.at)})
    return frozenset({fault.at, fault.at + 1} if fault.kind is FaultKind.STALE else {fault.at})
