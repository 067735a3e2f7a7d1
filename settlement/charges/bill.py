"""The lines of a bill: those of its settlement cycles, each thing once, and the taxes on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from kernel.currency import Currency
from kernel.money import Money, Rounding
from settlement.charges.cycle import CycleCharges
from settlement.charges.line import ChargeLine
from trading.charges import LineKind, Tax
from trading.taxes import TaxGroup, group_taxes
from trading.wheeling import Collector, Side

_Same: TypeAlias = tuple[LineKind, str, Side, Collector]


def gather_lines(cycles: Iterable[CycleCharges]) -> tuple[ChargeLine, ...]:
    """Return the lines of several cycles in the order of a bill, those of the same thing added up.

    Lines of a kind stand in the order of their titles, so that the order of the cycles does not matter.
    """
    gathered: dict[_Same, ChargeLine] = {}
    for line in (line for cycle in cycles for line in cycle.lines):
        same = (line.kind, line.title, line.side, line.collected_by)
        gathered[same] = _added(gathered[same], line) if same in gathered else line
    kinds = list(LineKind)
    return tuple(sorted(gathered.values(), key=lambda line: (kinds.index(line.kind), line.title)))


def tax_groups(
    lines: Sequence[ChargeLine],
    taxes: Sequence[Tax],
    *,
    currency: Currency,
    rounding: Rounding = Rounding.HALF_UP,
) -> list[TaxGroup]:
    """Return the taxes of a bill, once for each rate and jurisdiction, with their shares by line.

    A line that is no part of the bill's total is not taxed here: its share is nought.
    """
    nought = Money.zero(currency)
    taxable = [(line.kind, line.net if line.is_billed else nought) for line in lines]
    return group_taxes(taxable, taxes, currency=currency, rounding=rounding)


def tax_lines(groups: Iterable[TaxGroup]) -> tuple[ChargeLine, ...]:
    """Return the lines that taxes are shown as."""
    return tuple(
        ChargeLine(kind=LineKind.TAX, title=group.label, gross=group.amount, net=group.amount)
        for group in groups
    )


def _added(one: ChargeLine, other: ChargeLine) -> ChargeLine:
    """Return two lines of the same thing as one; a quantity and a rate stand where both lines have them."""
    quantity = one.quantity and other.quantity and one.quantity + other.quantity
    rate = one.rate if one.rate == other.rate else None
    return replace(one, gross=one.gross + other.gross, net=one.net + other.net, quantity=quantity, rate=rate)
