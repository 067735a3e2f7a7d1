"""Rules on running registers: falling, standing still, and meaning something else than before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from metering.doubt import Reason
from metering.vee.evidence import Evidence, Stand
from metering.vee.finding import Flaw, Settings


def rolled_over(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A register that fell has only begun anew after its last digit.

    Source: CPUC Attachment-VEE, number of dials; Itron IEE register rules. The modulus must be known, and
    the difference be what the connection can carry, or one step of a register that shows whole kWh.
    """
    for one, other in _falls(evidence):
        counted = _rollover(evidence, settings, one, other)
        if counted is not None:
            yield Flaw(
                one.at,
                other.at,
                f"the register went from {one.watt_hours} over {evidence.modulus} to {other.watt_hours} Wh: "
                f"{counted} Wh",
            )


def not_reset(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A register does not fall, unless it rolls over.

    Source: evcc issues 29286 and 30592: a transient 0 that was taken for a new beginning made the next
    difference a lifetime's total. So nothing begins anew on a single low value.
    """
    for one, other in _falls(evidence):
        if _rollover(evidence, settings, one, other) is None:
            yield Flaw(one.at, other.at, f"the register fell from {one.watt_hours} to {other.watt_hours} Wh")
    for item in evidence.unexplained(Reason.REGISTER_FELL, Reason.BEYOND_MODULUS):
        yield Flaw(item.start, item.end, item.sentence)


def not_stale(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A register does not stand still and then make up for it.

    Source: amsreader issue 1119: the same stand twice, then the energy of two intervals in one.
    """
    for stands in evidence.stands.values():
        for before, one, two, after in zip(stands, stands[1:], stands[2:], stands[3:], strict=False):
            usual, late = one.watt_hours - before.watt_hours, after.watt_hours - two.watt_hours
            is_even = one.at - before.at == two.at - one.at == after.at - two.at
            is_double = usual > 0 and 100 * late >= settings["double_percent"] * usual
            if (
                after.at > evidence.start
                and is_even
                and two.watt_hours == one.watt_hours
                and is_double
                and late >= settings["floor_watt_hours"]
            ):
                yield Flaw(
                    one.at,
                    after.at,
                    f"the register stood at {one.watt_hours} Wh twice, then rose by {late} Wh; "
                    f"before it rose by {usual} Wh",
                )


def same_multiplier(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A register's values mean the same power of ten as before.

    Source: Oracle Multiplier Check; Itron IEE, multiplier at the time of reading.
    """
    for change in evidence.rescalings:
        yield Flaw(
            change.at,
            evidence.end,
            f"values are to be multiplied by 10^{change.after} from here on, by 10^{change.before} before",
        )


def same_unit(evidence: Evidence, settings: Settings) -> Iterator[Flaw]:
    """A register that counts watt-hours goes on doing so.

    Source: Oracle UOM Check.
    """
    for item in evidence.unexplained(Reason.NOT_WATT_HOURS, Reason.NOT_ENERGY, Reason.NOT_ELECTRICITY):
        if item.counts:
            yield Flaw(item.start, item.end, item.sentence)


def _falls(evidence: Evidence) -> Iterator[tuple[Stand, Stand]]:
    for stands in evidence.stands.values():
        for one, other in pairwise(stands):
            is_exchanged = any(one.at < at <= other.at for at in evidence.exchanges)
            is_of_the_day = other.at > evidence.start
            if other.watt_hours < one.watt_hours and is_of_the_day and not is_exchanged:
                yield one, other


def _rollover(evidence: Evidence, settings: Settings, one: Stand, other: Stand) -> int | None:
    """Return the energy of a fall that is a rollover, in Wh, or None."""
    modulus, watts = evidence.modulus, evidence.sanctioned_watts
    if modulus is None or watts is None or one.watt_hours >= modulus:
        return None
    counted = (other.watt_hours - one.watt_hours) % modulus
    most = watts * (other.at - one.at) * settings["margin_percent"] // 360_000
    is_possible = counted <= most + settings["coarsest_step_watt_hours"]
    return counted if is_possible else None
