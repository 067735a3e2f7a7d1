"""A day settled from its files: contracts read, quantities computed, lines priced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel.local_days import LocalDay
from settlement.engines.calendar import make_calendar
from settlement.engines.contract_files import read_contracts
from settlement.engines.file_sets import FileSet
from settlement.engines.lines import Lines, price_lines
from settlement.engines.port import SettlementEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledDay:
    """What a day came to. Units: Wh.

    `exported` and `imported` are what arrived of what sources gave to contracts and what targets took. The
    energy that had no counterpart is what they exceed `settled` by; of a window that began before the
    day, a later import may meet an earlier export, and `settled` be more.
    """

    day: LocalDay
    lines: Lines
    contracts: int
    contracts_settled: int
    settled: int
    exported: int
    imported: int


def settle_day(
    day: LocalDay, *, zone: str, readings: FileSet, contracts: FileSet, engine: SettlementEngine
) -> SettledDay:
    """Settle every contract whose window overlaps `day`.

    Raises: DataInvalid, EnergyTooLarge, EngineUnavailable, ZoneUnknown.
    """
    table = read_contracts(
        contracts, day_start=int(day.period.start.timestamp()), day_end=int(day.period.end.timestamp())
    )
    calendar = make_calendar(day, table, zone=zone)
    found = engine.quantities(readings, table, calendar)
    concerned = table.end > calendar.day_start
    by_contract = found.settled[concerned].sum(axis=1)
    return SettledDay(
        day=day,
        lines=price_lines(found, table, calendar),
        contracts=len(by_contract),
        contracts_settled=int(np.count_nonzero(by_contract)),
        settled=int(by_contract.sum()),
        exported=int(found.exported[concerned].sum()),
        imported=int(found.imported[concerned].sum()),
    )
