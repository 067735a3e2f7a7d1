"""Energy laid evenly: against an oracle that walks through the window minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.energy import Energy
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
    quantity=st.integers(0, 10**12),
)
def test_every_band_gets_its_part_of_the_time_to_the_watt_hour(
    agreed: Terms,
    start: datetime,
    offset: int,
    steps: int,
    promoted: tuple[int, int],
    zone: str,
    quantity: int,
) -> None:
    window = Interval(start + offset * STEP, start + (offset + steps) * STEP)
    begin = window.start + promoted[0] * STEP
    validity = Interval(begin, begin + promoted[1] * STEP)
    agreed = replace(agreed, promotions=tuple(replace(p, validity=validity) for p in agreed.promotions))
    if agreed.by_interval is not None:
        agreed = replace(agreed, by_interval=replace(agreed.by_interval, start=begin))
    expected: dict[Band, int] = {}
    for number in range(steps):
        band = agreed.band_of(window.start + number * STEP, zone)
        expected[band] = expected.get(band, 0) + 1
    laid = lay_flat(Energy(quantity), agreed, window=window, zone=zone)
    assert laid.keys() == expected.keys()
    assert sum(energy.watt_hours for energy in laid.values()) == quantity
    for band, count in expected.items():
        assert abs(laid[band].watt_hours - Fraction(quantity * count, steps)) < 1
