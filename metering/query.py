"""What settlement asks: how much energy a meter took or gave, as known now or at any earlier instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from math import ceil, floor
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.long_work import beside_loop
from metering.energy import Direction, Lane
from metering.judgement import Known, Rules
from metering.quarantine import Quarantine, QuarantinedReading
from metering.reading_store import ReadingStore
from metering.registration.exchanges import register_rules
from metering.registration.record import MeterAmbiguous, MeterIdentity
from metering.registration.resolver import resolve_meter, resolve_within
from metering.series import Flow, IntervalEnergy, Rank, energies_within, flows_of, reach_of

__all__ = [
    "IntervalEnergy",
    "MeterAmbiguous",
    "covers",
    "energy_of",
    "interval_energy",
    "quarantined_readings",
    "total_energy",
]

FURTHEST_LOOKS: Final = 4
"""How often what overlaps is looked for beyond what was read, before it is left at that."""
_CHANNELS: Final = text(
    """
    SELECT u.id AS usage_point_id, u.device_lfdi, g.id AS register_id, c.id AS channel_id, c.tou_tier,
        c.consumption_block
    FROM meter_usage_points AS u
    LEFT JOIN meter_registers AS g ON g.usage_point_id = u.id
    LEFT JOIN meter_channels AS c ON c.register_id = g.id AND c.direction = :direction
    WHERE u.mrid = :mrid
      AND (CAST(:device_lfdi AS text) IS NULL OR u.device_lfdi = CAST(:device_lfdi AS text))
    """
)


async def interval_energy(
    connection: AsyncConnection,
    *,
    meter: str,
    direction: Direction,
    window: Interval,
    as_of: datetime | None = None,
    device_lfdi: str | None = None,
) -> list[IntervalEnergy]:
    """Return the energy of `meter` within `window`, interval by interval in order of time.

    `meter` is a registered id or an mRID in any spelling; a meter that never reported has no intervals.
    Of each reading the latest revision counts, or the latest that had been received at `as_of`, and so
    does what is registered of the meter. Intervals that straddle the window's edge are prorated to whole
    Wh and marked as derived; windows side by side add up.
    Raises: MeterIdUnknown; MeterAmbiguous, if several devices use the mRID and `device_lfdi` names none.
    """
    found: list[IntervalEnergy] = []
    for identity, part in await resolve_within(connection, meter, window=window, as_of=as_of):
        of_device = replace(identity, device_lfdi=device_lfdi.upper()) if device_lfdi else identity
        found += await energy_of(connection, of_device, direction=direction, window=part, as_of=as_of)
    return found


async def energy_of(
    connection: AsyncConnection,
    meter: MeterIdentity,
    *,
    direction: Direction,
    window: Interval,
    starting_in: Interval | None = None,
    as_of: datetime | None = None,
) -> list[IntervalEnergy]:
    """Return what `interval_energy` does, of one meter whose identity is known.

    `starting_in`, a part of the window, leaves out what starts before or after it: so a long window is
    read piece by piece without an interval being cut between them. Raises: MeterAmbiguous.
    """
    point, channels = await channels_of(connection, meter, direction=direction)
    if point is None or not channels:
        return []
    asked = starting_in or window
    start, end = floor(asked.start.timestamp()), ceil(asked.end.timestamp())
    reader = _FlowReader(connection, point, channels, as_of)
    flows = await reader.read(start, end)
    for _ in range(FURTHEST_LOOKS):  # what is preferred to what overlaps the window counts too
        reach = reach_of(flows, start=start, end=end)
        if reach == (start, end):
            break
        start, end = reach
        flows = await reader.read(start, end)
    count = sum(map(len, flows.values()))
    return await beside_loop(partial(energies_within, window, flows, starting_in=starting_in), items=count)


def covers(intervals: Iterable[IntervalEnergy], window: Interval) -> bool:
    """Say whether `intervals` leave no instant of `window` unknown."""
    return window.covered_by(interval.period for interval in intervals)


def total_energy(intervals: Iterable[IntervalEnergy]) -> Energy:
    """Return the energy of all `intervals` together."""
    return sum((interval.energy for interval in intervals), ZERO_ENERGY)


async def quarantined_readings(
    connection: AsyncConnection, *, meter: str, at: datetime
) -> list[QuarantinedReading]:
    """Return the readings that are set aside of the meter that goes by `meter`, oldest document first.

    `meter` is a registered id, as it is at an instant, or an mRID in any spelling. Raises: MeterIdUnknown.
    """
    return await Quarantine(connection).of_meter((await resolve_meter(connection, meter, at=at)).mrid)


async def channels_of(
    connection: AsyncConnection, meter: MeterIdentity, *, direction: Direction
) -> tuple[MeterIdentity | None, dict[int, tuple[int, Lane]]]:
    """Return the meter as it reports, and its channels that count in `direction` by number."""
    asked = {"mrid": meter.mrid, "direction": direction.value, "device_lfdi": meter.device_lfdi}
    rows = (await connection.execute(_CHANNELS, asked)).all()
    if len({row.usage_point_id for row in rows}) > 1:
        raise MeterAmbiguous(f"several devices use the mRID {meter.mrid}", hint="Say which by its LFDI.")
    channels = {
        row.channel_id: (row.register_id, (direction, row.tou_tier, row.consumption_block))
        for row in rows
        if row.channel_id is not None
    }
    return (replace(meter, device_lfdi=rows[0].device_lfdi) if rows else None), channels


@dataclass(slots=True)
class _FlowReader:
    """Reads what flowed through the channels of one meter; how its registers count is read once."""

    connection: AsyncConnection
    meter: MeterIdentity
    channels: Mapping[int, tuple[int, Lane]]
    as_of: datetime | None
    rules: Rules | None = None

    async def read(self, start: int, end: int) -> dict[Rank, list[Flow]]:
        as_of = None if self.as_of is None else self.as_of.astimezone(UTC)
        found = await ReadingStore(self.connection).find(
            {channel: lane for channel, (_, lane) in self.channels.items()},
            start=start,
            end=end,
            with_neighbours=True,
            as_of=as_of,
        )
        if self.rules is None and any(item.measurement.is_snapshot for of in found.values() for item in of):
            self.rules = await register_rules(self.connection, self.meter, as_of=as_of)
        return await beside_loop(partial(self._flows, found), items=sum(map(len, found.values())))

    def _flows(self, found: Mapping[int, Iterable[Known]]) -> dict[Rank, list[Flow]]:
        flows: dict[Rank, list[Flow]] = {}
        for channel, known in found.items():
            for rank, of_rank in flows_of(self.channels[channel][0], known, rules=self.rules or {}).items():
                flows.setdefault(rank, []).extend(of_rank)
        return flows
