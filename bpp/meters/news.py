"""What has to be done in the house when readings were taken in, by whatever way they came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bpp.deliveries.upkeep import note_readings
from metering.ingest import IngestResult
from metering.vee.due import note_validation
from storage.unit_of_work import Transaction


async def tell_of_readings(uow: Transaction, results: Sequence[IngestResult], now: datetime) -> None:
    """Have everybody look at the meters whose energy is now known otherwise than before.

    Validation looks also where readings were only set aside. Call it in the unit of work that keeps the
    readings.
    """
    await note_validation(uow, results, now=now)
    touched = [each for result in results for each in result.touched]
    if touched:
        meters = {each.mrid for each in touched}
        revised = [(each.mrid, each.span) for each in touched]
        await note_readings(uow, meters=meters, now=now, revised=revised)
