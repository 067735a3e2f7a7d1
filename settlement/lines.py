"""The lines of a settlement cycle and of a bill: what each is for, what it comes to, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY
from kernel.money import Money
from settlement.agreement import Agreement
from settlement.charges.cycle import CycleCharges, CycleFacts, charge_cycle
from settlement.charges.line import ChargeLine
from settlement.quantities import CycleQuantities
from settlement.shortfall.contract_penalties import SideShortfall, shortfalls_of
from settlement.stalls import stall_lines
from trading.cancellation import Cancellation
from trading.charges import LineKind
from trading.costs import ENERGY_COST, WHEELING_CHARGES
from trading.taxes import TaxGroup, group_taxes
from trading.terms import Terms

CANCELLATION_FEE: Final = "Cancellation Fee"
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
    """A line of a cycle or a bill: `amount` is what is left after `discount_minor`, in minor units.

    Raises: LineInvalid, if either is negative.
    """

    kind: LineKind
    title: str
    amount: Money
    discount_minor: int = 0

    def __post_init__(self) -> None:
        if min(self.amount.minor, self.discount_minor) < 0:
            raise LineInvalid(f"a line is not negative: {self.title} {self.amount}")

    @property
    def told_title(self) -> str:
        """The title as the buyer is told it, with what was taken off."""
        if not self.discount_minor:
            return self.title
        discount = Money(self.discount_minor, self.amount.currency)
        return f"{self.title}, {self.amount + discount} less {discount}"

    def to_record(self) -> dict[str, Any]:
        """Return this as a plain object for JSON; the currency is that of the whole."""
        record = {"kind": self.kind.value, "title": self.title, "minor": self.amount.minor}
        return record | ({"discount_minor": self.discount_minor} if self.discount_minor else {})

    @classmethod
    def from_record(cls, record: Mapping[str, Any], currency: Currency) -> LineItem:
        """Return the line that `to_record` wrote; one without a kind is told by its title."""
        title = record["title"]
        return cls(
            kind=LineKind(record["kind"]) if "kind" in record else _KINDS[title],
            title=title,
            amount=Money(record["minor"], currency),
            discount_minor=record.get("discount_minor", 0),
        )


def charge(quantities: CycleQuantities, agreement: Agreement) -> CycleCharges:
    """Return what a cycle's delivery costs. Raises: ZoneUnknown."""
    metered = quantities.cycle.metered
    facts = CycleFacts(
        window=agreement.window,
        zone=agreement.zone,
        period=metered,
        before=quantities.before.bands,
        to_date=quantities.to_date.bands,
        is_first=metered.start == agreement.window.start,
        is_last=metered.end == agreement.window.end,
        contracted=agreement.contracted,
        curtailed=agreement.curtailed,
        is_terminated=agreement.is_terminated,
        shortfalls=shortfalls(quantities, agreement),
        session=agreement.session,
    )
    fee = (*stall_lines(quantities, agreement), *_cancellation_fee(quantities, agreement))
    if agreement.is_void:
        nothing = Money.zero(agreement.terms.currency)
        energy = ChargeLine(
            kind=LineKind.ENERGY, title=ENERGY_COST, gross=nothing, net=nothing, quantity=ZERO_ENERGY
        )
        return CycleCharges(currency=agreement.terms.currency, lines=(energy, *fee))
    charges = charge_cycle(agreement.terms, facts)
    return replace(charges, lines=(*charges.lines, *fee))


def cancellation_in(quantities: CycleQuantities, agreement: Agreement) -> Cancellation | None:
    """Return what a cancellation costs, in the last cycle of a contract that one side owes for ending."""
    is_last = quantities.cycle.metered.end == agreement.window.end
    return agreement.cancellation if is_last else None


def _cancellation_fee(quantities: CycleQuantities, agreement: Agreement) -> tuple[ChargeLine, ...]:
    ended = cancellation_in(quantities, agreement)
    if ended is None or not ended.fee.minor:
        return ()
    return (ChargeLine(kind=LineKind.FEE, title=CANCELLATION_FEE, gross=ended.fee, net=ended.fee),)


def shortfalls(quantities: CycleQuantities, agreement: Agreement) -> tuple[SideShortfall, ...]:
    """Return how far the sides fell short, in the last cycle of a contract that has penalties.

    A contract that was cut short as a whole has none: it says nothing of what was due until then.
    """
    is_last = quantities.cycle.metered.end == agreement.window.end
    if not is_last or agreement.is_terminated:
        return ()
    return shortfalls_of(
        agreement.terms,
        deliverable_wh=agreement.deliverable.watt_hours,
        exported_wh=quantities.exported.to_date.watt_hours,
        imported_wh=quantities.imported.to_date.watt_hours,
    )


def items_of(charges: CycleCharges) -> tuple[LineItem, ...]:
    """Return what of a cycle's charges the buyer pays the platform."""
    return tuple(
        LineItem(kind=line.kind, title=line.title, amount=line.net, discount_minor=line.discount.minor)
        for line in charges.lines
        if line.is_billed
    )


def taxes_on(lines: Sequence[LineItem], terms: Terms) -> list[TaxGroup]:
    """Return the taxes on the lines of a bill, once for each rate and jurisdiction."""
    taxable = [(line.kind, line.amount) for line in lines]
    return group_taxes(taxable, terms.taxes, currency=terms.currency)


def gather(lines: Iterable[LineItem]) -> tuple[LineItem, ...]:
    """Return one line for each kind and title, with the exact sum, in the order in which a bill shows them.

    Lines of one kind stay in the order in which they came first.
    """
    sums: dict[tuple[LineKind, str], LineItem] = {}
    for line in lines:
        key = (line.kind, line.title)
        sums[key] = _added(sums[key], line) if key in sums else line
    return tuple(sorted(sums.values(), key=lambda line: _ORDER[line.kind]))


def _added(one: LineItem, other: LineItem) -> LineItem:
    return replace(
        one,
        amount=one.amount + other.amount,
        discount_minor=one.discount_minor + other.discount_minor,
    )
