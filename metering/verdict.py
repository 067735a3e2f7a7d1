"""What is known of a measurement, and what becomes of one that is offered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from metering.doubt import Doubt, Reason
from metering.energy import Measurement


class Verdict(StrEnum):
    """What becomes of an offered reading."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REVISED = "REVISED"
    QUARANTINED = "QUARANTINED"


@dataclass(frozen=True, slots=True)
class Known:
    """A stored measurement; `revision` counts its corrections so far.

    `received_at` is when this revision came. `former` holds what earlier revisions said, in Wh; it is
    asked for only where an operator edited the value.
    """

    measurement: Measurement
    revision: int
    received_at: datetime | None = None
    former: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one offered measurement, with its new revision or the doubt about it.

    `marks` are bits to be added to the quality under which it is kept.
    """

    verdict: Verdict
    revision: int = 0
    doubt: Doubt | None = None
    marks: int = 0


ACCEPTED = Judgement(Verdict.ACCEPTED)
DUPLICATE = Judgement(Verdict.DUPLICATE)


def quarantined(reason: Reason, sentence: str) -> Judgement:
    """Return the verdict on what is set aside."""
    return Judgement(Verdict.QUARANTINED, doubt=Doubt(reason, sentence))
