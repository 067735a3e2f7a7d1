"""What a buyer is told of the power that flows: what the producer's meter last told, exact.

Only what was measured is told. Telemetry cannot say which meter it is of, so it is of the source's alone;
positive is what it feeds in, or what a meter hands over that counts for both sides.
Source: EnergyTradeDelivery v0.2, telemetry: POWER in KW.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Final

from bpp.accounts.meter_sharing import direction_at
from metering.energy import Direction
from metering.power_store import PowerReading, newest_power
from metering.quality import ESTIMATES, QUESTIONABLE
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.delivery import Metric, MetricName, TelemetryEvent
from trading.meter_claims import MeterEnd

MOST_EVENTS: Final = 12
"""Events of a delivery that are told, the newest."""

_KILOWATT: Final = "KW"
_PHASE_OF_ALL: Final = 0
_QUALIFIERS: Final = frozenset({0, 2, 12})
"""2030.5 dataQualifier: not stated, average, normal; a greatest or least of a period is not what flowed."""


async def read_telemetry(
    contract: Contract, uow: UnitOfWork, *, as_of: datetime | None
) -> tuple[TelemetryEvent, ...]:
    """Return the newest power that the source's meter told of times within the contract's window.

    As known now, or at `as_of`.
    """
    found = await newest_power(
        uow.connection, meter=contract.source_mrid, window=contract.window, most=MOST_EVENTS, as_of=as_of
    )
    return telemetry_of(found, given=direction_at(contract, MeterEnd.SOURCE))


def telemetry_of(
    readings: Iterable[PowerReading], *, given: Direction = Direction.EXPORT
) -> tuple[TelemetryEvent, ...]:
    """Return the last of `readings`, which come in order of time, as events; `given` is what is positive.

    A register of what is given goes before one of net power; where two of a kind speak of one time, nobody
    knows which is meant, and nothing is told of it.
    """
    events: list[TelemetryEvent] = []
    for end, group in groupby(filter(_is_told, readings), key=lambda reading: reading.end):
        same_time = list(group)
        one_way = [reading for reading in same_time if reading.direction == given]
        if len(meant := one_way or same_time) == 1:
            kilowatts = _kilowatts(meant[0], given)
            metric = Metric(name=MetricName.POWER, value=kilowatts, unit_code=_KILOWATT)
            events.append(TelemetryEvent(at=end, metrics=(metric,)))
    return tuple(events[-MOST_EVENTS:])


def _is_told(reading: PowerReading) -> bool:
    is_measured = not reading.quality & (ESTIMATES | QUESTIONABLE)
    is_whole = reading.phase == _PHASE_OF_ALL and reading.qualifier in _QUALIFIERS
    return is_measured and is_whole and reading.direction in set(Direction)


def _kilowatts(reading: PowerReading, given: Direction) -> Decimal:
    watts = reading.watts if reading.direction == given else 0 - reading.watts
    kilowatts = watts.scaleb(-3)
    whole = kilowatts.to_integral_value()
    return whole if whole == kilowatts else kilowatts.normalize()
