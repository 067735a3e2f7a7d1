"""Rules that hold a day against something else: its register, its like of before, another meter."""

from __future__ import annotations

from collections.abc import Iterator

from metering.vee.evidence import Evidence
from metering.vee.finding import Flaw, Settings


def sums_agree(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """The intervals between two stands add up to what the register counted.

    Source: Oracle D2-SUM-CHK: a difference of one unit of the register, or of a small share, is let pass.
    """
    for pair in evidence.sums:
        off = pair.by_intervals - pair.by_register
        if abs(off) <= pair.unit:
            continue
        if 1000 * abs(off) > settings["tolerance_per_mille"] * pair.by_register:
            yield Flaw(
                max(pair.start, evidence.start),
                min(pair.end, evidence.end),
                f"the intervals add up to {pair.by_intervals} Wh, the register counted {pair.by_register} Wh",
            )


def not_unusually_high(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A day's total is not far above that of the same weekday in the weeks before.

    Source: Oracle High/Low Check and Itron, against the average daily use. Many a good day is unusual, so
    it only informs unless it is made an issue.
    """
    usual, days = sum(evidence.same_days), len(evidence.same_days)
    if days < settings["least_days"] or evidence.total < settings["floor_watt_hours"]:
        return
    if 100 * evidence.total * days > settings["high_percent"] * usual:
        yield Flaw(
            evidence.start,
            evidence.end,
            f"{evidence.total} Wh, where {usual // days} Wh are usual on such a day ({days} of them)",
        )


def not_unusually_low(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A whole day's total is not far below that of the same weekday in the weeks before.

    Source: Oracle High/Low Check and Itron, against the average daily use.
    """
    usual, days = sum(evidence.same_days), len(evidence.same_days)
    if days < settings["least_days"] or usual < settings["floor_watt_hours"] * days:
        return
    if evidence.gaps() or evidence.elapsed_end < evidence.end:
        return
    if 100 * evidence.total * days < settings["low_percent"] * usual:
        yield Flaw(
            evidence.start,
            evidence.end,
            f"{evidence.total} Wh, where {usual // days} Wh are usual on such a day ({days} of them)",
        )


def check_meter_agrees(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A check meter beside the main one counts the same in a day.

    Source: Meetcode elektriciteit 5.3.9(a): the difference is less than twice the accuracy class.
    """
    other, main = evidence.check_watt_hours, evidence.total
    if other is None or evidence.gaps() or evidence.elapsed_end < evidence.end:
        return
    if 1000 * abs(main - other) >= 2 * settings["accuracy_per_mille"] * main and main != other:
        yield Flaw(
            evidence.start,
            evidence.end,
            f"the check meter counted {other} Wh, the main one {main} Wh; "
            f"twice {settings['accuracy_per_mille']} per mille is too much",
        )
