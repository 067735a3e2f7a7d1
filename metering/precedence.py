"""Which of two statements about the same energy counts: estimates, edits, doubts. Pure.

Source: CPUC Attachment VEE, section 4: an actual always supersedes an estimate, an estimate never an
actual, whoever put it in. What an operator edited stands against everything that was known when it was
edited. A value that the meter says anew was not: it replaces the edit, but unless its sender vouches for
it (bit 0) it is marked as questionable, so that no edit is undone unseen.
"""

from __future__ import annotations

from metering.doubt import Reason
from metering.energy import Measurement
from metering.quality import MANUALLY_EDITED, QUESTIONABLE, VALID, is_estimate
from metering.verdict import DUPLICATE, Judgement, Known, Verdict, quarantined


def is_edit(quality: int) -> bool:
    """Say whether a person put a value of this quality in, and not as an estimate."""
    return bool(quality & MANUALLY_EDITED) and not is_estimate(quality)


def says_the_same(one: Measurement, other: Measurement) -> bool:
    """Say whether two measurements with one key are one statement."""
    return one.watt_hours == other.watt_hours and one.quality == other.quality


def weigh(stored: Known, offered: Measurement) -> Judgement:
    """Return what becomes of a measurement that is offered for a key which `stored` holds.

    A doubt that was cast on a value is not lifted by saying the same again without bit 0.
    """
    known = stored.measurement
    if says_the_same(known, offered) or _repeats_what_is_doubted(known, offered):
        return DUPLICATE
    if is_edit(known.quality) and not is_edit(offered.quality):
        return _weigh_against_an_edit(stored, offered)
    if _would_estimate_an_actual(known, offered):
        return quarantined(
            Reason.ACTUAL_KNOWN,
            f"it is an estimate, and {known.watt_hours} Wh were measured; an estimate never replaces that",
        )
    return Judgement(Verdict.REVISED, stored.revision + 1)


def _repeats_what_is_doubted(known: Measurement, offered: Measurement) -> bool:
    return (
        known.watt_hours == offered.watt_hours
        and known.quality == offered.quality | QUESTIONABLE
        and not offered.quality & VALID
    )


def _weigh_against_an_edit(stored: Known, offered: Measurement) -> Judgement:
    known = stored.measurement
    if offered.watt_hours == known.watt_hours or offered.watt_hours in stored.former:
        return DUPLICATE
    if is_estimate(offered.quality):
        return quarantined(
            Reason.ACTUAL_KNOWN,
            f"it is an estimate, and an operator put in {known.watt_hours} Wh, which stands",
        )
    marks = 0 if offered.quality & VALID else QUESTIONABLE
    return Judgement(Verdict.REVISED, stored.revision + 1, marks=marks)


def _would_estimate_an_actual(known: Measurement, offered: Measurement) -> bool:
    return is_estimate(offered.quality) and not is_estimate(known.quality)
