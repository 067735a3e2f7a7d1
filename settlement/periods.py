"""The periods that a contract is settled and billed in, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kernel.interval import Interval
from kernel.local_days import find_zone, start_of_day
from kernel.local_periods import Cadence, LocalPeriod, local_periods, local_slots
from settlement.agreement import Agreement
from trading.terms import SettlementType

WIRE_RESOLUTION: Final = timedelta(seconds=1)
"""On the wire a period's end is its last second: 23:59:59, where ours is the midnight after it."""

_INSTANT: Final = timedelta(microseconds=1)
_CADENCES: Final[Mapping[SettlementType, Cadence]] = {
    SettlementType.HOURLY: Cadence.HOURLY,
    SettlementType.DAILY: Cadence.DAILY,
    SettlementType.WEEKLY: Cadence.WEEKLY,
    SettlementType.MONTHLY: Cadence.MONTHLY,
}
"""What is settled by the clock or the calendar; REAL_TIME is settled by the metering interval."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NamedPeriod:
    """A period of the market, whole, and the part of it that lies in the contract's window."""

    id: str
    period: Interval
    metered: Interval


def settlement_periods(agreement: Agreement) -> list[NamedPeriod]:
    """Return the settlement cycles of the contract's window, in order of time.

    A cycle is named after the local date on which it begins, and numbered within it, those before the
    window counted too: `settle-2026-01-09-001`. So its name does not depend on where the window begins.
    """
    window, zone = agreement.window, agreement.zone
    cadence = _CADENCES.get(agreement.terms.settlement_type)
    if cadence is None:
        periods = local_slots(window, zone=zone, length=agreement.metering_interval)
    else:
        periods = local_periods(window, zone=zone, cadence=cadence, anchor_day=agreement.anchor_day)
    return [
        NamedPeriod(
            f"settle-{found.date.isoformat()}-{found.number:03d}",
            found.period,
            Interval(max(found.period.start, window.start), min(found.period.end, window.end)),
        )
        for found in periods
    ]


def about_how_many(agreement: Agreement) -> int:
    """Return about how many settlement cycles the contract's window has, rather more than less."""
    kind = agreement.terms.settlement_type
    lengths = {SettlementType.REAL_TIME: agreement.metering_interval, SettlementType.HOURLY: _HOUR}
    return agreement.window.duration // lengths.get(kind, _DAY) + 1


def billing_periods(agreement: Agreement) -> list[NamedPeriod]:
    """Return the billing cycles of the contract's window, in order of time.

    A bill is named after the local month in which its period begins, and numbered within it:
    `bill-2026-01-001`.
    """
    window = agreement.window
    periods = _billed(agreement, Interval(_begin_of_naming(agreement), window.end))
    numbers: Counter[str] = Counter()
    named: list[NamedPeriod] = []
    for found in periods:
        month = found.date.isoformat()[: len("YYYY-MM")]
        numbers[month] += 1
        if metered := found.period.intersection(window):
            named.append(NamedPeriod(f"bill-{month}-{numbers[month]:03d}", found.period, metered))
    return named


def _begin_of_naming(agreement: Agreement) -> datetime:
    """Return the start of the local month in which the first billing cycle begins."""
    window = agreement.window
    first = _billed(agreement, Interval(window.start, window.start + _INSTANT))[0]
    return min(start_of_day(first.date.replace(day=1), find_zone(agreement.zone)), window.start)


def _billed(agreement: Agreement, window: Interval) -> list[LocalPeriod]:
    return local_periods(
        window, zone=agreement.zone, cadence=agreement.billing, anchor_day=agreement.anchor_day
    )
