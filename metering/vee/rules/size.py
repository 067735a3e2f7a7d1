"""Rules on the size of an interval: what no connection can carry, and what no register can count."""

from __future__ import annotations

from collections.abc import Iterator

from metering.doubt import Reason
from metering.vee.evidence import Evidence
from metering.vee.finding import Flaw, Settings


def within_physical_maximum(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """No interval holds more than the connection can carry, with a margin.

    Source: Meetcode elektriciteit 5.3.9(c): less than 120 % of the connection's capacity.
    """
    for item in evidence.unexplained(Reason.REGISTER_LEAPT):
        yield Flaw(item.start, item.end, item.sentence)
    watts = evidence.sanctioned_watts
    if watts is None:
        return
    percent = settings["margin_percent"]
    for slot in evidence.slots:
        # Wh < W x s / 3600 x percent / 100, in whole numbers
        if slot.watt_hours * 3600 * 100 >= watts * slot.seconds * percent:
            most = watts * slot.seconds * percent // 360_000
            yield Flaw(
                slot.start,
                slot.end,
                f"{slot.watt_hours} Wh in {slot.seconds} s; {percent} % of {watts} W would bring {most} Wh",
            )


def not_negative(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """No register counts backwards.

    Source: Meetcode elektriciteit 5.3.9(b); Oracle Negative Consumption Check.
    """
    for slot in evidence.slots:
        if slot.watt_hours < 0:
            yield Flaw(slot.start, slot.end, f"{slot.watt_hours} Wh is negative")
    for item in evidence.unexplained(Reason.NEGATIVE):
        yield Flaw(item.start, item.end, item.sentence)
