"""What every engine does."""

from __future__ import annotations

from typing import Protocol

from settlement.engines.calendar import Calendar
from settlement.engines.contract_table import ContractTable
from settlement.engines.file_sets import FileSet
from settlement.engines.tally import Quantities


class SettlementEngine(Protocol):
    """Computes whole watt-hours per contract and rate; every engine computes the same."""

    def quantities(self, readings: FileSet, contracts: ContractTable, calendar: Calendar) -> Quantities:
        """Return what the calendar's day brought under `contracts`, from `readings`.

        Raises: DataInvalid, EnergyTooLarge, EngineUnavailable.
        """
        ...
