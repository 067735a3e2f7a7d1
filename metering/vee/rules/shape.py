"""Rules on the shape of a day: spikes, values held back and then doubled, silence where there was use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from metering.vee.evidence import Evidence
from metering.vee.finding import Flaw, Settings

_LEAST_FOR_A_SHAPE: Final = 3


def no_spike(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """The greatest interval of a day is not out of all proportion to the third greatest.

    Source: Oracle D2-INTSPKCHK: (max - 3rd max) / 3rd max, per 24 h; 180 % in Californian practice.
    Says nothing with fewer than three intervals above nought, or below `floor_watt_hours`.
    """
    slots = sorted(
        (slot for slot in evidence.regular() if slot.watt_hours > 0), key=lambda slot: -slot.watt_hours
    )
    if len(slots) < _LEAST_FOR_A_SHAPE:
        return
    greatest, third = slots[0], slots[_LEAST_FOR_A_SHAPE - 1].watt_hours
    if greatest.watt_hours < settings["floor_watt_hours"]:
        return
    above = 100 * (greatest.watt_hours - third)
    if above > settings["tolerance_percent"] * third:
        yield Flaw(
            greatest.start,
            greatest.end,
            f"{greatest.watt_hours} Wh is {above // third} % above the day's third greatest, {third} Wh; "
            f"{settings['tolerance_percent']} % are allowed",
        )


def not_held_back(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """No interval of nought is followed by one that holds about two.

    Source: amsreader issue 1119: a meter repeats its hour, 0.000 and then 8.056 kWh.
    """
    # Two values of before, so that midnight hides nothing.
    slots = [*evidence.regular_before()[-2:], *evidence.regular()]
    for before, silent, after in zip(slots, slots[1:], slots[2:], strict=False):
        is_row = before.end == silent.start and silent.end == after.start
        is_double = 100 * after.watt_hours >= settings["double_percent"] * before.watt_hours
        is_much = after.watt_hours >= settings["floor_watt_hours"]
        if is_row and before.watt_hours > 0 and silent.watt_hours == 0 and is_double and is_much:
            yield Flaw(
                silent.start,
                after.end,
                f"0 Wh after {before.watt_hours} Wh and before {after.watt_hours} Wh: "
                "one value may hold the energy of two intervals",
            )


def not_silent(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A meter that usually counts does not count nothing for a whole day.

    Source: CPUC Attachment-VEE, zero consumption on an active meter.
    """
    days = len(evidence.same_days)
    if not evidence.slots or evidence.gaps() or evidence.total or evidence.elapsed_end < evidence.end:
        return
    if days < settings["least_days"]:
        return
    usual = sum(evidence.same_days)
    if usual >= settings["floor_watt_hours"] * days:
        yield Flaw(evidence.start, evidence.end, f"0 Wh all day, where {usual // days} Wh are usual")
