"""What an order will cost if all of it is delivered, evenly over its window, and what that is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Final

from kernel.currency import Currency
from kernel.energy import WATT_HOURS_PER_KWH, Energy
from kernel.interval import Interval
from kernel.local_days import find_zone
from kernel.money import Money, round_to_minor, sum_money
from trading.charges import LineKind
from trading.charging.facts import OCCUPANCY, RESERVATION_FEE
from trading.charging.fees import SessionTerms
from trading.costs import WHEELING_CHARGES, ExactLine, Standing, cost_to_date
from trading.flat import lay_flat
from trading.periods import BillingPeriod, count_periods
from trading.rates import METERING_GRID
from trading.taxes import Taxable, group_taxes
from trading.terms import SettlementType, Terms
from trading.wheeling import Wheeling, WheelingBasis

_INSTANT: Final = timedelta(microseconds=1)
_HOUR: Final = timedelta(hours=1)


class ComponentType(StrEnum):
    """What a part of a price is (the wire's own words)."""

    UNIT = "UNIT"
    SURCHARGE = "SURCHARGE"
    DISCOUNT = "DISCOUNT"
    FEE = "FEE"
    TAX = "TAX"


_ADDED: Final = (
    (LineKind.WHEELING, ComponentType.FEE),
    (LineKind.FEE, ComponentType.FEE),
    (LineKind.ADD_ON, ComponentType.FEE),
)
"""What is added when discounts are taken off, in this order, and what it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of a price; a discount is negative."""

    type: ComponentType
    amount: Money
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The price of a quantity and what it is made of."""

    quantity: Energy
    currency: Currency
    components: tuple[Component, ...]

    @property
    def total(self) -> Money:
        """The exact sum of the components."""
        return sum_money((part.amount for part in self.components), currency=self.currency)


def quote_energy(quantity: Energy, terms: Terms, *, window: Interval, zone: str) -> Quote:
    """Return the price of `quantity` if all of it is delivered, evenly over `window` of `zone`.

    What a retailer collects, and what the seller is charged, is no part of it; nor is what the time at a
    plug costs, which nobody knows ahead. Of a stall it is estimated by the power that is promised.
    Raises: ZoneUnknown.
    """
    cycles = count_cycles(window, zone, terms.settlement_type)
    standing = Standing(
        window=window,
        zone=zone,
        energy=lay_flat(quantity, terms, window=window, zone=zone),
        until=window.end,
        cycles=cycles,
        delivered_cycles=cycles,
        begun=True,
        fixed_share=Fraction(1),
    )
    lines = [
        line for line in cost_to_date(terms, standing) if line.wheeling is None or line.wheeling.is_billed
    ]
    discounts = _discounts(lines, terms, window)
    components = [
        *_energy(lines, terms.currency),
        *_of_kind(lines, LineKind.SURCHARGE, ComponentType.SURCHARGE, terms, cycles),
        *discounts,
    ]
    for kind, called in _ADDED:
        added = _of_kind(lines, kind, called, terms, cycles)
        components += _with_buffer(added, terms.session) if kind is LineKind.FEE else added
    components += _of_stall(quantity, terms)
    components += _taxes(lines, discounts, terms)
    return Quote(quantity=quantity, currency=terms.currency, components=tuple(components))


def _of_stall(quantity: Energy, terms: Terms) -> Iterator[Component]:
    """Yield what reserving a stall costs, and about what the time at it will, at the promised power."""
    stall = None if terms.session is None else terms.session.stall
    if stall is None:
        return
    if stall.terms.reservation is not None and stall.terms.reservation.fee.minor:
        fee = stall.terms.reservation.fee
        yield Component(type=ComponentType.FEE, amount=fee, description=RESERVATION_FEE)
    minutes = Fraction(quantity.watt_hours * 60, WATT_HOURS_PER_KWH) / Fraction(stall.promised)
    amount = round_to_minor(minutes * Fraction(stall.terms.occupancy.amount), terms.currency)
    if amount.minor:
        about = f"about {ceil(minutes)} min at {stall.promised.normalize():f} kW"
        yield Component(type=ComponentType.FEE, amount=amount, description=f"{OCCUPANCY} ({about})")


def count_cycles(window: Interval, zone: str, every: SettlementType = SettlementType.DAILY) -> int:
    """Return how many settlement cycles the window touches: each is settled, and wheeled, by itself.

    Days, weeks and months are those of `zone`; under REAL_TIME a cycle is an interval of a
    meter, taken for a quarter of an hour.
    """
    tz = find_zone(zone)
    first, last = window.start.astimezone(tz), (window.end - _INSTANT).astimezone(tz)
    if every is SettlementType.REAL_TIME:
        return -(-window.duration // METERING_GRID)
    if every is SettlementType.HOURLY:
        return -(-(_hour_of(last) - _hour_of(first)) // _HOUR) + 1
    return count_periods(first.date(), last.date(), BillingPeriod(every.value))


def _hour_of(moment: datetime) -> datetime:
    """Return when the hour of the local clock began, in UTC."""
    return moment.replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def _with_buffer(fees: list[Component], session: SessionTerms | None) -> list[Component]:
    """Return the fees with what a session has ahead for taking more, before what goes to the buyer's side."""
    if session is None or session.buffer is None:
        return fees
    buffer, finder = session.buffer, session.finder
    ahead = Component(type=ComponentType.FEE, amount=buffer.amount, description=buffer.title)
    own = [fee for fee in fees if finder is None or fee.description != finder.title]
    return [*own, ahead, *(fee for fee in fees if fee not in own)]


def _energy(lines: Sequence[ExactLine], currency: Currency) -> list[Component]:
    """Return the cost of energy before discounts; hours in which none flows are left out."""
    energy = [line for line in lines if line.kind is LineKind.ENERGY]
    told = [line for line in energy if line.quantity or line.gross] or energy[:1]
    return [
        Component(
            type=ComponentType.UNIT,
            amount=round_to_minor(line.gross, currency),
            description=_described(line, currency),
        )
        for line in told
    ]


def _described(line: ExactLine, currency: Currency) -> str:
    quantity = "" if line.quantity is None else str(Energy(line.quantity))
    if line.rate is not None:
        quantity += f" at {line.rate.normalize():f} {currency} per kWh"
    if not quantity:
        return line.title
    return f"{line.title[:-1]}, {quantity})" if line.title.endswith(")") else f"{line.title} ({quantity})"


def _of_kind(
    lines: Sequence[ExactLine], kind: LineKind, called: ComponentType, terms: Terms, cycles: int
) -> list[Component]:
    return [
        Component(
            type=called,
            amount=round_to_minor(line.gross, terms.currency),
            description=_wheeling_words(line, line.wheeling, terms, cycles)
            if line.wheeling
            else _described(line, terms.currency),
        )
        for line in lines
        if line.kind is kind
    ]


def _wheeling_words(line: ExactLine, wheeling: Wheeling, terms: Terms, cycles: int) -> str:
    words = wheeling.utility_name
    if line.rate is not None and line.quantity is not None:
        words += f", {Energy(line.quantity)} at {line.rate.normalize():f} {terms.currency} per kWh"
    elif wheeling.basis is WheelingBasis.FIXED_PER_CYCLE and cycles > 1:
        called = "days" if terms.settlement_type is SettlementType.DAILY else "cycles"
        words += f", {cycles} {called} at {wheeling.amount}"
    return f"{WHEELING_CHARGES} ({words})"


def _discounts(lines: Sequence[ExactLine], terms: Terms, window: Interval) -> list[Component]:
    """Return what each discount takes off the energy, one after the other; those of nothing are left out."""
    currency = terms.currency
    energy = [line for line in lines if line.kind is LineKind.ENERGY]
    steps = zip(*((line.gross, *line.after) for line in energy), strict=True)
    left = [
        sum_money((round_to_minor(exact, currency) for exact in exacts), currency=currency)
        for exacts in steps
    ]
    titles = [f"{off.title} ({off.percent.normalize():f} %)" for off in terms.percentages]
    for off in terms.amounts_off:
        if off.holds_at(window.start):
            titles.append(off.title)
            left.append(max(Money.zero(currency), left[-1] - off.amount))
    return [
        Component(type=ComponentType.DISCOUNT, amount=after - before, description=title)
        for title, (before, after) in zip(titles, pairwise(left), strict=True)
        if after != before
    ]


def _taxes(lines: Sequence[ExactLine], discounts: Sequence[Component], terms: Terms) -> list[Component]:
    """Return the taxes on what is left after discounts, each rate and jurisdiction rounded once."""
    currency = terms.currency
    rounded = [(line.kind, round_to_minor(line.gross, currency)) for line in lines]
    energy = [amount for kind, amount in rounded if kind is LineKind.ENERGY]
    net = sum_money([*energy, *(discount.amount for discount in discounts)], currency=currency)
    taxable: list[Taxable] = [(LineKind.ENERGY, net)]
    taxable += [(kind, amount) for kind, amount in rounded if kind is not LineKind.ENERGY]
    return [
        Component(type=ComponentType.TAX, amount=group.amount, description=group.label)
        for group in group_taxes(taxable, terms.taxes, currency=currency)
    ]
