"""What settlement asks: how much energy a meter took or gave, as known now or at any earlier instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from math import ceil, floor
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import ZERO_ENERGY, Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from metering.energy import Direction, Lane
from metering.mrid import canonical_mrid
from metering.quarantine import Quarantine, QuarantinedReading
from metering.reading_store import ReadingStore
from metering.series import Flow, IntervalEnergy, Rank, energies_within, flows_of, reach_of

__all__ = [
    "IntervalEnergy",
    "MeterAmbiguous",
    "covers",
    "interval_energy",
    "quarantined_readings",
    "total_energy",
]

_CHANNELS: Final = text(
    """
    SELECT u.id AS usage_point_id, g.id AS register_id, c.id AS channel_id, c.tou_tier, c.consumption_block
    FROM meter_usage_points AS u
    LEFT JOIN meter_registers AS g ON g.usage_point_id = u.id
    LEFT JOIN meter_channels AS c ON c.register_id = g.id AND c.direction = :direction
    WHERE u.mrid = :mrid
      AND (CAST(:device_lfdi AS text) IS NULL OR u.device_lfdi = CAST(:device_lfdi AS text))
    """
)


class MeterAmbiguous(NodeError):
    """An mRID is used by several devices, and it was not said which one is meant."""

    code, http_status, retryable = "METER_AMBIGUOUS", 409, False


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

    `meter` is an mRID in any spelling; a meter that never reported has no intervals. Of each reading
    the latest revision counts, or the latest that had been received at `as_of`. Intervals that straddle
    the window's edge are prorated to whole Wh and marked as derived; windows side by side add up.
    Raises: MridInvalid; MeterAmbiguous, if several devices use the mRID and `device_lfdi` names none.
    """
    channels = await _channels(
        connection, mrid=canonical_mrid(meter, lenient=True), direction=direction, device_lfdi=device_lfdi
    )
    if not channels:
        return []
    start, end = floor(window.start.timestamp()), ceil(window.end.timestamp())
    flows = await _flows(connection, channels, start=start, end=end, as_of=as_of)
    reach = reach_of(flows, start=start, end=end)
    if len(flows) > 1 and reach != (start, end):
        flows = await _flows(connection, channels, start=reach[0], end=reach[1], as_of=as_of)
    return energies_within(window, flows)


def covers(intervals: Iterable[IntervalEnergy], window: Interval) -> bool:
    """Say whether `intervals` leave no instant of `window` unknown."""
    return window.covered_by(interval.period for interval in intervals)


def total_energy(intervals: Iterable[IntervalEnergy]) -> Energy:
    """Return the energy of all `intervals` together."""
    return sum((interval.energy for interval in intervals), ZERO_ENERGY)


async def quarantined_readings(connection: AsyncConnection, *, meter: str) -> list[QuarantinedReading]:
    """Return the readings of `meter`, an mRID in any spelling, that are set aside, oldest document first.

    Raises: MridInvalid.
    """
    return await Quarantine(connection).of_meter(canonical_mrid(meter, lenient=True))


async def _channels(
    connection: AsyncConnection, *, mrid: str, direction: Direction, device_lfdi: str | None
) -> dict[int, tuple[int, Lane]]:
    """Return the channels of a meter that count in `direction`, each with its register and lane."""
    lfdi = None if device_lfdi is None else device_lfdi.upper()
    rows = (
        await connection.execute(_CHANNELS, {"mrid": mrid, "direction": direction.value, "device_lfdi": lfdi})
    ).all()
    if len({row.usage_point_id for row in rows}) > 1:
        raise MeterAmbiguous(f"several devices use the mRID {mrid}", hint="Say which by its LFDI.")
    return {
        row.channel_id: (row.register_id, (direction, row.tou_tier, row.consumption_block))
        for row in rows
        if row.channel_id is not None
    }


async def _flows(
    connection: AsyncConnection,
    channels: dict[int, tuple[int, Lane]],
    *,
    start: int,
    end: int,
    as_of: datetime | None,
) -> dict[Rank, list[Flow]]:
    found = await ReadingStore(connection).find(
        {channel: lane for channel, (_, lane) in channels.items()},
        start=start,
        end=end,
        with_neighbours=True,
        as_of=as_of.astimezone(UTC) if as_of else None,
    )
    flows: dict[Rank, list[Flow]] = {}
    for channel, known in found.items():
        for rank, of_rank in flows_of(channels[channel][0], known).items():
            flows.setdefault(rank, []).extend(of_rank)
    return flows
