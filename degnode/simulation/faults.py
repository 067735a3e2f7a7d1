"""What goes wrong with meters, by name: asked for at a rate or at a place, and where each one struck."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from degnode.simulation.dice import MILLION, Dice, happens
from kernel.errors import NodeError

_ASKED: Final = re.compile(
    r"([a-z]+)(?::(0(?:\.[0-9]{1,6})?|1(?:\.0{1,6})?)|@([0-9]{1,6}):([0-9]{1,7})(?:-([0-9]{1,7}))?)"
)


class FaultKind(StrEnum):
    """The kinds of faults."""

    GAP = "gap"
    """An interval is never reported, nor the register's stand at its end."""
    SPIKE = "spike"
    """An interval brings more than its connection can carry; the register does not."""
    RESET = "reset"
    """The registers begin anew at 0."""
    ROLLOVER = "rollover"
    """The import register passes its modulus and goes on from 0."""
    STALE = "stale"
    """The register repeats its stand, and the next interval brings the energy of two."""
    DRIFT = "drift"
    """From here on the meter's clock gains some seconds with every interval."""
    CORRECTION = "correction"
    """An interval is first told wrongly, and rightly after everything else."""
    DUPLICATE = "duplicate"
    """A document is posted again, to the byte, after everything else."""
    LATE = "late"
    """A document is posted after those that follow it, in no order."""


OF_DOCUMENTS: Final = frozenset({FaultKind.DUPLICATE, FaultKind.LATE})
OF_METERS: Final = frozenset({FaultKind.RESET, FaultKind.ROLLOVER, FaultKind.DRIFT})
"""Happen to a meter at most once; a rate is that of meters. All others' is that of intervals."""


class FaultUnreadable(NodeError):
    """What kind of fault is wanted, or where, cannot be read."""

    code, http_status, retryable = "SIMULATION_FAULT_INVALID", 400, False


class FaultMisplaced(NodeError):
    """A fault is wanted where there is nothing that it could strike."""

    code, http_status, retryable = "SIMULATION_FAULT_MISPLACED", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWish:
    """A fault that is asked for: at a rate, or at `places` among a meter's intervals or documents."""

    kind: FaultKind
    parts_per_million: int = 0
    meter: int = 0
    places: range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that strikes: `at` is the number of a meter's interval or document, counted from 0."""

    kind: FaultKind
    meter: int
    at: int


def read_fault(text: str) -> FaultWish:
    """Return the wish that `text` says: `gap:0.01`, `spike@3:17` or `gap@3:17-24`.

    Raises: FaultUnreadable.
    """
    match = _ASKED.fullmatch(text.strip())
    kinds = {kind.value: kind for kind in FaultKind}
    if match is None or match[1] not in kinds:
        raise FaultUnreadable(
            f"{text[:60]!r} is no fault",
            hint=f"Write one of {', '.join(kinds)} with a rate up to 1, like gap:0.01, or with the number of "
            "a meter (from 1) and of an interval or document (from 0), like spike@3:17 or gap@3:17-24.",
        )
    kind = kinds[match[1]]
    if match[2] is not None:
        whole, _, fraction = match[2].partition(".")
        return FaultWish(kind=kind, parts_per_million=min(MILLION, int(whole + fraction.ljust(6, "0"))))
    first = int(match[4])
    return FaultWish(kind=kind, meter=int(match[3]), places=range(first, int(match[5] or first) + 1))


def place_faults(
    wishes: Iterable[FaultWish], *, meters: Sequence[int], intervals: int, documents: int, seed: int
) -> dict[int, tuple[Fault, ...]]:
    """Return the faults that strike each meter, which has so many intervals and documents of readings.

    An interval suffers one fault at most: where an earlier wish struck, a later rate does not.
    Raises: FaultMisplaced.
    """
    wishes = list(wishes)
    placed: dict[int, list[Fault]] = {meter: [] for meter in meters}
    for wish in wishes:
        for at in _named(wish):
            _check(wish, at, placed, intervals=intervals, documents=documents)
            placed[wish.meter].append(Fault(kind=wish.kind, meter=wish.meter, at=at))
    for wish in wishes:
        for meter, faults in placed.items():
            chances = _chances(wish, meter, intervals=intervals, documents=documents, seed=seed)
            for at in chances:
                fault = Fault(kind=wish.kind, meter=meter, at=at)
                if not _occupied(faults, fault):
                    faults.append(fault)
    return {meter: tuple(faults) for meter, faults in placed.items()}


def aim(fault: Fault, imported: Sequence[int]) -> Fault:
    """Return `fault` where it can strike: a register passes 0 only while energy flows."""
    if fault.kind is not FaultKind.ROLLOVER:
        return fault
    flowing = [at for at, energy in enumerate(imported) if energy]
    return replace(fault, at=min(flowing, key=lambda at: abs(at - fault.at), default=fault.at))


def _named(wish: FaultWish) -> range:
    """Return the places that a wish names. Raises: FaultMisplaced, if it names none."""
    if wish.places is None:
        return range(0)
    if not wish.places:
        raise FaultMisplaced(f"{wish.kind}@{wish.meter}:{wish.places.start}: it ends before it begins")
    return wish.places


def _chances(wish: FaultWish, meter: int, *, intervals: int, documents: int, seed: int) -> Iterator[int]:
    """Yield where a wish for a rate strikes a meter."""
    rate, kind = wish.parts_per_million, wish.kind
    if kind in OF_METERS:
        if intervals > 1 and happens(rate, kind, meter, seed=seed):
            yield Dice(kind, meter, seed=seed).between(1, intervals - 1)
        return
    count = documents if kind in OF_DOCUMENTS else intervals - (kind is FaultKind.STALE)
    yield from (at for at in range(count) if happens(rate, kind, meter, at, seed=seed))


def _check(
    wish: FaultWish, at: int, placed: Mapping[int, Sequence[Fault]], *, intervals: int, documents: int
) -> None:
    where = f"{wish.kind}@{wish.meter}:{at}"
    if wish.meter not in placed:
        raise FaultMisplaced(f"{where}: there is no meter {wish.meter}", hint="Meters count from 1.")
    if wish.kind in OF_DOCUMENTS:
        count, of = documents, "documents of readings"
    else:
        count, of = intervals - (wish.kind is FaultKind.STALE), "intervals that this can happen to"
    if at >= count:
        raise FaultMisplaced(f"{where}: a meter has {count} {of}", hint="They count from 0.")
    if _occupied(placed[wish.meter], Fault(kind=wish.kind, meter=wish.meter, at=at)):
        raise FaultMisplaced(f"{where}: another fault strikes there already")


def _occupied(faults: Iterable[Fault], wanted: Fault) -> bool:
    if wanted.kind in OF_METERS:
        return any(fault.kind is wanted.kind for fault in faults)
    if wanted.kind in OF_DOCUMENTS:
        return any(fault.kind is wanted.kind and fault.at == wanted.at for fault in faults)
    return not _reach(wanted).isdisjoint(
        at for fault in faults if fault.kind not in OF_METERS | OF_DOCUMENTS for at in _reach(fault)
    )


def _reach(fault: Fault) -> frozenset[int]:
    """Return the intervals that a fault touches."""
    return frozenset({fault.at, fault.at + 1} if fault.kind is FaultKind.STALE else {fault.at})
