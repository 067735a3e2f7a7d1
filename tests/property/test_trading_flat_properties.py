"""Energy laid evenly: against an oracle that walks through the window minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from tests.support import term_strategies
from trading.bands import Band
from trading.flat import lay_flat
from trading.terms import Terms

ZONES: Final = ("UTC", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo")
CHANGES: Final = (
    datetime(2026, 3, 28, 20, tzinfo=UTC),
    datetime(2026, 10, 24, 20, tzinfo=UTC),
    datetime(2026, 4, 3, 12, tzinfo=UTC),
    datetime(2026, 4, 22, 20, tzinfo=UTC),
    datetime(2026, 1, 30, 22, tzinfo=UTC),
)
STEP: Final = timedelta(minutes=5)


@settings(max_examples=60, deadline=None)
@given(
    agreed=term_strategies.terms(),
    start=st.sampled_from(CHANGES),
    offset=st.integers(0, 200),
    steps=st.integers(1, 1_500),
    promoted=st.tuples(st.integers(0, 700), st.integers(1, 700)),
    zone=st.sampled_from(ZONES),
    energy=st.tuples(st.integers(0, 10**12), st.none() | st.integers(0, 100)),
)
def test_every_band_gets_its_part_of_the_time_to_the_watt_hour(
    agreed: Terms,
    start: datetime,
    offset: int,
    steps: int,
    promoted: tuple[int, int],
    zone: str,
    energy: tuple[int, int | None],
) -> None:
    quantity, included = energy
    window = Interval(start + offset * STEP, start + (offset + steps) * STEP)
    begin = window.start + promoted[0] * STEP
    validity = Interval(begin, begin + promoted[1] * STEP)
    agreed = replace(agreed, promotions=tuple(replace(p, validity=validity) for p in agreed.promotions))
    if agreed.subscription is not None and included is not None:
        subscription = replace(agreed.subscription, included=Energy(quantity * included // 100))
        agreed = replace(agreed, subscription=subscription)
    if agreed.by_interval is not None:
        agreed = replace(agreed, by_interval=replace(agreed.by_interval, start=begin))
    expected: dict[Band, Fraction] = {}
    left: dict[date | None, Fraction] = {}
    for number in range(steps):
        band = agreed.band_of(window.start + number * STEP, zone)
        flows = Fraction(quantity, steps)
        if agreed.allowance is not None:
            free = left.setdefault(band.period, Fraction(agreed.allowance.watt_hours))
            within = min(free, flows)
            left[band.period] = free - within
            flows -= within
            fee = Band(Decimal(0), label="within the fee", period=band.period)
            expected[fee] = expected.get(fee, Fraction(0)) + within
        expected[band] = expected.get(band, Fraction(0)) + flows
    laid = lay_flat(Energy(quantity), agreed, window=window, zone=zone)
    assert laid.keys() <= expected.keys()
    assert sum(energy.watt_hours for energy in laid.values()) == quantity
    for band, exact in expected.items():
        assert abs(laid.get(band, ZERO_ENERGY).watt_hours - exact) < 1
