"""What a utility says of deliveries, as it is kept: plain JSON."""

from __future__ import annotations

from datetime import datetime

from kernel.energy import Energy
from kernel.interval import Interval
from trading.grid_statement import Allocation
from trading.records import Record


def allocation_to_record(each: Allocation) -> Record:
    """Return `each` as JSON that `allocation_from_record` reads back."""
    return {
        "start": each.period.start.isoformat(),
        "end": each.period.end.isoformat(),
        "allocated_wh": each.allocated.watt_hours,
        "consumed_wh": each.consumed and each.consumed.watt_hours,
        "produced_wh": each.produced and each.produced.watt_hours,
    }


def allocation_from_record(record: Record) -> Allocation:
    """Return the allocation that was kept as `record`."""
    consumed, produced = record["consumed_wh"], record["produced_wh"]
    return Allocation(
        period=Interval(datetime.fromisoformat(record["start"]), datetime.fromisoformat(record["end"])),
        allocated=Energy(record["allocated_wh"]),
        consumed=None if consumed is None else Energy(consumed),
        produced=None if produced is None else Energy(produced),
    )
