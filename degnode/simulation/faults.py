"""What goes wrong with meters, by name, and how it is asked for: at a rate or at a place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from degnode.simulation.dice import MILLION
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
