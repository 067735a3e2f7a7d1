"""Charges of cycles against an oracle that prices every interval by itself, in fractions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.money import Money, Rounding, round_to_minor, sum_money
from settlement.charges.cycle import CycleCharges, CycleFacts, charge_cycle
from settlement.charges.line import ChargeLine
from settlement.lines import gather, items_of, taxes_on
from tests.support import term_strategies
from trading.allowance import Allowance
from trading.bands import Band
from trading.charges import AmountOff, Discount, LineKind, Percent
from trading.costs import SUBSCRIPTION_FEE
from trading.periods import BillingPeriod
from trading.quote import ComponentType, quote_energy
from trading.rates import Price
from trading.terms import PricingModel, Terms
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis

QUARTER: Final = timedelta(minutes=15)
ZONES: Final = ("UTC", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo")
CHANGES: Final = (
    datetime(2026, 3, 28, 20, tzinfo=UTC),  # Berlin loses an hour on the 29th
    datetime(2026, 10, 24, 20, tzinfo=UTC),  # and lives one twice on the 25th
    datetime(2026, 4, 3, 12, tzinfo=UTC),  # Lord Howe gains half an hour on the 5th
    datetime(2026, 4, 22, 20, tzinfo=UTC),  # Cairo's 24th begins at 01:00
    datetime(2026, 1, 30, 22, tzinfo=UTC),  # a month ends
)
few: Final = settings(max_examples=60, deadline=None)


@dataclass(frozen=True, kw_only=True)
class Trade:
    """What was settled in every quarter of an hour of a window, and where its cycles end."""

    terms: Terms
    zone: str
    start: datetime
    settled: tuple[int, ...]
    ends: tuple[int, ...]
    contracted: int
    curtailed: int
    is_terminated: bool

    @property
    def window(self) -> Interval:
        return Interval(self.start, self.start + len(self.settled) * QUARTER)

    def standing_at(self, end: int) -> dict[Band, Energy]:
        found: dict[Band, Energy] = {}
        included = self.terms.allowance
        allowance = Allowance(None if included is None else included.watt_hours)
        for number, settled in enumerate(self.settled[:end]):
            band = self.terms.band_of(self.start + number * QUARTER, self.zone)
            for part, watt_hours in allowance.split(band, settled):
                found[part] = found.get(part, ZERO_ENERGY) + Energy(watt_hours)
        return found

    def charge(self, *, rounding: Rounding = Rounding.HALF_UP) -> list[CycleCharges]:
        cycles: list[CycleCharges] = []
        for first, last in zip((0, *self.ends[:-1]), self.ends, strict=True):
            facts = CycleFacts(
                window=self.window,
                zone=self.zone,
                period=Interval(self.start + first * QUARTER, self.start + last * QUARTER),
                before=self.standing_at(first),
                to_date=self.standing_at(last),
                is_first=first == 0,
                is_last=last == len(self.settled),
                contracted=Energy(self.contracted),
                curtailed=Energy(self.curtailed),
                is_terminated=self.is_terminated,
            )
            cycles.append(charge_cycle(self.terms, facts, rounding=rounding))
        return cycles


@st.composite
def contracts(draw: st.DrawFn) -> Trade:
    start = draw(st.sampled_from(CHANGES)) + draw(st.integers(0, 40)) * QUARTER
    settled = draw(
        st.lists(st.integers(0, 3_000), min_size=1, max_size=120) | st.sampled_from([[0, 0, 0], [1] * 130])
    )
    inner = draw(st.sets(st.integers(1, len(settled)), max_size=4))
    agreed = draw(term_strategies.terms())
    if agreed.by_interval is not None:
        agreed = replace(agreed, by_interval=replace(agreed.by_interval, start=start + QUARTER))
    if agreed.subscription is not None:
        included = Energy(draw(st.integers(0, 200_000)))
        agreed = replace(agreed, subscription=replace(agreed.subscription, included=included))
    is_moved = draw(st.booleans())
    if agreed.promotions and is_moved:
        moved = Interval(start + QUARTER, start + 20 * QUARTER)
        agreed = replace(agreed, promotions=tuple(replace(p, validity=moved) for p in agreed.promotions))
    contracted = sum(settled) + draw(st.integers(0, 10_000))
    return Trade(
        terms=agreed,
        zone=draw(st.sampled_from(ZONES)),
        start=start,
        settled=tuple(settled),
        ends=tuple(sorted(inner | {len(settled)})),
        contracted=contracted,
        curtailed=draw(st.sampled_from([0, contracted // 3])),
        is_terminated=draw(st.booleans()),
    )


def percent_at(terms: Terms, instant: datetime) -> Fraction:
    """Return what all percentages that hold at an instant take off, as a part of one."""
    offers = [terms.discount] if terms.discount else []
    offers += [promotion for promotion in terms.promotions if isinstance(promotion, Discount)]
    off = sum(
        Fraction(offer.percent) / 100
        for offer in offers
        if offer.validity is None or offer.validity.start <= instant < offer.validity.end
    )
    return min(Fraction(off), Fraction(1))


def rate_at(terms: Terms, instant: datetime, zone: str) -> tuple[str, Decimal]:
    """Return the label and the rate of a quarter of an hour, by looking at every rate in turn."""
    if terms.rates is not None:
        local = instant.astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        for rate in terms.rates.rates:
            start, end = (bound.hour * 60 + bound.minute for bound in (rate.start, rate.end))
            length = (end - start) % 1440 or 1440
            if (minute - start) % 1440 < length:
                return f"{rate.start:%H:%M}-{rate.end:%H:%M}", rate.rate
        return "other hours", terms.price.per_kwh
    if terms.by_interval is not None:
        for number, price in enumerate(terms.by_interval.prices):
            begin = terms.by_interval.start + number * terms.by_interval.step
            if begin <= instant < begin + terms.by_interval.step:
                return "", price
    return "", terms.price.per_kwh


def period_start(day: date, every: BillingPeriod) -> date:
    if every is BillingPeriod.DAILY:
        return day
    if every is BillingPeriod.WEEKLY:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1)


def periods_of(trade: Trade, every: BillingPeriod) -> Fraction:
    """Return how many periods the window's days make up, day by day."""
    zone = ZoneInfo(trade.zone)
    day = trade.window.start.astimezone(zone).date()
    last = (trade.window.end - timedelta(microseconds=1)).astimezone(zone).date()
    total = Fraction(0)
    while day <= last:
        first = period_start(day, every)
        following = first + timedelta(days=1)
        while period_start(following, every) == first:
            following += timedelta(days=1)
        total += Fraction(1, (following - first).days)
        day += timedelta(days=1)
    return total


def net_energy(trade: Trade) -> dict[str, Fraction]:
    """Return the cost of energy by the label of its line, before amounts that are taken off."""
    terms = trade.terms
    off_at_start = 1 - percent_at(terms, trade.start)
    if terms.pricing_model is PricingModel.FIXED:
        assert terms.fixed is not None
        share = Fraction(1)
        if trade.is_terminated or trade.curtailed:
            share = Fraction(sum(trade.settled), trade.contracted) if trade.contracted else Fraction(0)
        return {"Energy Cost": Fraction(terms.fixed.amount) * share * off_at_start}
    if terms.pricing_model is PricingModel.SUBSCRIPTION:
        assert terms.subscription is not None
        fee = Fraction(terms.subscription.fee.amount) * periods_of(trade, terms.subscription.every)
        beyond = {SUBSCRIPTION_FEE: fee * off_at_start}
        used: dict[date, int] = {}
        for number, watt_hours in enumerate(trade.settled):
            instant = trade.start + number * QUARTER
            key = period_start(instant.astimezone(ZoneInfo(trade.zone)).date(), terms.subscription.every)
            before = max(used.get(key, 0), terms.subscription.included.watt_hours)
            used[key] = used.get(key, 0) + watt_hours
            label, rate = rate_at(terms, instant, trade.zone)
            title = f"Energy Cost ({label})" if label else "Energy Cost"
            cost = Fraction(max(0, used[key] - before), 1000) * Fraction(rate) * off_at_start
            beyond[title] = beyond.get(title, Fraction(0)) + cost
        return beyond
    costs: dict[str, Fraction] = {}
    for number, watt_hours in enumerate(trade.settled):
        instant = trade.start + number * QUARTER
        label, rate = rate_at(terms, instant, trade.zone)
        title = f"Energy Cost ({label})" if label else "Energy Cost"
        cost = Fraction(watt_hours, 1000) * Fraction(rate) * (1 - percent_at(terms, instant))
        costs[title] = costs.get(title, Fraction(0)) + cost
    return costs


def amounts_off(trade: Trade) -> Money:
    offs = [promotion for promotion in trade.terms.promotions if isinstance(promotion, AmountOff)]
    holding = [off.amount for off in offs if off.validity is None or trade.start in off.validity]
    return sum_money(holding, currency=trade.terms.currency)


def billed_of(lines: list[ChargeLine], kind: LineKind, terms: Terms) -> Money:
    return sum_money((line.net for line in lines if line.kind is kind), currency=terms.currency)


@few
@given(trade=contracts(), rounding=st.sampled_from(Rounding))
def test_the_energy_of_all_cycles_costs_what_every_interval_costs_rounded_once(
    trade: Trade, rounding: Rounding
) -> None:
    currency = trade.terms.currency
    lines = [line for cycle in trade.charge(rounding=rounding) for line in cycle.lines]
    costs = net_energy(trade)
    whole = [round_to_minor(cost, currency, rounding=rounding) for cost in costs.values()]
    expected = max(Money.zero(currency), sum_money(whole, currency=currency) - amounts_off(trade))
    assert billed_of(lines, LineKind.ENERGY, trade.terms) == expected
    if not amounts_off(trade).minor:
        for title, cost in costs.items():
            billed = [line.net for line in lines if line.title == title and line.kind is LineKind.ENERGY]
            assert sum_money(billed, currency=currency) == round_to_minor(cost, currency, rounding=rounding)


def due_wheeling(wheeling: Wheeling, trade: Trade) -> Fraction:
    settled = sum(trade.settled)
    if wheeling.price is not None:
        return Fraction(settled, 1000) * Fraction(wheeling.price.per_kwh)
    parts = zip((0, *trade.ends[:-1]), trade.ends, strict=True)
    with_energy = [any(trade.settled[first:last]) for first, last in parts]
    if wheeling.basis is WheelingBasis.FIXED_PER_CONTRACT:
        times = int(settled > 0 or wheeling.charge_on_zero)
    else:
        times = len(with_energy) if wheeling.charge_on_zero else sum(with_energy)
    return Fraction(wheeling.amount.amount) * times


@few
@given(trade=contracts())
def test_wheeling_is_due_for_each_cycle_once_or_by_the_kwh_on_each_side(trade: Trade) -> None:
    currency = trade.terms.currency
    lines = [line for cycle in trade.charge() for line in cycle.lines if line.kind is LineKind.WHEELING]
    for side in Side:
        for collector in Collector:
            charges = [
                wheeling
                for wheeling in trade.terms.all_wheeling
                if (wheeling.side, wheeling.collected_by) == (side, collector)
            ]
            shown = [line.net for line in lines if (line.side, line.collected_by) == (side, collector)]
            due = [round_to_minor(due_wheeling(wheeling, trade), currency) for wheeling in charges]
            assert sum_money(shown, currency=currency) == sum_money(due, currency=currency)


@few
@given(trade=contracts())
def test_fees_surcharges_and_add_ons_come_after_the_discounts(trade: Trade) -> None:
    terms, currency = trade.terms, trade.terms.currency
    lines = [line for cycle in trade.charge() for line in cycle.lines]
    left = max(Fraction(0), sum(net_energy(trade).values()) - Fraction(amounts_off(trade).amount))
    for kind in (LineKind.SURCHARGE, LineKind.FEE, LineKind.ADD_ON):
        expected = Money.zero(currency)
        for charge in terms.charges:
            if charge.kind is not kind:
                continue
            if isinstance(charge.value, Percent):
                due = left * Fraction(charge.value.of_energy) / 100
            elif isinstance(charge.value, Price):
                due = Fraction(sum(trade.settled), 1000) * Fraction(charge.value.per_kwh)
            elif charge.every is not None:
                due = Fraction(charge.value.amount) * periods_of(trade, charge.every)
            else:
                due = Fraction(charge.value.amount) * int(any(trade.settled))
            expected += round_to_minor(due, currency)
        assert billed_of(lines, kind, terms) == expected


@few
@given(trade=contracts(), rounding=st.sampled_from(Rounding))
def test_no_line_is_negative_and_a_cycles_total_is_the_sum_of_what_is_billed(
    trade: Trade, rounding: Rounding
) -> None:
    kinds = list(LineKind)
    for cycle in trade.charge(rounding=rounding):
        assert all(0 <= line.net.minor <= line.gross.minor for line in cycle.lines)
        assert [kinds.index(line.kind) for line in cycle.lines] == sorted(
            kinds.index(line.kind) for line in cycle.lines
        )
        assert cycle.lines[0].kind is LineKind.ENERGY
        billed = [
            line.net.minor
            for line in cycle.lines
            if line.side is Side.BUYER and line.collected_by is Collector.PLATFORM
        ]
        assert cycle.total.minor == sum(billed)


@few
@given(trade=contracts(), data=st.data())
def test_the_order_of_cycles_does_not_change_a_bill_and_taxes_are_rounded_once(
    trade: Trade, data: st.DataObject
) -> None:
    terms, currency = trade.terms, trade.terms.currency
    cycles = trade.charge()
    lines = gather(item for cycle in cycles for item in items_of(cycle))
    other = gather(item for cycle in data.draw(st.permutations(cycles)) for item in items_of(cycle))
    assert sorted(map(repr, other)) == sorted(map(repr, lines))
    billed = sum_money((line.amount for line in lines), currency=currency)
    assert billed == sum_money((cycle.total for cycle in cycles), currency=currency)
    for group in taxes_on(lines, terms):
        named = [tax for tax in terms.taxes if tax.group == (group.percent, group.jurisdiction)]
        taxed = [any(line.kind in tax.applies_to for tax in named) for line in lines]
        base = sum(line.amount.minor for line, is_taxed in zip(lines, taxed, strict=True) if is_taxed)
        exact = Fraction(base) * Fraction(group.percent) / 100
        assert group.amount.minor == (exact + Fraction(1, 2)).__floor__() > 0
        assert sum(share.minor for share in group.shares) == group.amount.minor
        assert all(share.minor >= 0 for share in group.shares)
        assert all(is_taxed or not share.minor for share, is_taxed in zip(group.shares, taxed, strict=True))


@few
@given(trade=contracts(), quantity=st.integers(1, 10**9))
def test_a_quote_is_the_sum_of_its_components_and_lays_all_of_its_energy(trade: Trade, quantity: int) -> None:
    quote = quote_energy(Energy(quantity), trade.terms, window=trade.window, zone=trade.zone)
    assert quote.total.minor == sum(part.amount.minor for part in quote.components) >= 0
    assert quote.components[0].type is ComponentType.UNIT
    signs = {part.type for part in quote.components if part.amount.minor < 0}
    assert signs <= {ComponentType.DISCOUNT}
