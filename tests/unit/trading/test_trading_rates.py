"""Rates by the hour and by the interval, and the band that energy falls into."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import CurrencyMismatch, Money
from trading.bands import OTHER_HOURS, Band
from trading.charges import Discount, Subscription
from trading.periods import BillingPeriod
from trading.rates import DayRates, IntervalPrices, Price, TermsInvalid, TimeOfDayRate
from trading.terms import PricingModel, Terms
from trading.wheeling import Wheeling, WheelingBasis

INR = Currency("INR")
BASE = Price(per_kwh=Decimal(5), currency=INR)


def hours(start: str, end: str, rate: str) -> TimeOfDayRate:
    return TimeOfDayRate(start=time.fromisoformat(start), end=time.fromisoformat(end), rate=Decimal(rate))


def by_the_hour(*rates: TimeOfDayRate) -> Terms:
    return Terms(price=BASE, pricing_model=PricingModel.TIME_OF_DAY, rates=DayRates(rates=rates))


DAY_AND_NIGHT = by_the_hour(hours("09:00", "17:00", "4"), hours("22:00", "06:00", "2"))


@pytest.mark.parametrize(
    ("moment", "label", "rate"),
    [
        ("08:59", OTHER_HOURS, 5),
        ("09:00", "09:00-17:00", 4),
        ("16:45", "09:00-17:00", 4),
        ("17:00", OTHER_HOURS, 5),
        ("22:00", "22:00-06:00", 2),
        ("23:59", "22:00-06:00", 2),
        ("00:00", "22:00-06:00", 2),
        ("05:59", "22:00-06:00", 2),
        ("06:00", OTHER_HOURS, 5),
    ],
)
def test_hours_are_half_open_and_wrap_around_midnight(moment: str, label: str, rate: int) -> None:
    start = datetime.fromisoformat(f"2026-01-09T{moment}").replace(tzinfo=ZoneInfo("Asia/Kolkata"))
    assert DAY_AND_NIGHT.band_of(start.astimezone(UTC), "Asia/Kolkata") == Band(Decimal(rate), label=label)


def test_an_hour_that_comes_twice_is_priced_twice_by_the_clock() -> None:
    night = by_the_hour(hours("02:30", "03:00", "9"))
    starts = [datetime(2026, 10, 25, 0, minute, tzinfo=UTC) + hour for hour in HOURS for minute in (0, 30)]
    rates = [night.band_of(start, "Europe/Berlin").rate for start in starts]
    assert rates == [5, 9, 5, 9, 5, 5]  # 02:00, 02:30, then 02:00 and 02:30 again, then 03:00


HOURS = [timedelta(hours=count) for count in range(3)]


def test_the_whole_day_is_from_midnight_to_midnight() -> None:
    rates = DayRates(rates=(hours("00:00", "00:00", "4"),))
    assert rates.first_gap() is None
    assert DAY_AND_NIGHT.rates is not None
    assert DAY_AND_NIGHT.rates.first_gap() == time(6)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("09:00", "17:00"), ("16:45", "18:00")),
        (("22:00", "06:00"), ("05:00", "07:00")),
        (("22:00", "06:00"), ("23:00", "01:00")),
        (("00:00", "00:00"), ("12:00", "13:00")),
        (("09:00", "17:00"), ("09:00", "17:00")),
    ],
)
def test_hours_that_overlap_are_refused(first: tuple[str, str], second: tuple[str, str]) -> None:
    with pytest.raises(TermsInvalid, match="overlap"):
        DayRates(rates=(hours(*first, "1"), hours(*second, "2")))


@pytest.mark.parametrize("bound", ["09:10", "09:00:01", "09:00:00.000001"])
def test_hours_that_begin_within_a_metering_interval_are_refused(bound: str) -> None:
    with pytest.raises(TermsInvalid, match="lies within a metering interval"):
        DayRates(rates=(hours(bound, "17:00", "1"),))


@pytest.mark.parametrize("minutes", [0, -15, 7, 90])
def test_a_grid_that_does_not_divide_an_hour_is_none(minutes: int) -> None:
    with pytest.raises(TermsInvalid, match="divide an hour"):
        DayRates(rates=(hours("09:00", "17:00", "1"),), grid=timedelta(minutes=minutes))


def test_a_time_of_day_knows_no_offset() -> None:
    with pytest.raises(TermsInvalid, match="no offset"):
        hours("09:00Z", "17:00", "1")


def test_prices_by_interval_hold_within_their_window_and_the_price_outside() -> None:
    start = datetime(2026, 1, 9, 10, tzinfo=UTC)
    prices = IntervalPrices(start=start, step=timedelta(hours=1), prices=(Decimal(3), Decimal(4)))
    agreed = Terms(price=BASE, by_interval=prices)
    rates = [agreed.band_of(start + timedelta(minutes=at), "UTC").rate for at in (-1, 0, 59, 60, 119, 120)]
    assert rates == [5, 3, 3, 4, 4, 5]
    assert prices.window == Interval(start, start + timedelta(hours=2))
    assert agreed.told_price.per_kwh == 5


@pytest.mark.parametrize(
    ("step", "prices", "message"),
    [
        (timedelta(0), (Decimal(1),), "longer than nothing"),
        (timedelta(hours=1), (), "one price at least"),
        (timedelta(hours=1), (Decimal(-1),), "the price of an interval"),
    ],
)
def test_prices_of_no_interval_are_refused(
    step: timedelta, prices: tuple[Decimal, ...], message: str
) -> None:
    with pytest.raises(TermsInvalid, match=message):
        IntervalPrices(start=datetime(2026, 1, 9, tzinfo=UTC), step=step, prices=prices)


def test_prices_beyond_the_end_of_the_calendar_are_refused() -> None:
    with pytest.raises(TermsInvalid, match="no calendar has 2 intervals"):
        IntervalPrices(
            start=datetime(9999, 12, 31, tzinfo=UTC), step=timedelta(days=1), prices=(Decimal(1),) * 2
        )


def test_a_subscriptions_energy_is_banded_by_its_calendar_period() -> None:
    agreed = Terms(
        price=BASE,
        pricing_model=PricingModel.SUBSCRIPTION,
        subscription=Subscription(fee=Money(100, INR), every=BillingPeriod.MONTHLY),
    )
    late = datetime(2026, 1, 31, 20, tzinfo=UTC)  # already February in India
    assert agreed.band_of(late, "Asia/Kolkata").period == date(2026, 2, 1)
    assert agreed.band_of(late, "UTC").period == date(2026, 1, 1)


def test_a_band_names_the_promotions_that_hold_when_its_interval_begins() -> None:
    spring = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    agreed = Terms(
        price=BASE,
        discount=Discount(title="Always", percent=Decimal(1)),
        promotions=(Discount(title="Spring", percent=Decimal(10), validity=spring),),
    )
    found = [
        agreed.band_of(at, "UTC").discounts for at in (spring.start - HOURS[1], spring.start, spring.end)
    ]
    assert found == [(0,), (0, 1), (0,)]


def test_a_subscription_may_have_rates_or_prices_by_interval_for_what_is_beyond_its_fee() -> None:
    evening = datetime(2026, 1, 9, 18, 30, tzinfo=UTC)  # midnight in India
    rates = DayRates(rates=(hours("00:00", "06:00", "2"),))
    by_hour = subscribed(rates=rates)
    period = date(2026, 1, 1)
    assert by_hour.band_of(evening, "Asia/Kolkata") == Band(Decimal(2), label="00:00-06:00", period=period)
    assert by_hour.band_of(evening, "UTC") == Band(Decimal(5), label=OTHER_HOURS, period=period)
    spot = IntervalPrices(start=evening, step=timedelta(hours=1), prices=(Decimal(7),))
    by_interval = subscribed(by_interval=spot)
    assert by_interval.band_of(evening, "UTC") == Band(Decimal(7), period=period)
    assert by_interval.band_of(evening + HOURS[1], "UTC") == Band(Decimal(5), period=period)
    assert by_interval.told_price.per_kwh == 7
    assert [each.allowance for each in (by_hour, by_interval, subscribed())] == [Energy(9), Energy(9), None]
    with pytest.raises(TermsInvalid, match="rates by the hour or prices by interval, not both"):
        subscribed(rates=rates, by_interval=spot)


def subscribed(*, rates: DayRates | None = None, by_interval: IntervalPrices | None = None) -> Terms:
    return Terms(
        price=BASE,
        pricing_model=PricingModel.SUBSCRIPTION,
        subscription=Subscription(fee=Money(100, INR), included=Energy(9)),
        rates=rates,
        by_interval=by_interval,
    )


def test_a_band_is_named_by_its_period_and_its_hours() -> None:
    spring = date(2026, 3, 1)
    bands = [
        Band(BASE.per_kwh, label=label, period=period) for label in ("", "x") for period in (None, spring)
    ]
    assert [str(band) for band in bands] == ["ALL", "2026-03-01", "x", "2026-03-01 x"]
    assert str(bands[1].within_fee) == "2026-03-01 within the fee"


def test_a_model_needs_its_own_terms_and_no_other_has_them() -> None:
    rates = DayRates(rates=(hours("09:00", "17:00", "4"),))
    with pytest.raises(TermsInvalid, match="rates go with TIME_OF_DAY"):
        Terms(price=BASE, rates=rates)
    with pytest.raises(TermsInvalid, match="fixed go with FIXED"):
        Terms(price=BASE, pricing_model=PricingModel.FIXED)
    with pytest.raises(TermsInvalid, match="beside it"):
        Terms(price=BASE, pricing_model=PricingModel.FIXED, fixed=Money(1, INR))
    spot = IntervalPrices(
        start=datetime(2026, 1, 9, tzinfo=UTC), step=timedelta(hours=1), prices=(Decimal(1),)
    )
    with pytest.raises(TermsInvalid, match="prices by interval go with PER_KWH"):
        Terms(price=BASE, pricing_model=PricingModel.TIME_OF_DAY, rates=rates, by_interval=spot)


def test_every_amount_of_a_contract_is_in_its_currency() -> None:
    usd = Currency("USD")
    with pytest.raises(CurrencyMismatch, match="the subscription is in USD, the energy in INR"):
        Terms(
            price=BASE,
            pricing_model=PricingModel.SUBSCRIPTION,
            subscription=Subscription(fee=Money(1, usd)),
        )
    with pytest.raises(CurrencyMismatch, match="the fixed price is in USD"):
        Terms(
            price=Price(per_kwh=Decimal(0), currency=INR),
            pricing_model=PricingModel.FIXED,
            fixed=Money(1, usd),
        )


def test_the_wire_is_told_the_buyers_charge_of_each_cycle_and_no_other() -> None:
    per_cycle = Wheeling(utility_name="Grid", amount=Money(250, INR), charge_on_zero=True)
    assert Terms(price=BASE, wheeling=per_cycle).told_wheeling == Wheeling(
        utility_name="Grid", amount=Money(250, INR)
    )
    once = Wheeling(utility_name="Grid", amount=Money(250, INR), basis=WheelingBasis.FIXED_PER_CONTRACT)
    assert Terms(price=BASE, wheeling=once).told_wheeling is None
    assert Terms(price=BASE).told_wheeling is None


def test_a_wheeling_charge_per_kwh_has_a_price_and_nothing_else() -> None:
    made = Wheeling.per_kwh(BASE, utility_name="Grid")
    assert (made.basis, made.price, made.amount) == (WheelingBasis.PER_KWH, BASE, Money(0, INR))
    with pytest.raises(TermsInvalid, match="under PER_KWH, and only then"):
        Wheeling(utility_name="Grid", amount=Money(0, INR), price=BASE)
    with pytest.raises(TermsInvalid, match="has no amount"):
        Wheeling(utility_name="Grid", amount=Money(1, INR), basis=WheelingBasis.PER_KWH, price=BASE)
    with pytest.raises(CurrencyMismatch, match="USD and INR"):
        Wheeling(
            utility_name="Grid",
            amount=Money(0, Currency("USD")),
            basis=WheelingBasis.PER_KWH,
            price=BASE,
        )


@pytest.mark.parametrize(("fee", "included"), [(-1, 0), (0, -1)])
def test_a_subscription_is_not_negative(fee: int, included: int) -> None:
    with pytest.raises(TermsInvalid, match="not negative"):
        Subscription(fee=Money(fee, INR), included=Energy(included))
