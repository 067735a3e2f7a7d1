"""How a meter's energy was known at many instants: its revisions are read once, whatever their number.

Intervals that overlap no other one in time decide nothing about each other. So what was known of each
such stretch changes only when a reading of its own comes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil, floor
from typing import Final, TypeAlias

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.energy import Direction, Lane, Measurement
from metering.judgement import Known
from metering.query import FURTHEST_LOOKS, channels_of, interval_energy
from metering.registration.registry import MeterRegistry
from metering.registration.resolver import resolve_within
from metering.series import Flow, IntervalEnergy, Rank, energies_within, flows_of
from metering.timeliness import LONGEST_INTERVAL_SECONDS

History: TypeAlias = list[tuple[datetime, list[IntervalEnergy]]]
"""What was known of a stretch of time at some of the instants asked for: the first, and where it changed."""

_Revision: TypeAlias = tuple[int, datetime, Known]
"""A reading of a channel, and when it came."""

_REVISIONS: Final = text(
    """
    SELECT channel_id, CAST(extract(epoch FROM period_start) AS bigint),
        CAST(extract(epoch FROM period_end) AS bigint), watt_hours, quality, revision, received_at
    FROM meter_readings
    WHERE channel_id = ANY(CAST(:channel_ids AS bigint[]))
      AND period_end > to_timestamp(CAST(:start AS bigint))
      AND period_end <= to_timestamp(CAST(:end AS bigint) + CAST(:longest AS bigint))
      AND period_start < to_timestamp(CAST(:end AS bigint))
    ORDER BY period_start, period_end, channel_id, revision
    """
)
_HAS_STANDS: Final = text(
    """
    SELECT EXISTS (SELECT 1 FROM meter_readings
        WHERE channel_id = ANY(CAST(:channel_ids AS bigint[])) AND period_start = period_end)
    """
)


async def energy_history(
    connection: AsyncConnection,
    *,
    meter: str,
    direction: Direction,
    window: Interval,
    instants: Sequence[datetime],
) -> list[History]:
    """Return what `interval_energy` would have said of `window` at each of the `instants`, in their order.

    Each history is of a stretch of time of its own; together they are the window. A meter with registers
    that are read, and one that was registered anew in between, is asked at every instant.
    Raises: MeterIdUnknown; MeterAmbiguous.
    """
    if not instants:
        return []
    found: list[History] = []
    for identity, part in await resolve_within(connection, meter, window=window, as_of=instants[0]):
        _, channels = await channels_of(connection, identity, direction=direction)
        if await _is_intricate(connection, meter, channels, instants):
            return [await _ask_each(connection, meter, direction, window, instants)]
        revisions = await _read(connection, channels, part)
        found += [_history(stretch, channels, part, instants) for stretch in _stretches(revisions)]
    return found


async def _is_intricate(
    connection: AsyncConnection,
    meter: str,
    channels: Mapping[int, tuple[int, Lane]],
    instants: Sequence[datetime],
) -> bool:
    """Say whether more than revisions of intervals decides what was known when."""
    registry = MeterRegistry(connection)
    first, last = [await registry.ever_called([meter], as_of=at) for at in (instants[0], instants[-1])]
    if len(first) != len(last):
        return True
    return bool((await connection.execute(_HAS_STANDS, {"channel_ids": list(channels)})).scalar_one())


async def _ask_each(
    connection: AsyncConnection,
    meter: str,
    direction: Direction,
    window: Interval,
    instants: Sequence[datetime],
) -> History:
    return [
        (at, await interval_energy(connection, meter=meter, direction=direction, window=window, as_of=at))
        for at in instants
    ]


async def _read(
    connection: AsyncConnection, channels: Mapping[int, tuple[int, Lane]], window: Interval
) -> list[_Revision]:
    """Return every revision of what overlaps the window, and of what overlaps that, by when it begins."""
    start, end = floor(window.start.timestamp()), ceil(window.end.timestamp())
    revisions: list[_Revision] = []
    for _ in range(1 + FURTHEST_LOOKS):
        asked = {
            "channel_ids": list(channels),
            "start": start,
            "end": end,
            "longest": LONGEST_INTERVAL_SECONDS,
        }
        revisions = [
            (channel, received, Known(Measurement(*channels[channel][1], *measured), number, received))
            for channel, *measured, number, received in await connection.execute(_REVISIONS, asked)
        ]
        reach = (
            min([start, *(known.measurement.start for *_, known in revisions)]),
            max([end, *(known.measurement.end for *_, known in revisions)]),
        )
        if reach == (start, end):
            break
        start, end = reach
    return revisions


def _stretches(revisions: Sequence[_Revision]) -> Iterator[list[_Revision]]:
    """Yield the revisions whose intervals overlap, directly or by others; they come by when they begin."""
    stretch: list[_Revision] = []
    reached = 0
    for revision in revisions:
        measurement = revision[-1].measurement
        if stretch and measurement.start >= reached:
            yield stretch
            stretch = []
        reached = max(reached, measurement.end) if stretch else measurement.end
        stretch.append(revision)
    if stretch:
        yield stretch


def _history(
    stretch: Sequence[_Revision],
    channels: Mapping[int, tuple[int, Lane]],
    window: Interval,
    instants: Sequence[datetime],
) -> History:
    came = {bisect_left(instants, received) for _, received, _ in stretch}
    return [
        (instants[place], _known_at(instants[place], stretch, channels, window))
        for place in sorted(came - {len(instants)})
    ]


def _known_at(
    at: datetime,
    stretch: Sequence[_Revision],
    channels: Mapping[int, tuple[int, Lane]],
    window: Interval,
) -> list[IntervalEnergy]:
    """Return what was known of a stretch; the latest revision comes last."""
    newest = {
        (channel, known.measurement.start, known.measurement.end): known
        for channel, received, known in stretch
        if received <= at
    }
    by_channel: dict[int, list[Known]] = {}
    for (channel, *_), known in newest.items():
        by_channel.setdefault(channel, []).append(known)
    flows: dict[Rank, list[Flow]] = {}
    for channel, of_channel in by_channel.items():
        for rank, of_rank in flows_of(channels[channel][0], of_channel).items():
            flows.setdefault(rank, []).extend(of_rank)
    return energies_within(window, flows)
