"""What a settlement cycle costs: lines, their order, and what is never lost to rounding."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money, Rounding
from settlement.charges.cycle import CycleCharges, CycleFacts, FactsInvalid, charge_cycle
from settlement.charges.rounding import cost_between
from settlement.shortfall.contract_penalties import SideShortfall
from trading.bands import OTHER_HOURS, WITHIN_FEE, Band
from trading.charges import AmountOff, Charge, Discount, LineKind, Percent, Subscription
from trading.charging.facts import SessionFacts
from trading.charging.fees import MinuteFee, NoShow, SessionTerms
from trading.costs import BandUnknown
from trading.penalties import ShortfallPenalty
from trading.periods import BillingPeriod
from trading.rates import DayRates, Price, TimeOfDayRate
from trading.terms import PricingModel, Terms
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis

INR = Currency("INR")
START = datetime(2026, 1, 9, 18, 30, tzinfo=UTC)  # the 10th begins in India
DAY = timedelta(days=1)
WINDOW = Interval(START, START + 3 * DAY)


def money(amount: str) -> Money:
    return Money.of(amount, INR)


def price(per_kwh: str) -> Price:
    return Price(per_kwh=Decimal(per_kwh), currency=INR)


def facts(terms: Terms, *wh_by_day: int, day: int = 0) -> CycleFacts:
    """Return the facts of a day of the window, when so many Wh were settled on each day up to it."""
    before, to_date = sum(wh_by_day[:day]), sum(wh_by_day[: day + 1])
    band = terms.band_of(START, "Asia/Kolkata")
    return CycleFacts(
        window=WINDOW,
        zone="Asia/Kolkata",
        period=Interval(START + day * DAY, START + (day + 1) * DAY),
        before={band: Energy(before)} if before else {},
        to_date={band: Energy(to_date)} if to_date else {},
        is_first=day == 0,
        is_last=day == 2,
        contracted=Energy(10_000),
    )


def lacking(amount: str, side: Side = Side.BUYER) -> SideShortfall:
    """Return a kWh that a side was short of, and what it costs."""
    return SideShortfall(
        penalty=ShortfallPenalty(side=side, price=price(amount)),
        due_wh=2_000,
        allocated_wh=1_000,
        short_wh=1_000,
        counted_wh=Fraction(1_000),
        amount=money(amount),
    )


def lines_of(charges: CycleCharges) -> list[tuple[str, str]]:
    return [(line.title, str(line.net.amount)) for line in charges.lines]


def test_lines_come_in_their_order_and_the_total_is_what_the_buyer_pays_the_platform() -> None:
    terms = Terms(
        price=price("4.50"),
        wheeling=Wheeling(utility_name="North", amount=money("2.50")),
        further_wheeling=(
            Wheeling.per_kwh(price("0.25"), utility_name="South"),
            Wheeling(utility_name="South", amount=money("7"), side=Side.SELLER),
            Wheeling(utility_name="Retail", amount=money("3"), collected_by=Collector.RETAILER),
        ),
        charges=(
            Charge(kind=LineKind.ADD_ON, title="App", value=money("1")),
            Charge(kind=LineKind.FEE, title="Platform", value=Percent(of_energy=Decimal(2))),
            Charge(kind=LineKind.SURCHARGE, title="Peak", value=price("0.5")),
        ),
    )
    charges = charge_cycle(terms, replace(facts(terms, 2_000), shortfalls=(lacking("0.75"),)))
    assert lines_of(charges) == [
        ("Energy Cost", "9.00"),
        ("Wheeling Charges (North)", "2.50"),
        ("Wheeling Charges (South)", "0.50"),
        ("Wheeling Charges (South)", "7.00"),
        ("Wheeling Charges (Retail)", "3.00"),
        ("Peak", "1.00"),
        ("Platform", "0.18"),
        ("App", "1.00"),
        ("Penalty", "0.75"),
    ]
    assert charges.total == money("14.93")
    first = charges.lines[0]
    assert (first.quantity, first.rate) == (Energy(2_000), Decimal("4.50"))


def test_what_one_cycle_rounds_off_a_later_one_makes_up_for() -> None:
    terms = Terms(price=price("0.004"))
    days = [charge_cycle(terms, facts(terms, 1_000, 1_000, 1_000, day=day)) for day in range(3)]
    assert [str(day.total.amount) for day in days] == ["0.00", "0.01", "0.00"]
    assert lines_of(days[0]) == [("Energy Cost", "0.00")]


@pytest.mark.parametrize(
    ("rounding", "amounts"), [(Rounding.HALF_UP, [1, 0, 1]), (Rounding.HALF_EVEN, [0, 1, 1])]
)
def test_how_a_half_is_rounded_is_the_ledgers_to_say(rounding: Rounding, amounts: list[int]) -> None:
    to_date = [Fraction(0), Fraction(5, 1000), Fraction(1, 100), Fraction(15, 1000)]
    grown = [
        cost_between(before, after, currency=INR, rounding=rounding).minor
        for before, after in pairwise(to_date)
    ]
    assert grown == amounts


def test_where_nothing_was_settled_there_is_one_line_of_nothing() -> None:
    terms = Terms(
        price=price("4.50"),
        wheeling=Wheeling(utility_name="North", amount=money("2.50")),
        charges=(Charge(kind=LineKind.FEE, title="Set-up", value=money("1")),),
    )
    assert lines_of(charge_cycle(terms, facts(terms))) == [("Energy Cost", "0.00")]


def test_a_charge_on_nothing_is_due_all_the_same() -> None:
    per_cycle = Wheeling(utility_name="North", amount=money("2.50"), charge_on_zero=True)
    once = Wheeling(
        utility_name="South",
        amount=money("9"),
        basis=WheelingBasis.FIXED_PER_CONTRACT,
        charge_on_zero=True,
    )
    terms = Terms(price=price("4.50"), wheeling=per_cycle, further_wheeling=(once,))
    days = [lines_of(charge_cycle(terms, facts(terms, day=day)))[1:] for day in range(2)]
    assert days == [
        [("Wheeling Charges (North)", "2.50"), ("Wheeling Charges (South)", "9.00")],
        [("Wheeling Charges (North)", "2.50")],
    ]


def test_what_is_due_once_is_due_in_the_first_cycle_with_energy() -> None:
    once = Wheeling(utility_name="North", amount=money("9"), basis=WheelingBasis.FIXED_PER_CONTRACT)
    terms = Terms(price=price("1"), wheeling=once)
    days = [lines_of(charge_cycle(terms, facts(terms, 0, 1_000, 1_000, day=day))) for day in range(3)]
    assert [len(day) for day in days] == [1, 2, 1]


def test_hours_have_a_line_each_and_hours_without_energy_have_none() -> None:
    rates = DayRates(
        rates=(
            TimeOfDayRate(start=time(9), end=time(17), rate=Decimal(4)),
            TimeOfDayRate(start=time(22), end=time(6), rate=Decimal(2)),
        )
    )
    terms = Terms(price=price("5"), pricing_model=PricingModel.TIME_OF_DAY, rates=rates)
    bands = {
        Band(Decimal(2), label="22:00-06:00"): Energy(500),
        Band(Decimal(5), label="other hours"): Energy(1_000),
    }
    charges = charge_cycle(terms, replace(facts(terms), to_date=bands))
    assert lines_of(charges) == [("Energy Cost (22:00-06:00)", "1.00"), ("Energy Cost (other hours)", "5.00")]
    none = charge_cycle(terms, facts(terms))
    assert lines_of(none) == [("Energy Cost (09:00-17:00)", "0.00")]


def test_time_at_a_plug_is_charged_in_the_last_cycle_each_cost_rounded_once() -> None:
    session = SessionTerms(
        occupancy=MinuteFee(amount=money("1.00"), minutes=3),
        idle=MinuteFee(amount=money("2.00"), grace=timedelta(minutes=5)),
        no_show=NoShow(fee=money("50"), grace=timedelta(minutes=15)),
    )
    terms = Terms(price=price("10"), session=session)
    over = SessionFacts(began=True, charging=timedelta(minutes=20), idle=timedelta(minutes=6))
    days = [charge_cycle(terms, replace(facts(terms, 0, 0, 2_000, day=day), session=over)) for day in (0, 2)]
    assert lines_of(days[0]) == [("Energy Cost", "0.00")]
    assert lines_of(days[1]) == [("Energy Cost", "20.00"), ("Occupancy", "6.67"), ("Idle Fee", "2.00")]
    missed = replace(facts(terms, 0, 0, 0, day=2), session=SessionFacts(began=False, missed=True))
    assert ("No-show Fee", "50.00") in lines_of(charge_cycle(terms, missed))
    assert lines_of(charge_cycle(terms, replace(missed, session=None))) == [("Energy Cost", "0.00")]


def test_a_discount_is_netted_into_its_line() -> None:
    terms = Terms(price=price("4.50"), discount=Discount(title="Spring", percent=Decimal(10)))
    [line] = charge_cycle(terms, facts(terms, 2_000)).lines
    assert (line.gross, line.discount, line.net) == (money("9.00"), money("0.90"), money("8.10"))


def test_an_amount_off_goes_as_far_as_there_is_cost_and_never_below_nothing() -> None:
    terms = Terms(price=price("4.50"), promotions=(AmountOff(title="Welcome", amount=money("10")),))
    days = [charge_cycle(terms, facts(terms, 2_000, 1_000, 1_000, day=day)) for day in range(3)]
    assert [str(day.total.amount) for day in days] == ["0.00", "3.50", "4.50"]
    assert [str(day.lines[0].discount.amount) for day in days] == ["9.00", "1.00", "0.00"]
    for_others = AmountOff(title="Late", amount=money("10"), validity=Interval(START + DAY, START + 2 * DAY))
    later = replace(terms, promotions=(for_others,))
    assert charge_cycle(later, facts(later, 2_000)).total == money("9.00")


def test_percentages_add_up_to_the_whole_at_most() -> None:
    half = Discount(title="Half", percent=Decimal(60))
    terms = Terms(price=price("4.50"), discount=half, promotions=(half,))
    assert charge_cycle(terms, facts(terms, 2_000)).total == money("0.00")


def subscribed(fee: str, *, per_kwh: str = "1", included: int = 0) -> Terms:
    return Terms(
        price=price(per_kwh),
        pricing_model=PricingModel.SUBSCRIPTION,
        subscription=Subscription(fee=money(fee), every=BillingPeriod.MONTHLY, included=Energy(included)),
    )


def test_a_subscriptions_fee_is_spread_over_the_days_of_its_month() -> None:
    terms = subscribed("31")
    days = [lines_of(charge_cycle(terms, facts(terms, day=day))) for day in range(3)]
    assert days == [[("Subscription Fee", "1.00")]] * 3


def test_energy_within_a_subscription_costs_nothing_and_beyond_it_the_price() -> None:
    terms = subscribed("31", included=1_500)
    days = [charge_cycle(terms, facts(terms, 1_000, 1_000, 1_000, day=day)) for day in range(3)]
    assert [lines_of(day)[1:] for day in days] == [[], [("Energy Cost", "0.50")], [("Energy Cost", "1.00")]]
    assert days[1].lines[1].quantity == Energy(500)


def test_energy_beyond_a_subscription_has_the_price_of_its_hours_and_the_discounts_of_the_start() -> None:
    evening = TimeOfDayRate(start=time(18), end=time(22), rate=Decimal(3))
    hour = Interval(START, START + timedelta(hours=1))
    off = Discount(title="Welcome", percent=Decimal(50), validity=hour)
    terms = replace(subscribed("31", included=1_500), rates=DayRates(rates=(evening,)), promotions=(off,))
    period = date(2026, 1, 1)
    first = {Band(Decimal(0), label=WITHIN_FEE, period=period): Energy(1_000)}
    second = {
        Band(Decimal(0), label=WITHIN_FEE, period=period): Energy(1_500),
        Band(Decimal(3), label="18:00-22:00", period=period): Energy(2_000),
        Band(Decimal(1), label=OTHER_HOURS, period=period): Energy(500),
    }
    begin = replace(facts(terms), to_date=first)
    days = [begin, replace(facts(terms, day=1), before=first, to_date=second)]
    assert [lines_of(charge_cycle(terms, day)) for day in days] == [
        [("Subscription Fee", "0.50"), ("Included Energy", "0.00")],
        [
            ("Subscription Fee", "0.50"),
            ("Included Energy", "0.00"),
            ("Energy Cost (18:00-22:00)", "3.00"),
            ("Energy Cost (other hours)", "0.25"),
        ],
    ]
    assert charge_cycle(terms, days[1]).lines[1].quantity == Energy(500)


def test_without_prices_by_the_time_nothing_lies_within_a_fee() -> None:
    terms = subscribed("31")
    band = terms.band_of(START, "Asia/Kolkata").within_fee
    with pytest.raises(BandUnknown, match="terms of SUBSCRIPTION have no 2026-01-01 within the fee"):
        charge_cycle(terms, replace(facts(terms), to_date={band: Energy(1)}))


def fixed_terms(amount: str = "30") -> Terms:
    return Terms(price=price("0"), pricing_model=PricingModel.FIXED, fixed=money(amount))


@pytest.mark.parametrize(
    ("settled", "change", "amount"),
    [
        (4_000, {}, "30.00"),
        (0, {}, "30.00"),
        (4_000, {"is_last": False}, "0.00"),
        (4_000, {"is_terminated": True}, "12.00"),
        (4_000, {"curtailed": Energy(5_000)}, "12.00"),
        (20_000, {"is_terminated": True}, "30.00"),
        (0, {"is_terminated": True}, "0.00"),
        (0, {"is_terminated": True, "contracted": Energy(0)}, "0.00"),
    ],
)
def test_a_fixed_price_is_due_at_the_end_and_in_part_only_if_cut_short(
    settled: int, change: dict[str, bool | Energy], amount: str
) -> None:
    terms = fixed_terms()
    last = replace(facts(terms, 0, 0, settled, day=2), **change)  # type: ignore[arg-type]
    assert str(charge_cycle(terms, last).total.amount) == amount


def test_an_add_on_of_every_month_is_due_by_the_day() -> None:
    app = Charge(kind=LineKind.ADD_ON, title="App", value=money("62"), every=BillingPeriod.MONTHLY)
    terms = Terms(price=price("1"), charges=(app,))
    assert lines_of(charge_cycle(terms, facts(terms, day=1))) == [("Energy Cost", "0.00"), ("App", "2.00")]


@pytest.mark.parametrize(("code", "amount"), [("INR", "0.33"), ("JPY", "0"), ("KWD", "0.333")])
def test_lines_have_the_decimals_of_their_currency(code: str, amount: str) -> None:
    terms = Terms(price=Price(per_kwh=Decimal(1), currency=Currency(code)))
    assert str(charge_cycle(terms, facts(terms, 333)).total.amount) == amount


def test_energy_that_the_terms_have_no_price_for_is_not_given_away() -> None:
    terms = Terms(price=price("1"))
    for band in (Band(Decimal(1), label="09:00-17:00"), Band(Decimal(1), period=date(2026, 1, 1))):
        with pytest.raises(BandUnknown, match="terms of PER_KWH have no"):
            charge_cycle(terms, replace(facts(terms), to_date={band: Energy(1)}))
    with pytest.raises(BandUnknown, match="terms of SUBSCRIPTION have no"):
        charge_cycle(subscribed("1"), facts(terms, 1_000))


def test_a_cycle_that_takes_energy_back_is_a_correction() -> None:
    terms = Terms(price=price("1"))
    with pytest.raises(FactsInvalid, match="and less after it"):
        facts(terms, 1_000, -1, day=1)


def test_what_of_a_cycle_lies_beyond_the_window_costs_nothing() -> None:
    terms = subscribed("31")
    longer = Interval(START + 2 * DAY, START + 5 * DAY)
    assert str(charge_cycle(terms, replace(facts(terms, day=2), period=longer)).total.amount) == "1.00"
