"""Rules on time: clocks, gaps, lengths, repeats, too early, too late, too long without a measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from metering.doubt import Reason
from metering.quality import DERIVED, is_estimate
from metering.vee.evidence import Evidence, Slot
from metering.vee.finding import Flaw, Settings

_DAY_SECONDS: Final = 86_400


def clock_is_right(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A meter's clock is near ours, and coordinated with somebody's.

    Source: CPUC Attachment-VEE §3.1, time check before collecting; IEEE 2030.5 Time.quality.
    """
    clock = evidence.clock
    if clock is None:
        return
    if abs(clock.offset_seconds) > settings["max_offset_seconds"]:
        yield Flaw(
            evidence.start,
            evidence.end,
            f"the meter's clock is {clock.offset_seconds} s off; "
            f"{settings['max_offset_seconds']} s are allowed",
        )
    if clock.quality > settings["worst_quality"]:
        yield Flaw(
            evidence.start,
            evidence.end,
            f"the meter says that its clock has quality {clock.quality}; "
            f"{settings['worst_quality']} is the worst that is taken",
        )


def no_gap(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """Every interval of the local day is there, 92, 96 or 100 quarter hours of it.

    Source: Itron IEE Gap Check; Oracle "Raise Missing Quantity".
    """
    length = evidence.interval_seconds
    for start, end in evidence.gaps():
        if end - start <= settings["tolerated_seconds"]:
            continue
        count = -((start - end) // length) if length else 0
        missing = f"{count} interval(s)" if length else f"{end - start} s"
        causes = sorted(
            {item.reason.value for item in evidence.set_aside if item.start < end and start < item.end}
        )
        why = f"; readings were set aside: {', '.join(causes)}" if causes else ""
        yield Flaw(start, end, f"{missing} missing{why}")


def interval_size(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """Every interval has the length that the meter is registered with.

    Source: Oracle Interval Size Validation.
    """
    length = evidence.interval_seconds
    if length is None:
        return
    wrong = [slot for slot in evidence.slots if slot.seconds != length and not slot.quality & DERIVED]
    for run in _runs(wrong):
        yield Flaw(
            run[0].start,
            run[-1].end,
            f"{len(run)} intervals of {run[0].seconds} s where {length} s are expected",
        )
    for item in evidence.unexplained(Reason.EMPTY_PERIOD, Reason.TOO_LONG):
        yield Flaw(item.start, item.end, item.sentence)


def interval_alignment(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """Intervals start on the grid that begins at local midnight.

    Source: Estfeed ("hh:00/15/30/45").
    """
    length = evidence.interval_seconds
    if length is None:
        return
    wrong = [
        slot
        for slot in evidence.slots
        if (slot.start - evidence.start) % length and not slot.quality & DERIVED
    ]
    for run in _runs(wrong):
        late = (run[0].start - evidence.start) % length
        yield Flaw(
            run[0].start, run[-1].end, f"{len(run)} intervals start {late} s after the grid of {length} s"
        )


def no_correction(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """No reading says otherwise than an earlier one about the same time.

    Source: Oracle Duplicate IMD Check and Final Measurement Replacement (ranked by the size of the change).
    """
    for item in evidence.arrivals:
        if item.before is None:
            continue
        change = abs(item.watt_hours - item.before)
        if change > settings["tolerated_watt_hours"]:
            yield Flaw(item.start, item.end, f"corrected from {item.before} to {item.watt_hours} Wh")
    for aside in evidence.set_aside:
        if aside.reason in (Reason.CONTRADICTION, Reason.OVERLAP):
            yield Flaw(aside.start, aside.end, aside.sentence)


def not_in_the_future(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """Nothing was measured that has not been yet.

    Source: the clock of a meter may be ahead of ours by so many seconds (`skew_seconds`) and no more.
    """
    for slot in evidence.slots:
        ahead = slot.end - evidence.now
        if ahead > settings["skew_seconds"]:
            yield Flaw(slot.start, slot.end, f"it ends {ahead} s in the future")
    for item in evidence.unexplained(Reason.FUTURE):
        yield Flaw(item.start, item.end, item.sentence)


def not_too_old(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """Readings and corrections come while they still count.

    Source: Estfeed takes corrections for up to 12 months.
    """
    horizon = settings["horizon_days"] * _DAY_SECONDS
    for item in evidence.arrivals:
        late = item.received_at - item.end
        if late > horizon:
            days = settings["horizon_days"]
            yield Flaw(item.start, item.end, f"it came {late // _DAY_SECONDS} days late; {days} are allowed")
    for aside in evidence.unexplained(Reason.TOO_OLD):
        yield Flaw(aside.start, aside.end, aside.sentence)


def no_prolonged_estimation(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A meter is not estimated for longer than so.

    Source: Oracle Prolonged Estimation Check.
    """
    longest = settings["longest_seconds"]
    run: list[Slot] = []
    for slot in (*evidence.slots_before, *evidence.slots, None):
        if slot is not None and is_estimate(slot.quality) and (not run or run[-1].end == slot.start):
            run.append(slot)
            continue
        if run and run[-1].end - run[0].start > longest and run[-1].end > evidence.start:
            seconds = run[-1].end - run[0].start
            yield Flaw(
                max(run[0].start, evidence.start),
                run[-1].end,
                f"estimated for {seconds} s in a row; {longest} s are allowed",
            )
        run = [slot] if slot is not None and is_estimate(slot.quality) else []


def _runs(slots: Sequence[Slot]) -> Iterator[list[Slot]]:
    """Yield slots of one length that follow each other without a break together."""
    run: list[Slot] = []
    for slot in slots:
        if run and (run[-1].end != slot.start or run[-1].seconds != slot.seconds):
            yield run
            run = []
        run.append(slot)
    if run:
        yield run
