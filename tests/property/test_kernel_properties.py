"""What holds for every amount of energy and money, and every set of intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import format_instant, parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.ids import derived_id
from kernel.interval import Interval
from kernel.money import Money, Rounding, round_to_minor, sum_money

EPOCH = datetime(2024, 10, 4, tzinfo=UTC)

watt_hours = st.integers(-(10**30), 10**30)
minors = st.integers(-(10**30), 10**30)
currencies = st.sampled_from(["JPY", "USD", "INR", "KWD", "CLF"]).map(Currency)
decimals = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False)
intervals = st.tuples(st.integers(0, 60), st.integers(1, 30)).map(
    lambda span: Interval(
        EPOCH + timedelta(minutes=span[0]), EPOCH + timedelta(minutes=span[0]) + timedelta(minutes=span[1])
    )
)


@given(amount=watt_hours)
def test_energy_survives_the_way_to_kwh_and_back(amount: int) -> None:
    assert Energy.from_kwh(Energy(amount).kilowatt_hours) == Energy(amount)
    assert Energy.from_kwh(str(Energy(amount)).removesuffix(" kWh")) == Energy(amount)
    assert Fraction(Energy(amount).kilowatt_hours) == Fraction(amount, 1000)


@given(minor=minors, currency=currencies)
def test_money_survives_the_way_to_major_units_and_back(minor: int, currency: Currency) -> None:
    money = Money(minor, currency)
    assert Money.of(money.amount, currency) == money
    assert Fraction(money.amount) == Fraction(minor, 10**currency.exponent)
    assert round_to_minor(money.amount, currency) == money


@given(minor=minors, weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any))
def test_shares_add_up_and_are_less_than_a_minor_unit_off(minor: int, weights: list[int]) -> None:
    currency = Currency("USD")
    shares = Money(minor, currency).split(weights)
    assert sum_money(shares, currency=currency) == Money(minor, currency)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor - Fraction(minor * weight, sum(weights))) < 1


@given(exact=decimals, currency=currencies, rounding=st.sampled_from(Rounding))
def test_rounding_takes_the_nearest_minor_unit(
    exact: Decimal, currency: Currency, rounding: Rounding
) -> None:
    money = round_to_minor(exact, currency, rounding=rounding)
    true = Fraction(exact) * 10**currency.exponent
    off = abs(money.minor - true)
    assert off <= Fraction(1, 2)
    if off == Fraction(1, 2):
        if rounding is Rounding.HALF_UP:
            assert abs(money.minor) > abs(true)
        else:
            assert money.minor % 2 == 0


@given(one=decimals, other=decimals, currency=currencies, rounding=st.sampled_from(Rounding))
def test_rounding_never_turns_the_order_of_two_amounts(
    one: Decimal, other: Decimal, currency: Currency, rounding: Rounding
) -> None:
    low, high = min(one, other), max(one, other)
    assert round_to_minor(low, currency, rounding=rounding) <= round_to_minor(
        high, currency, rounding=rounding
    )


@given(one=intervals, other=intervals)
def test_overlapping_is_mutual_and_is_having_something_in_common(one: Interval, other: Interval) -> None:
    common = one.intersection(other)
    assert common == other.intersection(one)
    assert one.overlaps(other) == other.overlaps(one) == (common is not None)
    if common is not None:
        assert one.start <= common.start < common.end <= one.end
        assert common.covered_by([one])
        assert common.covered_by([other])


@given(whole=intervals, parts=st.lists(intervals, max_size=8))
def test_covered_means_that_every_minute_is(whole: Interval, parts: list[Interval]) -> None:
    minutes = range(int(whole.duration / timedelta(minutes=1)))
    instants = (whole.start + timedelta(minutes=minute) for minute in minutes)
    assert whole.covered_by(parts) == all(any(at in part for part in parts) for at in instants)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_the_way_to_text_and_back_but_for_what_is_finer_than_a_millisecond(
    instant: datetime,
) -> None:
    again = parse_instant(format_instant(instant))
    assert again == instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@given(one=st.lists(st.text(max_size=6), max_size=4), other=st.lists(st.text(max_size=6), max_size=4))
def test_derived_ids_are_equal_exactly_when_their_parts_are(one: list[str], other: list[str]) -> None:
    assert (derived_id(*one) == derived_id(*other)) == (one == other)
