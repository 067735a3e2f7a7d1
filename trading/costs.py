"""What a contract has cost up to an instant, exactly: one rule for quotes and for bills.

Everything is a function of how far the contract has come. What a settlement cycle costs is what the
cost to date has grown by, so nothing is lost or won where a month is divided into cycles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from kernel.energy import WATT_HOURS_PER_KWH, Energy
from kernel.interval import Interval
from kernel.local_days import find_zone
from kernel.money import Money, sum_money
from trading.bands import ALWAYS, OTHER_HOURS, WITHIN_FEE, Band
from trading.charges import WHOLE_PERCENT, Charge, LineKind, Percent, Subscription
from trading.periods import BillingPeriod, elapsed_periods
from trading.rates import Price
from trading.terms import Terms
from trading.wheeling import Wheeling, WheelingBasis

ENERGY_COST: Final = "Energy Cost"
SUBSCRIPTION_FEE: Final = "Subscription Fee"
INCLUDED_ENERGY: Final = "Included Energy"
WHEELING_CHARGES: Final = "Wheeling Charges"
"""Titles of lines."""

_INSTANT: Final = timedelta(microseconds=1)
_NOUGHT: Final = Fraction(0)


class BandUnknown(ValueError):
    """Energy of a band that the terms do not have: nothing would be asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a contract has come: all that its cost depends on beside its terms.

    `energy` was settled since the window began. Fees of calendar periods are due for the local days that
    began before `until`, None for none. `cycles` were settled, anything of it in `delivered_cycles`.
    `begun` says that the first cycle is among them, `fixed_share` how much of a fixed price is due.
    """

    window: Interval
    zone: str
    energy: Mapping[Band, Energy] = field(default_factory=dict)
    until: datetime | None = None
    cycles: int = 0
    delivered_cycles: int = 0
    begun: bool = False
    fixed_share: Fraction = _NOUGHT

    @property
    def watt_hours(self) -> int:
        """All energy that was settled."""
        return sum(energy.watt_hours for energy in self.energy.values())

    def periods_of(self, every: BillingPeriod) -> Fraction:
        """Return how many calendar periods the local days to date make up."""
        if self.until is None:
            return _NOUGHT
        zone = find_zone(self.zone)
        first = self.window.start.astimezone(zone).date()
        return elapsed_periods(first, (self.until - _INSTANT).astimezone(zone).date(), every)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactLine:
    """A line before it is rounded, in major units of the currency.

    `after` is what is left after each of the terms' percentages, one after the other. `quantity` is in Wh
    and `rate` what each kWh costs, where there is such a thing. `wheeling` is the charge it is for.
    """

    kind: LineKind
    title: str
    gross: Fraction
    after: tuple[Fraction, ...] = ()
    quantity: int | None = None
    rate: Decimal | None = None
    wheeling: Wheeling | None = None

    @property
    def net(self) -> Fraction:
        return self.after[-1] if self.after else self.gross


def cost_to_date(terms: Terms, standing: Standing) -> list[ExactLine]:
    """Return what a contract has cost so far, before amounts that are taken off, in the order of a bill.

    The lines are the same for every standing: which of them are shown is for the caller to say.
    Raises: BandUnknown; ZoneUnknown.
    """
    _require_bands(terms, standing)
    energy = list(_energy_lines(terms, standing))
    off = Fraction(amount_off(terms, standing.window).amount)
    gross = sum((line.gross for line in energy), _NOUGHT)
    bases = (max(_NOUGHT, sum((line.net for line in energy), _NOUGHT) - off), gross)
    charges = sorted(terms.charges, key=lambda charge: list(LineKind).index(charge.kind))
    return [
        *energy,
        *(_wheeling_line(wheeling, terms, standing) for wheeling in terms.all_wheeling),
        *(_charge_line(charge, standing, bases=bases) for charge in charges),
    ]


def _require_bands(terms: Terms, standing: Standing) -> None:
    """Let only bands pass that `Terms.band_of` can have made. Raises: BandUnknown."""
    labels = _labels(terms).keys() | ({WITHIN_FEE} if terms.allowance is not None else set())
    for band in standing.energy:
        if band.label not in labels or (band.period is None) != (terms.subscription is None):
            raise BandUnknown(f"terms of {terms.pricing_model} have no {band}")


def amount_off(terms: Terms, window: Interval) -> Money:
    """Return the amounts that are taken off the energy's cost of a contract for `window`, in all."""
    holding = (off.amount for off in terms.amounts_off if off.holds_at(window.start))
    return sum_money(holding, currency=terms.currency)


def energy_cost(label: str) -> str:
    """Return the title of the energy of a band's label."""
    return f"{ENERGY_COST} ({label})" if label else ENERGY_COST


def _energy_lines(terms: Terms, standing: Standing) -> Iterator[ExactLine]:
    if terms.subscription is not None:
        yield from _subscription_lines(terms, terms.subscription, standing)
    elif terms.fixed is not None:
        gross = Fraction(terms.fixed.amount) * standing.fixed_share
        at_start = terms.percentages_at(standing.window.start)
        yield ExactLine(
            kind=LineKind.ENERGY,
            title=ENERGY_COST,
            gross=gross,
            after=_after(terms, [(gross, at_start)]),
            quantity=standing.watt_hours,
        )
    else:
        for label, rate in _labels(terms).items():
            yield _metered_line(terms, standing, label, rate)


def _labels(terms: Terms) -> dict[str, Decimal | None]:
    """Return the labels of a contract's lines of energy with the rate of each, None where it has many."""
    base = terms.price.per_kwh
    if terms.rates is None:
        return {ALWAYS: base if terms.by_interval is None else None}
    hours: dict[str, Decimal | None] = {rate.label: rate.rate for rate in terms.rates.rates}
    return hours if terms.rates.first_gap() is None else hours | {OTHER_HOURS: base}


def _metered_line(
    terms: Terms,
    standing: Standing,
    label: str,
    rate: Decimal | None,
    *,
    holding: tuple[int, ...] | None = None,
) -> ExactLine:
    """Return the cost of all energy under `label`: Wh times rate, less what holds for each band.

    With `holding` that is what is taken off all of them.
    """
    bands = [(band, energy) for band, energy in standing.energy.items() if band.label == label]
    parts = [
        (_kwh(energy.watt_hours) * Fraction(band.rate), band.discounts if holding is None else holding)
        for band, energy in bands
    ]
    return ExactLine(
        kind=LineKind.ENERGY,
        title=energy_cost(label),
        gross=sum((gross for gross, _ in parts), _NOUGHT),
        after=_after(terms, parts),
        quantity=sum(energy.watt_hours for _, energy in bands),
        rate=rate,
    )


def _subscription_lines(terms: Terms, subscription: Subscription, standing: Standing) -> Iterator[ExactLine]:
    """Return the fee, and the energy of each calendar period beyond what the fee includes.

    Where its price depends on the time, so does what is beyond, and what is within has a line of its own.
    """
    at_start = terms.percentages_at(standing.window.start)
    fee = Fraction(subscription.fee.amount) * standing.periods_of(subscription.every)
    yield ExactLine(
        kind=LineKind.ENERGY, title=SUBSCRIPTION_FEE, gross=fee, after=_after(terms, [(fee, at_start)])
    )
    if terms.allowance is not None:
        yield _included_line(terms, standing)
        for label, rate in _labels(terms).items():
            yield _metered_line(terms, standing, label, rate, holding=at_start)
        return
    included = subscription.included.watt_hours
    beyond = sum(max(0, energy.watt_hours - included) for energy in standing.energy.values())
    gross = _kwh(beyond) * Fraction(terms.price.per_kwh)
    yield ExactLine(
        kind=LineKind.ENERGY,
        title=ENERGY_COST,
        gross=gross,
        after=_after(terms, [(gross, at_start)]),
        quantity=beyond,
        rate=terms.price.per_kwh,
    )


def _included_line(terms: Terms, standing: Standing) -> ExactLine:
    within = (energy.watt_hours for band, energy in standing.energy.items() if band.label == WITHIN_FEE)
    return ExactLine(
        kind=LineKind.ENERGY,
        title=INCLUDED_ENERGY,
        gross=_NOUGHT,
        after=_after(terms, []),
        quantity=sum(within),
    )


def _after(terms: Terms, parts: Sequence[tuple[Fraction, tuple[int, ...]]]) -> tuple[Fraction, ...]:
    """Return what is left of all parts after the first percentage, after the first two, and so on.

    Percentages add up, to the whole at most; each part has those that hold for it.
    """
    left: list[Fraction] = []
    for last in range(len(terms.percentages)):
        remaining = _NOUGHT
        for gross, holding in parts:
            percent = sum((Fraction(terms.percentages[at].percent) for at in holding if at <= last), _NOUGHT)
            remaining += gross * (1 - min(percent, Fraction(WHOLE_PERCENT)) / WHOLE_PERCENT)
        left.append(remaining)
    return tuple(left)


def _wheeling_line(wheeling: Wheeling, terms: Terms, standing: Standing) -> ExactLine:
    several = len(terms.all_wheeling) > 1
    title = f"{WHEELING_CHARGES} ({wheeling.utility_name})" if several else WHEELING_CHARGES
    if wheeling.price is not None:
        return _per_kwh_line(LineKind.WHEELING, title, wheeling.price, standing, wheeling=wheeling)
    times = {
        (WheelingBasis.FIXED_PER_CYCLE, False): standing.delivered_cycles,
        (WheelingBasis.FIXED_PER_CYCLE, True): standing.cycles,
        (WheelingBasis.FIXED_PER_CONTRACT, False): int(standing.watt_hours > 0),
        (WheelingBasis.FIXED_PER_CONTRACT, True): int(standing.begun),
    }[wheeling.basis, wheeling.charge_on_zero]
    return ExactLine(
        kind=LineKind.WHEELING,
        title=title,
        gross=Fraction(wheeling.amount.amount) * times,
        wheeling=wheeling,
    )


def _charge_line(charge: Charge, standing: Standing, *, bases: tuple[Fraction, Fraction]) -> ExactLine:
    """Return a charge to date; `bases` are the cost of energy after discounts, and before them."""
    if isinstance(charge.value, Price):
        return _per_kwh_line(charge.kind, charge.title, charge.value, standing)
    if isinstance(charge.value, Percent):
        base = bases[charge.value.before_discounts]
        gross = base * Fraction(charge.value.of_energy) / WHOLE_PERCENT
    else:
        due = int(standing.watt_hours > 0) if charge.every is None else standing.periods_of(charge.every)
        gross = Fraction(charge.value.amount) * due
    return ExactLine(kind=charge.kind, title=charge.title, gross=gross)


def _per_kwh_line(
    kind: LineKind, title: str, price: Price, standing: Standing, *, wheeling: Wheeling | None = None
) -> ExactLine:
    return ExactLine(
        kind=kind,
        title=title,
        gross=_kwh(standing.watt_hours) * Fraction(price.per_kwh),
        quantity=standing.watt_hours,
        rate=price.per_kwh,
        wheeling=wheeling,
    )


def _kwh(watt_hours: int) -> Fraction:
    return Fraction(watt_hours, WATT_HOURS_PER_KWH)
