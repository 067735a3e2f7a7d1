"""What a contract has cost up to an instant, in exact fractions of major units, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from degnode.bill_verifier.bands import (
    OTHER_HOURS,
    WITHIN_FEE,
    Band,
    calendar_period,
    has_gap,
    included_in_time,
    is_valid,
    label_of,
    percentages,
    percentages_at,
)
from degnode.bill_verifier.statement import Json, exact
from kernel.currency import Currency
from kernel.interval import Interval
from kernel.local_days import find_zone

KINDS: Final = ("ENERGY", "WHEELING", "SURCHARGE", "FEE", "ADD_ON", "PENALTY", "ADJUSTMENT", "TAX")
"""The order of a bill's lines."""
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a contract had come: energy by band, fees due for days before `until`, cycles since."""

    window: Interval
    zone: str
    energy: Mapping[Band, int] = field(default_factory=dict)
    until: datetime | None = None
    cycles: int = 0
    delivered_cycles: int = 0
    begun: bool = False
    fixed_share: Fraction = Fraction(0)

    @property
    def watt_hours(self) -> int:
        return sum(self.energy.values())

    def periods_of(self, every: str) -> Fraction:
        """Return how many calendar periods the local days to date make up, day by day."""
        if self.until is None:
            return Fraction(0)
        zone = find_zone(self.zone)
        day = self.window.start.astimezone(zone).date()
        last = (self.until - _INSTANT).astimezone(zone).date()
        periods = Fraction(0)
        while day <= last:
            first, following = calendar_period(day, every)
            ends = min(following, last + timedelta(days=1))
            periods += Fraction((ends - day).days, (following - first).days)
            day = ends
        return periods


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A line before it is rounded: what it is gross and net of discounts, Wh and rate where it has them."""

    kind: str
    title: str
    gross: Fraction
    net: Fraction
    quantity: int | None = None
    rate: Decimal | None = None
    side: str = "BUYER"
    collected_by: str = "PLATFORM"


def cost_to_date(terms: Json, reached: Reached) -> list[Cost]:
    """Return every line that the terms have, before amounts that are taken off, in the order of a bill."""
    energy = list(_energy(terms, reached))
    off = _major(amount_off(terms, reached.window.start), terms)
    base = max(Fraction(0), sum((cost.net for cost in energy), Fraction(0)) - off)
    gross = sum((cost.gross for cost in energy), Fraction(0))
    utilities = [each for each in (terms["wheeling"], *terms.get("further_wheeling", ())) if each]
    charges = sorted(terms.get("charges", ()), key=lambda charge: KINDS.index(charge["kind"]))
    return [
        *energy,
        *(_wheeling(each, terms, reached, several=len(utilities) > 1) for each in utilities),
        *(
            _charge(charge, terms, reached, base=gross if charge.get("before_discounts") else base)
            for charge in charges
        ),
    ]


def amount_off(terms: Json, start: datetime) -> int:
    """Return the amounts that are taken off a contract whose delivery starts then, in minor units."""
    amounts = (each for each in terms.get("promotions", ()) if "minor" in each)
    return sum(each["minor"] for each in amounts if is_valid(each, start))


def _energy(terms: Json, reached: Reached) -> Iterator[Cost]:
    at_start = percentages_at(terms, reached.window.start)
    if "subscription" in terms:
        subscription = terms["subscription"]
        fee = _major(subscription["fee_minor"], terms) * reached.periods_of(subscription["every"])
        yield Cost(kind="ENERGY", title="Subscription Fee", gross=fee, net=fee * _remaining(terms, at_start))
        yield from _beyond_fee(terms, reached, at_start)
    elif "fixed_minor" in terms:
        gross = _major(terms["fixed_minor"], terms) * reached.fixed_share
        net = gross * _remaining(terms, at_start)
        yield Cost(kind="ENERGY", title="Energy Cost", gross=gross, net=net, quantity=reached.watt_hours)
    else:
        for label, rate in _labels(terms).items():
            bands = {band: wh for band, wh in reached.energy.items() if band.label == label}
            yield _metered(label, terms, bands, rate)


def _beyond_fee(terms: Json, reached: Reached, at_start: tuple[int, ...]) -> Iterator[Cost]:
    """Return what energy costs that a fee does not include; the discounts are those of delivery's begin."""
    included = included_in_time(terms)
    if included is None:
        price, included = exact(terms["price_per_kwh"]), terms["subscription"]["included_wh"]
        beyond = sum(max(0, wh - included) for wh in reached.energy.values())
        yield _metered("", terms, {Band(price, discounts=at_start): beyond}, price)
        return
    within = sum(wh for band, wh in reached.energy.items() if band.label == WITHIN_FEE)
    nought = Fraction(0)
    yield Cost(kind="ENERGY", title="Included Energy", gross=nought, net=nought, quantity=within)
    for label, rate in _labels(terms).items():
        bands: dict[Band, int] = {}
        for band, wh in reached.energy.items():
            if band.label == label:
                bands[replace(band, discounts=at_start)] = wh
        yield _metered(label, terms, bands, rate)


def _labels(terms: Json) -> dict[str, Decimal | None]:
    price = exact(terms["price_per_kwh"])
    if "rates" not in terms:
        return {"": None if "by_interval" in terms else price}
    hours = terms["rates"]["hours"]
    labels: dict[str, Decimal | None] = {label_of(each): exact(each["rate"]) for each in hours}
    return labels | {OTHER_HOURS: price} if has_gap(hours) else labels


def _metered(label: str, terms: Json, bands: Mapping[Band, int], rate: Decimal | None) -> Cost:
    costs = [(Fraction(wh, 1000) * Fraction(band.rate), band.discounts) for band, wh in bands.items()]
    return Cost(
        kind="ENERGY",
        title=f"Energy Cost ({label})" if label else "Energy Cost",
        gross=sum((gross for gross, _ in costs), Fraction(0)),
        net=sum((gross * _remaining(terms, holding) for gross, holding in costs), Fraction(0)),
        quantity=sum(bands.values()),
        rate=rate,
    )


def _remaining(terms: Json, holding: tuple[int, ...]) -> Fraction:
    """Return the part that is left after the discounts that hold; they add up, to the whole at most."""
    every = percentages(terms)
    percent = sum((Fraction(exact(every[at]["percent"])) for at in holding), Fraction(0))
    return 1 - min(percent, Fraction(100)) / 100


def _wheeling(charge: Json, terms: Json, reached: Reached, *, several: bool) -> Cost:
    title = f"Wheeling Charges ({charge['utility_name']})" if several else "Wheeling Charges"
    sides = {"side": charge["side"], "collected_by": charge["collected_by"]}
    if "per_kwh" in charge:
        return _per_kwh("WHEELING", title, charge["per_kwh"], reached, sides)
    each_cycle = charge["basis"] == "FIXED_PER_CYCLE"
    if charge["charge_on_zero"]:
        times = reached.cycles if each_cycle else int(reached.begun)
    else:
        times = reached.delivered_cycles if each_cycle else int(reached.watt_hours > 0)
    gross = _major(charge["minor"], terms) * times
    return Cost(kind="WHEELING", title=title, gross=gross, net=gross, **sides)


def _charge(charge: Json, terms: Json, reached: Reached, *, base: Fraction) -> Cost:
    kind, title = charge["kind"], charge["title"]
    if "per_kwh" in charge:
        return _per_kwh(kind, title, charge["per_kwh"], reached, {})
    if "percent" in charge:
        gross = base * Fraction(exact(charge["percent"])) / 100
    elif "every" in charge:
        gross = _major(charge["minor"], terms) * reached.periods_of(charge["every"])
    else:
        gross = _major(charge["minor"], terms) * int(reached.watt_hours > 0)
    return Cost(kind=kind, title=title, gross=gross, net=gross)


def _per_kwh(kind: str, title: str, price: str, reached: Reached, sides: Mapping[str, str]) -> Cost:
    gross = Fraction(reached.watt_hours, 1000) * Fraction(exact(price))
    quantity, rate = reached.watt_hours, exact(price)
    return Cost(kind=kind, title=title, gross=gross, net=gross, quantity=quantity, rate=rate, **sides)


def _major(minor: int, terms: Json) -> Fraction:
    return Fraction(minor, 10 ** Currency(terms["currency"]).exponent)
