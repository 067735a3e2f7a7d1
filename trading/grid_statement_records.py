"""What a utility says of deliveries, as it is kept: plain JSON."""

from __future__ import annotations

from datetime import datetime

from kernel.energy import Energy
from kernel.interval import Interval
from trading.delivery import CurtailmentReason, Cut
from trading.grid_statement import Allocation, UtilityStatement
from trading.records import Record


def cut_to_record(said: UtilityStatement) -> Record:
    """Return what was cut of a trade as JSON that `cut_from_record` reads back. Raises: ValueError."""
    if said.cut is None or said.since is None:
        raise ValueError(f"nothing is said to be cut of {said.order_id}")
    return {
        "quantity_wh": said.cut.quantity.watt_hours,
        "reason": said.cut.reason.value,
        "since": said.since.isoformat(),
        "said_at": said.said_at.isoformat(),
        "note": said.note,
    }


def cut_from_record(record: Record, *, order_id: str) -> UtilityStatement:
    """Return what was cut of the trade `order_id` and was kept as `record`."""
    cut = Cut(quantity=Energy(record["quantity_wh"]), reason=CurtailmentReason(record["reason"]))
    return UtilityStatement(
        order_id=order_id,
        said_at=datetime.fromisoformat(record["said_at"]),
        cut=cut,
        since=datetime.fromisoformat(record["since"]),
        note=record["note"],
    )


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
