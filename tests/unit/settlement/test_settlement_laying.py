"""How much is delivered by the end of each cycle, and in which of the source's intervals it lies."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from settlement.agreement import Agreement, Matching
from settlement.quantities import CycleQuantities, quantities_by_cycle
from settlement.side import MeteredInterval
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, readings
from trading.bands import Band
from trading.charges import Subscription
from trading.matching import Billed, Losses
from trading.rates import DayRates, Price, TimeOfDayRate
from trading.terms import PricingModel, SettlementType, Terms

HOUR = timedelta(hours=1)
EARLY, LATE = Band(Decimal(1), label="early"), Band(Decimal(2), label="late")
TWO_HOURS = agree(settles=SettlementType.HOURLY)


def half(start: datetime) -> Band:
    """Return in which half of the window an interval starts."""
    return LATE if start >= WINDOW.start + 4 * HOUR else EARLY


def laid(
    exported: list[MeteredInterval], imported: list[MeteredInterval], agreement: Agreement
) -> list[CycleQuantities]:
    return quantities_by_cycle(agreement, exported=exported, imported=imported, band_of=half)


def bands(found: CycleQuantities) -> dict[Band, int]:
    return {band: energy.watt_hours for band, energy in found.to_date.bands.items()}


def hourly(*kwh: str) -> list[MeteredInterval]:
    return readings(kwh, every=HOUR)


def test_the_first_watt_hours_of_the_source_are_those_that_were_delivered() -> None:
    (day,) = laid(readings(SOURCE_KWH), readings(TARGET_KWH), agree(kwh="3"))
    assert bands(day) == {EARLY: 1_000, LATE: 2_000}
    assert (day.before.total, day.before.bands) == (Energy(0), {})


def test_energy_that_is_taken_later_has_the_price_of_when_it_was_given() -> None:
    given = hourly("2", "2", "0", "0", "0", "0", "0", "1")
    taken = hourly("0", "0", "0", "0", "1", "1", "1", "1")
    by_hour = laid(given, taken, TWO_HOURS)
    assert [found.delivered.watt_hours for found in by_hour] == [0, 0, 0, 0, 1_000, 1_000, 1_000, 1_000]
    assert bands(by_hour[6]) == {EARLY: 3_000}
    assert bands(by_hour[7]) == {EARLY: 4_000}  # nothing of the last hour is needed


def test_what_has_one_price_has_one_band() -> None:
    (day,) = quantities_by_cycle(agree(), exported=readings(SOURCE_KWH), imported=readings(TARGET_KWH))
    assert day.to_date.bands == {agree().band_of(WINDOW.start): Energy(10_000)}
    (nothing,) = quantities_by_cycle(agree(), exported=[], imported=readings(TARGET_KWH))
    assert nothing.to_date.bands == {}


def test_what_a_fee_includes_is_the_first_energy_of_its_period_and_may_end_within_an_interval() -> None:
    afternoon = TimeOfDayRate(start=time(14), end=time(16), rate=Decimal(9))
    terms = Terms(
        price=Price(per_kwh=Decimal(5), currency=Currency("USD")),
        pricing_model=PricingModel.SUBSCRIPTION,
        subscription=Subscription(fee=Money.of(1, Currency("USD")), included=Energy(2_500)),
        rates=DayRates(rates=(afternoon,)),
        settlement_type=SettlementType.HOURLY,
    )
    given = hourly(*["1"] * 6, "0", "2")
    hours = quantities_by_cycle(replace(agree(), terms=terms), exported=given, imported=given)
    told = [{str(band): energy.watt_hours for band, energy in found.to_date.bands.items()} for found in hours]
    within, cheap, dear = (
        f"2024-10-01 {label}" for label in ("within the fee", "other hours", "14:00-16:00")
    )
    assert told[1] == {within: 2_000}
    assert told[2] == {within: 2_500, cheap: 500}
    assert told[5] == {within: 2_500, cheap: 1_500, dear: 2_000}
    assert told[7] == {within: 2_500, cheap: 3_500, dear: 2_000}


def test_interval_by_interval_too_much_in_one_makes_up_for_nothing_in_another() -> None:
    by_interval = replace(agree(), matching=Matching.INTERVAL)
    (day,) = laid(readings(SOURCE_KWH), readings(TARGET_KWH), by_interval)
    assert day.delivered == Energy(9_500)  # 0.3 + 0.5 + 0.7 + 8.0; over the window it would be 10.0
    assert bands(day) == {EARLY: 800, LATE: 8_700}


def test_the_contract_caps_the_running_sum_of_each_side() -> None:
    by_interval = replace(agree(kwh="4", settles=SettlementType.HOURLY), matching=Matching.INTERVAL)
    hours = laid(hourly(*["1"] * 8), hourly(*["1"] * 8), by_interval)
    assert [found.delivered.watt_hours for found in hours] == [1_000] * 4 + [0] * 4
    assert bands(hours[-1]) == {EARLY: 4_000}
    hours = laid(hourly(*["1"] * 8), hourly(*["2"] * 8), by_interval)
    assert [found.delivered.watt_hours for found in hours] == [1_000] * 2 + [0] * 6


def test_what_one_side_gave_unmatched_is_not_given_again() -> None:
    """Whoever comes next on the meter is served after the first 2 kWh, whatever became of them."""
    by_interval = replace(agree(kwh="2", settles=SettlementType.HOURLY), matching=Matching.INTERVAL)
    hours = laid(hourly(*["1"] * 8), hourly("0", *["1"] * 7), by_interval)
    assert [found.delivered.watt_hours for found in hours] == [0, 1_000, *[0] * 6]


def test_an_interval_of_which_one_side_is_silent_delivers_nothing() -> None:
    by_interval = replace(TWO_HOURS, matching=Matching.INTERVAL)
    some = hourly("1", "1", "1", "1", "1", "1", "1", "1")
    hours = laid(some[:3] + some[4:], some[1:], by_interval)
    assert [found.delivered.watt_hours for found in hours] == [0, 1_000, 1_000, 0, *[1_000] * 4]


@pytest.mark.parametrize("longer", ["source", "target"])
def test_intervals_of_different_lengths_are_compared_where_both_are_whole(longer: str) -> None:
    by_interval = replace(TWO_HOURS, contracted=Energy(13_000), matching=Matching.INTERVAL)
    short = hourly("3", "1", "0", "1", "2", "2", "2", "2")
    long = readings(["3", "3", "3", "3"])
    sides = (long, short) if longer == "source" else (short, long)
    hours = laid(*sides, by_interval)
    assert [found.delivered.watt_hours for found in hours] == [0, 3_000, 0, 1_000, 0, 3_000, 0, 3_000]
    assert bands(hours[-1]) == {EARLY: 4_000, LATE: 6_000}


def test_within_a_stretch_energy_is_laid_on_the_source_in_order_of_time() -> None:
    by_interval = replace(agree(), matching=Matching.INTERVAL)
    source = hourly("0", "0", "1", "2", "4", "1", "0", "0")
    (day,) = laid(source, readings(["5"], every=WINDOW.duration), by_interval)
    assert bands(day) == {EARLY: 3_000, LATE: 2_000}


def lossy(agreement: Agreement, factor: str, billed: Billed = Billed.ARRIVED) -> Agreement:
    return replace(agreement, terms=replace(agreement.terms, losses=Losses(Decimal(factor), billed)))


def test_what_arrives_of_the_total_is_what_can_be_taken() -> None:
    hours = laid(hourly("3", "3", "4"), hourly("4", "4", "4"), lossy(TWO_HOURS, "0.0501"))
    assert [found.to_date.total.watt_hours for found in hours[:3]] == [2_849, 5_699, 9_499]  # rounded down
    assert bands(hours[-1]) == {EARLY: 9_499}
    assert hours[-1].exported.to_date == Energy(10_000)


def test_the_contracted_energy_is_what_arrives_or_what_is_sent() -> None:
    much = readings(["20"] * 4)
    (arrived,) = laid(much, much, lossy(agree(), "0.2"))
    assert arrived.delivered == Energy(10_000)
    (sent,) = laid(much, much, lossy(agree(), "0.2", Billed.SENT))
    assert sent.delivered == Energy(10_000)
    (sent,) = laid(much, readings(["2"] * 4), lossy(agree(), "0.2", Billed.SENT))
    assert sent.delivered == Energy(10_000)  # for the 8 that arrived
    (sent,) = laid(much, readings(["1"] * 4), lossy(agree(), "0.2", Billed.SENT))
    assert sent.delivered == Energy(5_000)


def test_energy_that_arrived_has_the_price_of_when_it_was_sent() -> None:
    (day,) = laid(readings(["1", "1", "1", "1"]), readings(["0", "0", "0", "9"]), lossy(agree(), "0.5"))
    assert bands(day) == {EARLY: 1_000, LATE: 1_000}
    (day,) = laid(
        readings(["1", "1", "1", "1"]), readings(["0", "0", "0", "9"]), lossy(agree(), "0.5", Billed.SENT)
    )
    assert bands(day) == {EARLY: 2_000, LATE: 2_000}


@pytest.mark.parametrize("billed", list(Billed))
def test_losses_are_taken_off_each_interval_that_is_matched_by_itself(billed: Billed) -> None:
    by_interval = replace(lossy(agree(), "0.5", billed), matching=Matching.INTERVAL)
    (day,) = laid(hourly("0.001", "0.001", "2"), hourly("1", "1", "0.4"), by_interval)
    assert day.delivered == Energy(400 if billed is Billed.ARRIVED else 800)
    (long,) = laid(hourly("2", "2"), readings(["1"]), by_interval)
    assert long.delivered == Energy(1_000 if billed is Billed.ARRIVED else 2_000)
