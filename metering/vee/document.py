"""Estimates and edits as documents: JSON that says who decided what from which inputs, kept as any other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kernel.errors import NodeError
from metering.documents import MirrorMeterReading, MirrorMeterReadings, MirrorReadingSet, Reading, TimePeriod
from metering.ingest import IngestResult, record_submission
from metering.submission import Submission
from metering.timeliness import TimeLimits
from metering.vee.points import Channel, Point
from storage.unit_of_work import UnitOfWork

_NO_HORIZON: Final = TimeLimits(horizon=timedelta(days=36_525))
"""What an operator decides is taken however long ago it was."""
_GREATEST_VALUE: Final = 2**47 - 1  # Int48 of 2030.5


class DecisionRefused(NodeError):
    """An estimate or an edit cannot stand beside what is known of the meter."""

    code, http_status, retryable = "METER_DECISION_REFUSED", 409, False


class FinerThanRegister(NodeError):
    """A register cannot say so few watt-hours."""

    code, http_status, retryable = "METER_FINER_THAN_REGISTER", 422, False


@dataclass(frozen=True, slots=True)
class Statement:
    """So many Wh from `start` to `end` (s since 1970 UTC); a register's stand where both are one instant."""

    start: int
    end: int
    watt_hours: int
    quality: int


def step_of(channel: Channel) -> int:
    """Return the least that a register can say, in whole Wh."""
    return int(10 ** max(channel.exponent, 0))


async def record_statements(
    uow: UnitOfWork,
    statements: Sequence[Statement],
    *,
    point: Point,
    channel: Channel,
    account: Mapping[str, Any],
    now: datetime,
) -> IngestResult:
    """Take in what was decided of one channel of a meter; `account` says how, and is kept with it.

    The document's bytes are made of the account and the values alone: the same decision is the same bytes.
    Raises: FinerThanRegister; DecisionRefused, if any of it would be set aside; nothing is kept then.
    """
    written = {
        **account,
        "meter": point.mrid,
        "register": channel.register_mrid,
        "direction": channel.direction.value,
        "readings": [
            {"start": item.start, "end": item.end, "wattHours": item.watt_hours, "quality": item.quality}
            for item in statements
        ],
    }
    raw = json.dumps(written, sort_keys=True, ensure_ascii=False, indent=1).encode()
    submitted = Submission(
        document=_document(statements, channel), raw=raw, sender=point.sender, usage_point=point.id
    )
    result = await record_submission(submitted, uow=uow, now=now, limits=_NO_HORIZON)
    if result.quarantined:
        doubt = result.quarantined[0].doubt
        raise DecisionRefused(f"it cannot be taken: {doubt.sentence}", hint=f"Reason: {doubt.reason}.")
    return result


def _document(statements: Sequence[Statement], channel: Channel) -> MirrorMeterReadings:
    readings = tuple(
        Reading(
            value=_value(item.watt_hours, channel),
            time_period=TimePeriod(start=item.start, duration=item.end - item.start),
            quality_flags=item.quality,
            tou_tier=channel.lane[1],
            consumption_block=channel.lane[2],
        )
        for item in statements
    )
    register = MirrorMeterReading(
        mrid=channel.register_mrid,
        mrid_as_sent=channel.register_as_sent,
        reading_sets=(MirrorReadingSet(readings=readings),),
    )
    return MirrorMeterReadings(meter_readings=(register,))


def _value(watt_hours: int, channel: Channel) -> int:
    """Return Wh as the register writes them. Raises: FinerThanRegister, DecisionRefused."""
    value, finer = divmod(watt_hours, step_of(channel))
    if finer:
        raise FinerThanRegister(
            f"{watt_hours} Wh is finer than the register counts, which is {step_of(channel)} Wh"
        )
    as_sent = int(value * 10 ** max(-channel.exponent, 0))
    if as_sent > _GREATEST_VALUE:
        raise DecisionRefused(f"{watt_hours} Wh is more than the register can say")
    return as_sent
