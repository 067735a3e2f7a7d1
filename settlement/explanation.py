"""Why a cycle's amount is what it is: enough to compute it again by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

from kernel.money import Rounding
from settlement.agreement import Agreement
from settlement.quantities import DayQuantities

RULE: Final = "MIN_OF_TWO_BY_WINDOW"
"""Delivered is the least of export, import and contract over the window; see settlement.quantities.

The contract counts without what was cut from it."""
RULE_VERSION: Final = 1


class ClosedBy(StrEnum):
    """Why a day could be settled."""

    COMPLETE_READINGS = "COMPLETE_READINGS"
    DEADLINE = "DEADLINE"
    """Readings were missing when collecting ended; what is missing counts as nought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one cycle was computed from. Units: Wh; prices in major units of the currency, as text."""

    zone: str
    closed_by: ClosedBy
    exported_wh: int
    imported_wh: int
    exported_to_date_wh: int
    imported_to_date_wh: int
    contracted_wh: int
    delivered_before_wh: int
    delivered_to_date_wh: int
    price_per_kwh: str
    discount_percent: str | None
    wheeling: str | None
    wheeling_utility: str | None
    currency: str
    curtailed_wh: int = 0
    source_allocation: str | None = None
    """The rule, with its version, by which the source's export was shared out over contracts, as FIFO/1:
    `exported_wh` is then what it left to this one. None where nothing was shared out."""
    target_allocation: str | None = None
    """The same of the target's import."""
    rule: str = RULE
    rule_version: int = RULE_VERSION
    rounding: Rounding = Rounding.HALF_UP

    def to_record(self) -> dict[str, Any]:
        """Return this as a plain object for JSON."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the explanation that `to_record` wrote."""
        values = {
            **record,
            "closed_by": ClosedBy(record["closed_by"]),
            "rounding": Rounding(record["rounding"]),
        }
        return cls(**values)


def explain(agreement: Agreement, quantities: DayQuantities, *, closed_by: ClosedBy) -> Explanation:
    """Return what a closed day's cycle is computed from."""
    terms = agreement.terms
    return Explanation(
        zone=agreement.zone,
        closed_by=closed_by,
        exported_wh=quantities.exported.watt_hours,
        imported_wh=quantities.imported.watt_hours,
        exported_to_date_wh=quantities.exported_to_date.watt_hours,
        imported_to_date_wh=quantities.imported_to_date.watt_hours,
        contracted_wh=agreement.contracted.watt_hours,
        delivered_before_wh=quantities.delivered_before.watt_hours,
        delivered_to_date_wh=quantities.delivered_to_date.watt_hours,
        price_per_kwh=f"{terms.price.per_kwh:f}",
        discount_percent=f"{terms.discount.percent:f}" if terms.discount else None,
        wheeling=f"{terms.wheeling.amount.amount:f}" if terms.wheeling else None,
        wheeling_utility=terms.wheeling.utility_name if terms.wheeling else None,
        currency=terms.currency.code,
        curtailed_wh=agreement.curtailed.watt_hours,
    )
