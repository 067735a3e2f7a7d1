"""The lines of a settlement cycle and of a bill: what each is for, what it comes to, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from kernel.currency import Currency
from kernel.money import Money
from settlement.quantities import CycleQuantities
from trading.pricing import price_energy
from trading.terms import Terms


class LineKind(StrEnum):
    """What a line is for; a bill shows them in this order."""

    ENERGY = "ENERGY"
    WHEELING = "WHEELING"
    FEE = "FEE"
    PENALTY = "PENALTY"
    ADJUSTMENT = "ADJUSTMENT"
    TAX = "TAX"


ENERGY_COST: Final = "Energy Cost"
WHEELING_CHARGES: Final = "Wheeling Charges"
_ORDER: Final[Mapping[LineKind, int]] = {kind: place for place, kind in enumerate(LineKind)}
_KINDS: Final[Mapping[str, LineKind]] = {
    ENERGY_COST: LineKind.ENERGY,
    WHEELING_CHARGES: LineKind.WHEELING,
}
"""The kinds of lines that were kept before they had any."""


class LineInvalid(ValueError):
    """A line that nobody could be asked to pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """A line of a cycle or a bill. Raises: LineInvalid, if its amount is negative."""

    kind: LineKind
    title: str
    amount: Money

    def __post_init__(self) -> None:
        if self.amount < Money.zero(self.amount.currency):
            raise LineInvalid(f"a line is not negative: {self.title} {self.amount}")

    def to_record(self) -> dict[str, Any]:
        """Return this as a plain object for JSON; the currency is that of the whole."""
        return {"kind": self.kind.value, "title": self.title, "minor": self.amount.minor}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], currency: Currency) -> LineItem:
        """Return the line that `to_record` wrote; one without a kind is told by its title."""
        title = record["title"]
        kind = LineKind(record["kind"]) if "kind" in record else _KINDS[title]
        return cls(kind=kind, title=title, amount=Money(record["minor"], currency))


def lines_of(quantities: CycleQuantities, terms: Terms) -> tuple[LineItem, ...]:
    """Return what a cycle's delivery costs, in the order in which it is shown.

    Energy is what the cost by the cycle's end exceeds the cost before it, both rounded: over the cycles
    nothing is lost to rounding. Wheeling is due once for a cycle in which anything was delivered.
    """
    to_date = price_energy(quantities.to_date.total, terms).net
    before = price_energy(quantities.before.total, terms).net
    energy = LineItem(kind=LineKind.ENERGY, title=ENERGY_COST, amount=to_date - before)
    if terms.wheeling is None or not quantities.delivered.watt_hours:
        return (energy,)
    wheeling = LineItem(kind=LineKind.WHEELING, title=WHEELING_CHARGES, amount=terms.wheeling.amount)
    return (energy, wheeling)


def gather(lines: Iterable[LineItem]) -> tuple[LineItem, ...]:
    """Return one line for each kind and title, with the exact sum, in the order in which a bill shows them.

    Lines of one kind stay in the order in which they came first.
    """
    sums: dict[tuple[LineKind, str], Money] = {}
    for line in lines:
        key = (line.kind, line.title)
        sums[key] = sums[key] + line.amount if key in sums else line.amount
    gathered = [LineItem(kind=kind, title=title, amount=amount) for (kind, title), amount in sums.items()]
    return tuple(sorted(gathered, key=lambda line: _ORDER[line.kind]))
