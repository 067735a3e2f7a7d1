"""What a register counted over gaps: the stands that bound them, less what the known intervals hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from metering.vee.estimation import Cell
from metering.vee.evidence import Slot, Stand, covered_seconds
from metering.vee.facts import MeterFacts
from metering.vee.gather import interval_of, intervals_of, slots_of, stands_of
from metering.vee.look import Look
from metering.vee.points import Channel

_LONGEST_BETWEEN: Final = 35 * 86_400  # s


@dataclass(frozen=True, slots=True)
class Bound:
    """Two stands next to each other, and what is left of their difference for the gaps between, in Wh."""

    register: str
    one: Stand
    other: Stand
    left: int

    def holds(self, cell: Cell) -> bool:
        return self.one.at <= cell[0] and cell[1] <= self.other.at


async def stands_around(
    connection: AsyncConnection, look: Look, channels: Sequence[Channel], gap: Cell
) -> list[tuple[Channel, list[Stand]]]:
    """Return the stands of each register that counts in total, within a gap and next to it."""
    found = await stands_of(connection, look, channels, interval_of(*gap))
    return [(channel, found[channel.id]) for channel in channels if channel.is_whole and channel.id in found]


async def bounds_of(
    connection: AsyncConnection,
    look: Look,
    around: Sequence[tuple[Channel, Sequence[Stand]]],
    cells: Sequence[Cell],
    *,
    is_known: Callable[[Slot], bool],
    facts: MeterFacts,
) -> list[Bound]:
    """Return, of the first register that has them, the pairs of stands between which nothing is unknown.

    `cells` are all the gaps that are about to be filled; anything else between two stands must be known,
    or their difference says nothing about these gaps alone. A register that counted less than the
    intervals hold says nothing either.
    """
    for channel, stands in around:
        bounds = []
        for one, other in pairwise(stands):
            inside = [cell for cell in cells if one.at <= cell[0] and cell[1] <= other.at]
            is_exchanged = any(one.at < at <= other.at for at in facts.exchanges)
            if not inside or is_exchanged or other.at - one.at > _LONGEST_BETWEEN:
                continue
            slots = slots_of(await intervals_of(connection, look, interval_of(one.at, other.at)))
            known = [slot for slot in slots if is_known(slot)]
            left = _rise(one, other, facts.modulus) - sum(slot.watt_hours for slot in known)
            filled = covered_seconds(known) + sum(end - start for start, end in inside)
            if left >= 0 and filled == other.at - one.at:
                bounds.append(Bound(channel.register_mrid, one, other, left))
        if bounds:
            return bounds
    return []


def _rise(one: Stand, other: Stand, modulus: int | None) -> int:
    """Return by how many Wh a register rose; a fall that is no rollover is negative."""
    rise = other.watt_hours - one.watt_hours
    return rise % modulus if rise < 0 and modulus is not None else rise
