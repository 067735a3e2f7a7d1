"""Gathers what is known of a meter's day, as the rules want it; reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.query import IntervalEnergy, covers, energy_of, interval_energy, total_energy
from metering.reading_store import ReadingStore
from metering.vee.evidence import Evidence, RegisterSum, Slot, Stand
from metering.vee.facts import MeterFacts
from metering.vee.look import Look
from metering.vee.parameters import RulesInForce
from metering.vee.points import Channel, channels_of
from metering.vee.records import (
    find_arrivals,
    find_rescalings,
    find_same_days,
    find_set_aside,
    find_stands_before,
)

_LONGEST_BETWEEN_STANDS: Final = 35 * 86_400  # s; a month's stands are compared, not a year's
_LEAST_STANDS: Final = 2
_STANDS_BEFORE: Final = 3
_SLOTS_BEFORE: Final = 2


async def intervals_of(
    connection: AsyncConnection, look: Look, window: Interval | None = None
) -> list[IntervalEnergy]:
    """Return what settlement counts of the day, or of another `window`, for the meter looked at."""
    return await energy_of(
        connection,
        look.point.identity,
        direction=look.direction,
        window=window or look.period,
        as_of=look.as_of,
    )


async def gather(
    connection: AsyncConnection, look: Look, *, facts: MeterFacts, rules: RulesInForce
) -> tuple[Evidence, list[IntervalEnergy]]:
    """Return what is known of a day, and the energies that settlement would count of it."""
    start, end = (seconds_of(instant) for instant in (look.period.start, look.period.end))
    channels = [
        item for item in await channels_of(connection, look.point) if item.direction is look.direction
    ]
    intervals = await intervals_of(connection, look)
    stands = await stands_of(connection, look, channels)
    length = length_of(facts, channels, intervals)
    longest = rules["PROLONGED_ESTIMATION"].settings["longest_seconds"]
    reach = timedelta(seconds=max(longest, _SLOTS_BEFORE * (length or 0), 1))
    before = Interval(look.period.start - reach, look.period.start)
    ids = [item.id for item in channels]
    earlier = await find_stands_before(
        connection,
        [item.id for item in channels if item.counts_up],
        start=start,
        furthest=_LONGEST_BETWEEN_STANDS,
        count=_STANDS_BEFORE,
        as_of=look.as_of,
    )
    evidence = Evidence(
        start=start,
        end=end,
        now=seconds_of(look.now),
        interval_seconds=length,
        slots=slots_of(intervals),
        slots_before=slots_of(await intervals_of(connection, look, before)),
        stands={
            _name(item): _in_order([*earlier.get(item.id, ()), *found], until=end)
            for item in channels
            if (found := stands.get(item.id))
        },
        arrivals=await find_arrivals(connection, ids, start=start, end=end, as_of=look.as_of),
        set_aside=await find_set_aside(connection, look, start=start, end=end),
        rescalings=await find_rescalings(connection, ids, start=start, end=end, as_of=look.as_of),
        sums=await _sums(connection, look, channels, stands, facts.exchanges),
        exchanges=facts.exchanges,
        same_days=await find_same_days(connection, look),
        sanctioned_watts=facts.sanctioned_watts,
        modulus=facts.modulus,
        check_watt_hours=await _check_total(connection, look, facts),
        clock=facts.clock,
    )
    return evidence, intervals


def _in_order(stands: Iterable[Stand], *, until: int) -> list[Stand]:
    by_instant = {stand.at: stand for stand in stands if stand.at <= until}
    return [by_instant[at] for at in sorted(by_instant)]


def slots_of(intervals: Iterable[IntervalEnergy]) -> list[Slot]:
    """Return intervals as plain numbers, in their order."""
    return [
        Slot(seconds_of(item.period.start), seconds_of(item.period.end), item.energy.watt_hours, item.quality)
        for item in intervals
    ]


def length_of(
    facts: MeterFacts, channels: Sequence[Channel], intervals: Sequence[IntervalEnergy]
) -> int | None:
    """Return how long the meter's intervals are, in s: as registered, as its type says, or as most are.

    None for a meter that has none but the differences of its stands.
    """
    if facts.interval_seconds:
        return facts.interval_seconds
    counting = [item for item in channels if item.counts_intervals]
    if not counting:
        return None
    stated = next((item.interval_length for item in counting if item.interval_length), None)
    if stated is not None:
        return stated
    lengths = Counter(slot.seconds for slot in slots_of(intervals))
    return max(lengths, key=lambda length: (lengths[length], -length), default=None)


async def stands_of(
    connection: AsyncConnection, look: Look, channels: Sequence[Channel], window: Interval | None = None
) -> Mapping[int, list[Stand]]:
    """Return, by channel, the stands of registers in the day or `window`, with the next on either side."""
    counting = {item.id: item.lane for item in channels if item.counts_up}
    if not counting:
        return {}
    wanted = window or look.period
    found = await ReadingStore(connection).find(
        counting,
        start=seconds_of(wanted.start),
        end=seconds_of(wanted.end),
        with_neighbours=True,
        as_of=look.as_of.astimezone(UTC) if look.as_of else None,
    )
    return {
        channel: sorted(
            (
                Stand(item.measurement.end, item.measurement.watt_hours)
                for item in known
                if item.measurement.is_snapshot
            ),
            key=lambda stand: stand.at,
        )
        for channel, known in found.items()
    }


async def _sums(
    connection: AsyncConnection,
    look: Look,
    channels: Sequence[Channel],
    stands: Mapping[int, Sequence[Stand]],
    exchanges: Sequence[int],
) -> list[RegisterSum]:
    """Return each register's differences that end in the day beside the intervals that fill that time."""
    if not any(item.counts_intervals for item in channels):
        return []
    start, end = (seconds_of(instant) for instant in (look.period.start, look.period.end))
    pairs = [
        (channel, one, other)
        for channel in channels
        if channel.is_whole
        for one, other in pairwise(stands.get(channel.id, ()))
        if start < other.at <= end
        and other.at - one.at <= _LONGEST_BETWEEN_STANDS
        and one.watt_hours <= other.watt_hours
        and not any(one.at < exchanged <= other.at for exchanged in exchanges)
    ]
    if not pairs:
        return []
    whole = interval_of(min(one.at for _, one, _ in pairs), max(other.at for _, _, other in pairs))
    known = await intervals_of(connection, look, whole)
    sums = []
    for channel, one, other in pairs:
        window = interval_of(one.at, other.at)
        inside = [
            item for item in known if window.start <= item.period.start and item.period.end <= window.end
        ]
        if len(inside) >= _LEAST_STANDS and covers(inside, window):
            counted = total_energy(inside).watt_hours
            unit = 10 ** max(channel.exponent, 0)
            sums.append(RegisterSum(one.at, other.at, other.watt_hours - one.watt_hours, counted, unit))
    return sums


async def _check_total(connection: AsyncConnection, look: Look, facts: MeterFacts) -> int | None:
    """Return the day's total of the meter's check meter, if there is one and it knows the whole day."""
    if facts.check_meter is None:
        return None
    found = await interval_energy(
        connection,
        meter=facts.check_meter,
        direction=look.direction,
        window=look.period,
        as_of=look.as_of,
    )
    return total_energy(found).watt_hours if covers(found, look.period) else None


def _name(channel: Channel) -> str:
    return f"{channel.register_mrid}/{channel.lane[1]}/{channel.lane[2]}"


def interval_of(start: int, end: int) -> Interval:
    return Interval(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))


def seconds_of(instant: datetime) -> int:
    return int(instant.timestamp())
