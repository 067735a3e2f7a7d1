"""What was said of a period before an operator edited it: a repeat of that must not undo the edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.energy import Measurement
from metering.precedence import is_edit
from metering.verdict import Known

_FORMER: Final = text(
    """
    SELECT r.channel_id, CAST(extract(epoch FROM r.period_start) AS bigint),
        CAST(extract(epoch FROM r.period_end) AS bigint), r.watt_hours
    FROM meter_readings AS r
    JOIN unnest(
        CAST(:channel_ids AS bigint[]), CAST(:starts AS bigint[]), CAST(:ends AS bigint[])
    ) AS asked (channel_id, period_start, period_end)
      ON r.channel_id = asked.channel_id AND r.period_end = to_timestamp(asked.period_end)
     AND r.period_start = to_timestamp(asked.period_start)
    """
)


async def with_former_values(
    connection: AsyncConnection, known: dict[int, list[Known]], offered: Sequence[Measurement]
) -> dict[int, list[Known]]:
    """Return what is known, by channel; edits of which anything is offered with what they replaced."""
    keys = {measurement.key for measurement in offered}
    edited = [
        (channel, item.measurement)
        for channel, found in known.items()
        for item in found
        if is_edit(item.measurement.quality) and item.measurement.key in keys
    ]
    if not edited:
        return known
    rows = await connection.execute(
        _FORMER,
        {
            "channel_ids": [channel for channel, _ in edited],
            "starts": [measurement.start for _, measurement in edited],
            "ends": [measurement.end for _, measurement in edited],
        },
    )
    former: dict[tuple[int, int, int], set[int]] = {}
    for channel, start, end, watt_hours in rows:
        former.setdefault((channel, start, end), set()).add(watt_hours)
    return {
        channel: [
            replace(item, former=frozenset(former.get((channel, *item.measurement.key[3:]), ())))
            for item in found
        ]
        for channel, found in known.items()
    }
