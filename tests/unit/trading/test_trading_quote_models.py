"""Quotes of every pricing model, with everything that is added and taken off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.charges import AmountOff, Charge, Discount, LineKind, Percent, Subscription, Tax
from trading.periods import BillingPeriod
from trading.quote import Quote, count_cycles, quote_energy
from trading.rates import DayRates, IntervalPrices, Price, TimeOfDayRate
from trading.terms import PricingModel, SettlementType, Terms
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis

INR = Currency("INR")
START = datetime(2026, 1, 9, 18, 30, tzinfo=UTC)  # the 10th begins in India
WINDOW = Interval(START, START + timedelta(days=2))
ZONE = "Asia/Kolkata"


def money(amount: str) -> Money:
    return Money.of(amount, INR)


def price(per_kwh: str) -> Price:
    return Price(per_kwh=Decimal(per_kwh), currency=INR)


Part = tuple[str, str, str]


def parts_of(quote: Quote) -> list[Part]:
    return [(part.type.value, str(part.amount.amount), part.description) for part in quote.components]


def quoted(terms: Terms, watt_hours: int = 24_000, *, window: Interval = WINDOW) -> list[Part]:
    return parts_of(quote_energy(Energy(watt_hours), terms, window=window, zone=ZONE))


def test_energy_by_the_hour_is_quoted_for_each_of_the_hours_it_flows_in() -> None:
    day = TimeOfDayRate(start=time(8), end=time(20), rate=Decimal(4))
    terms = Terms(price=price("2"), pricing_model=PricingModel.TIME_OF_DAY, rates=DayRates(rates=(day,)))
    assert quoted(terms) == [
        ("UNIT", "48.00", "Energy Cost (08:00-20:00, 12 kWh at 4 INR per kWh)"),
        ("UNIT", "24.00", "Energy Cost (other hours, 12 kWh at 2 INR per kWh)"),
    ]
    noon = Interval(START + timedelta(hours=10), START + timedelta(hours=12))
    assert quoted(terms, window=noon) == [
        ("UNIT", "96.00", "Energy Cost (08:00-20:00, 24 kWh at 4 INR per kWh)")
    ]


def test_a_subscription_is_quoted_by_its_days_and_what_is_beyond_it() -> None:
    subscription = Subscription(fee=money("31"), every=BillingPeriod.MONTHLY, included=Energy(20_000))
    terms = Terms(price=price("2"), pricing_model=PricingModel.SUBSCRIPTION, subscription=subscription)
    assert quoted(terms) == [
        ("UNIT", "2.00", "Subscription Fee"),
        ("UNIT", "8.00", "Energy Cost (4 kWh at 2 INR per kWh)"),
    ]
    assert quoted(terms, 20_000) == [("UNIT", "2.00", "Subscription Fee")]


def test_beyond_a_subscription_energy_is_quoted_at_the_price_of_its_time() -> None:
    subscription = Subscription(fee=money("31"), every=BillingPeriod.DAILY, included=Energy(7_000))
    day = TimeOfDayRate(start=time(8), end=time(20), rate=Decimal(4))
    by_hour = Terms(
        price=price("2"),
        pricing_model=PricingModel.SUBSCRIPTION,
        subscription=subscription,
        rates=DayRates(rates=(day,)),
    )
    assert quoted(by_hour) == [  # 12 kWh a day, evenly: until 14:00 they are within the fee
        ("UNIT", "62.00", "Subscription Fee"),
        ("UNIT", "0.00", "Included Energy (14 kWh)"),
        ("UNIT", "24.00", "Energy Cost (08:00-20:00, 6 kWh at 4 INR per kWh)"),
        ("UNIT", "8.00", "Energy Cost (other hours, 4 kWh at 2 INR per kWh)"),
    ]
    monthly = replace(subscription, every=BillingPeriod.MONTHLY)
    spot = IntervalPrices(start=START, step=timedelta(days=1), prices=(Decimal(1), Decimal(3)))
    by_interval = replace(by_hour, rates=None, by_interval=spot, subscription=monthly)
    assert quoted(by_interval) == [
        ("UNIT", "2.00", "Subscription Fee"),
        ("UNIT", "0.00", "Included Energy (7 kWh)"),
        ("UNIT", "41.00", "Energy Cost (17 kWh)"),
    ]
    assert quoted(by_interval, 6_000)[1:] == [("UNIT", "0.00", "Included Energy (6 kWh)")]


def test_a_fixed_price_and_prices_by_interval_are_quoted_whole() -> None:
    fixed = Terms(price=price("0"), pricing_model=PricingModel.FIXED, fixed=money("30"))
    assert quoted(fixed) == [("UNIT", "30.00", "Energy Cost (24 kWh)")]
    prices = IntervalPrices(start=START, step=timedelta(days=1), prices=(Decimal(1), Decimal(3)))
    assert quoted(Terms(price=price("9"), by_interval=prices)) == [("UNIT", "48.00", "Energy Cost (24 kWh)")]


def test_everything_that_is_added_and_taken_off_is_a_component_and_the_rest_is_left_out() -> None:
    terms = Terms(
        price=price("10"),
        wheeling=Wheeling(utility_name="North", amount=money("2.50")),
        further_wheeling=(
            Wheeling.per_kwh(price("0.5"), utility_name="South"),
            Wheeling(utility_name="East", amount=money("3"), basis=WheelingBasis.FIXED_PER_CONTRACT),
            Wheeling(utility_name="West", amount=money("5"), side=Side.SELLER),
            Wheeling(utility_name="Retail", amount=money("5"), collected_by=Collector.RETAILER),
        ),
        discount=Discount(title="Early bird", percent=Decimal("2.5")),
        promotions=(
            AmountOff(title="Welcome", amount=money("4")),
            AmountOff(title="Gone", amount=money("4"), validity=Interval(START - timedelta(days=2), START)),
        ),
        charges=(
            Charge(kind=LineKind.FEE, title="Platform", value=Percent(of_energy=Decimal(1))),
            Charge(kind=LineKind.ADD_ON, title="App", value=money("1")),
            Charge(kind=LineKind.SURCHARGE, title="Peak", value=price("0.1")),
        ),
        taxes=(
            Tax(
                title="GST",
                percent=Decimal(5),
                jurisdiction="IN-KA",
                applies_to=frozenset({LineKind.ENERGY}),
            ),
        ),
    )
    assert quoted(terms) == [
        ("UNIT", "240.00", "Energy Cost (24 kWh at 10 INR per kWh)"),
        ("SURCHARGE", "2.40", "Peak (24 kWh at 0.1 INR per kWh)"),
        ("DISCOUNT", "-6.00", "Early bird (2.5 %)"),
        ("DISCOUNT", "-4.00", "Welcome"),
        ("FEE", "5.00", "Wheeling Charges (North, 2 days at 2.50 INR)"),
        ("FEE", "12.00", "Wheeling Charges (South, 24 kWh at 0.5 INR per kWh)"),
        ("FEE", "3.00", "Wheeling Charges (East)"),
        ("FEE", "2.30", "Platform"),
        ("FEE", "1.00", "App"),
        ("TAX", "11.50", "GST (5 %, IN-KA)"),
    ]


def test_an_amount_off_takes_no_more_than_there_is() -> None:
    terms = Terms(price=price("1"), promotions=(AmountOff(title="Welcome", amount=money("100")),))
    assert quoted(terms)[1] == ("DISCOUNT", "-24.00", "Welcome")


@pytest.mark.parametrize(
    ("every", "cycles"),
    [
        (SettlementType.REAL_TIME, 192),
        (SettlementType.HOURLY, 48),
        (SettlementType.DAILY, 2),
        (SettlementType.WEEKLY, 1),
        (SettlementType.MONTHLY, 1),
    ],
)
def test_a_window_has_so_many_settlement_cycles(every: SettlementType, cycles: int) -> None:
    assert count_cycles(WINDOW, ZONE, every) == cycles
    terms = Terms(
        price=price("0"),
        wheeling=Wheeling(utility_name="North", amount=money("1")),
        settlement_type=every,
    )
    quote = quote_energy(Energy(1_000), terms, window=WINDOW, zone=ZONE)
    assert quote.total == Money(cycles * 100, INR)
    assert ("cycles at" in quote.components[1].description) == (every.value in ("REAL_TIME", "HOURLY"))


@pytest.mark.parametrize(
    ("start", "end", "zone", "hours"),
    [
        ("2026-10-25T00:00+00:00", "2026-10-25T02:00+00:00", "Europe/Berlin", 2),  # 02:00 twice
        ("2026-03-29T00:00+00:00", "2026-03-29T02:00+00:00", "Europe/Berlin", 2),  # 01:00, then 03:00
        ("2026-01-09T00:00+00:00", "2026-01-09T01:00+00:00", "Asia/Kolkata", 2),  # 05:30 to 06:30
        ("2026-04-04T14:30+00:00", "2026-04-04T16:30+00:00", "Australia/Lord_Howe", 3),  # 01:30 comes twice
    ],
)
def test_hours_are_those_of_the_local_clock(start: str, end: str, zone: str, hours: int) -> None:
    window = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert count_cycles(window, zone, SettlementType.HOURLY) == hours
