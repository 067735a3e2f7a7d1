"""The simulated world: it repeats, it obeys the sun, and no watt-hour is lost in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest

from degnode.simulation import libraries
from degnode.simulation.libraries import SimulationNotInstalled
from degnode.simulation.places import Place
from degnode.simulation.premises import Battery, Premises, Roof, make_premises
from degnode.simulation.run import run
from degnode.simulation.slots import SLOTS_PER_HOUR, Slots
from degnode.simulation.standard_load import Profile
from degnode.simulation.sun import clear_sky_watts
from degnode.simulation.world import Span, SpanInvalid, simulate
from tests.support.simulated_world import BERLIN, DELHI, QUARTER, SUMMER, SYDNEY, meter, plan, span

HOUSE = Premises(number=1, mrid="0" * 30, annual_kwh=3_600)
SOLAR = replace(HOUSE, roof=Roof(peak_watts=5_000, tilt=25, azimuth=180))
WINTER = datetime(2026, 12, 1, tzinfo=UTC)


def bytes_of(seed: int) -> list[bytes]:
    return [
        document.on_its_own()
        for one in run(plan("gap:0.02", "late:0.2", "drift:0.5", seed=seed, telemetry=True))
        for document in (one.introduction, *one.documents)
    ]


def test_the_same_seed_makes_the_same_bytes_and_another_seed_another_world() -> None:
    assert bytes_of(7) == bytes_of(7)
    assert bytes_of(7) != bytes_of(8)


def test_a_longer_run_begins_like_a_shorter_one_and_more_meters_change_none() -> None:
    short, long = list(run(plan(meters=4))), list(run(plan(meters=6, span=span(days=3))))
    for one, other in zip(short, long[:4], strict=True):
        assert one.history.premises == other.history.premises
        assert one.history.imported == other.history.imported[:96]
        assert one.history.exported == other.history.exported[:96]


def test_a_wish_for_a_fault_changes_nothing_that_truly_flows_and_no_other_fault() -> None:
    alone, beside = meter(2, "gap:0.05"), meter(2, "gap:0.05", "late:0.5")
    assert alone.history == beside.history
    assert set(alone.faults) <= set(beside.faults)


@pytest.mark.parametrize("place", [DELHI, BERLIN], ids=lambda place: place.name)
@pytest.mark.parametrize("day", [SUMMER, WINTER], ids=["June", "December"])
def test_no_roof_makes_anything_at_night_and_every_roof_at_noon(place: Place, day: datetime) -> None:
    solar_midnight = int(day.timestamp()) - int(place.longitude * 240) // 300 * 300
    hours = SLOTS_PER_HOUR
    watts = clear_sky_watts(place, Slots(solar_midnight, 24 * hours), tilt=25, azimuth=180)
    assert set(watts[: 3 * hours] + watts[21 * hours :]) == {0}
    assert min(watts[11 * hours : 13 * hours]) > 100


@pytest.mark.parametrize(("place", "brighter"), [(DELHI, SUMMER), (BERLIN, SUMMER), (SYDNEY, WINTER)])
def test_summer_brings_more_than_winter_on_either_side_of_the_equator(
    place: Place, brighter: datetime
) -> None:
    made = {
        day: sum(clear_sky_watts(place, span(start=day).slots, tilt=10, azimuth=place.facing_the_sun))
        for day in (SUMMER, WINTER)
    }
    assert max(made, key=lambda day: made[day]) == brighter


def test_a_roof_to_the_east_makes_its_energy_before_one_to_the_west() -> None:
    def middle(azimuth: int) -> int:
        sums = list(accumulate(clear_sky_watts(DELHI, span().slots, tilt=40, azimuth=azimuth)))
        return next(at for at, made in enumerate(sums) if made >= sums[-1] // 2)

    assert middle(90) < middle(180) < middle(270)


def test_no_meter_gives_more_than_its_roof_can_make_in_the_time() -> None:
    for one in run(plan(meters=20, span=span(days=7))):
        roof = one.history.premises.roof
        most = -(-roof.peak_watts // 4) if roof else 0  # Wh in a quarter hour, begun ones carried
        assert max(one.history.exported) <= most


def test_what_flows_is_the_same_however_long_the_intervals_are() -> None:
    premises = [make_premises(number, place=BERLIN, seed=3) for number in range(1, 9)]
    quarters = list(simulate(premises, span(days=2), place=BERLIN, seed=3))
    for step in (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1)):
        for fine, coarse in zip(
            quarters, simulate(premises, span(days=2, step=step), place=BERLIN, seed=3), strict=True
        ):
            assert sum(fine.imported) == sum(coarse.imported)
            assert sum(fine.exported) == sum(coarse.exported)


@pytest.mark.parametrize("profile", Profile)
def test_a_year_of_a_house_or_shop_comes_to_what_it_uses_in_a_year(profile: Profile) -> None:
    year = Span(start=datetime(2026, 1, 1, tzinfo=UTC), step=timedelta(hours=1), length=timedelta(days=365))
    (history,) = simulate([replace(HOUSE, profile=profile)], year, place=BERLIN, seed=7)
    assert 3_400_000 < sum(history.imported) < 3_800_000
    assert sum(history.exported) == 0


def test_a_household_uses_less_at_night_than_in_the_evening_of_its_own_zone() -> None:
    for place in (DELHI, BERLIN, SYDNEY):
        (history,) = simulate([HOUSE], span(days=28, step=timedelta(hours=1)), place=place, seed=7)
        offset = round(place.longitude / 15)
        by_hour = [sum(history.imported[(hour - offset) % 24 :: 24]) for hour in range(24)]
        assert 3 * by_hour[3] < 2 * by_hour[19]


def test_a_car_charges_in_the_evening_and_at_most_once_a_day() -> None:
    start = datetime(2026, 6, 1, 18, 30, tzinfo=UTC)  # midnight in Delhi
    days = 30
    for_days = span(start=start, days=days, step=timedelta(hours=1))
    with_car, without = simulate([replace(HOUSE, has_car=True), HOUSE], for_days, place=DELHI, seed=7)
    more = [one - other for one, other in zip(with_car.imported, without.imported, strict=True)]
    assert all(abs(more[hour]) <= 1 for day in range(days) for hour in range(24 * day + 1, 24 * day + 17))
    assert days * 3_000 < sum(more) < days * 16_100


def test_a_battery_takes_from_what_would_be_given_and_saves_what_would_be_bought() -> None:
    stored = replace(SOLAR, battery=Battery(capacity=8_000, power=3_000))
    plain, kept = simulate([SOLAR, stored], span(days=7), place=DELHI, seed=7)
    saved = sum(plain.imported) - sum(kept.imported)
    taken = sum(plain.exported) - sum(kept.exported)
    assert 0 < saved < 8_000 * 7
    assert saved < taken + 4_000  # half of it was there already, some is lost on the way


def test_days_of_92_and_100_quarter_hours_and_the_turn_of_a_leap_year_are_simulated_like_others() -> None:
    for start in (datetime(2026, 3, 28), datetime(2026, 10, 24), datetime(2028, 12, 30)):  # noqa: DTZ001
        days = span(start=start.replace(tzinfo=UTC), days=3)
        for place in (BERLIN, SYDNEY):
            (history,) = simulate([HOUSE], days, place=place, seed=7)
            assert history.count == 3 * 96
            assert min(history.imported) > 0


def test_net_power_points_the_way_the_energy_flows() -> None:
    (history,) = simulate([SOLAR], span(step=timedelta(minutes=5)), place=DELHI, seed=7)
    for taken, given, watts in zip(history.imported, history.exported, history.net_watts, strict=True):
        assert (taken - given) * watts >= 0
        assert abs(watts - 12 * (taken - given)) <= 12


@pytest.mark.parametrize(
    ("start", "step", "length", "words"),
    [
        (SUMMER, timedelta(minutes=7), timedelta(days=1), "not made of five minutes"),
        (SUMMER, timedelta(0), timedelta(days=1), "not made of five minutes"),
        (SUMMER, timedelta(days=2), timedelta(days=4), "longer than a day"),
        (SUMMER + timedelta(seconds=1), QUARTER, timedelta(days=1), "does not stand on five minutes"),
        (SUMMER, QUARTER, timedelta(minutes=10), "no whole interval"),
    ],
)
def test_a_time_that_is_not_made_of_whole_intervals_is_refused_in_words(
    start: datetime, step: timedelta, length: timedelta, words: str
) -> None:
    with pytest.raises(SpanInvalid, match=words):
        Span(start=start, step=step, length=length)


def test_without_its_libraries_the_world_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "LIBRARIES", ("pvlib", "no_such_library"))
    with pytest.raises(SimulationNotInstalled, match=r"needs no_such_library.*pip install 'degnode\[sim"):
        run(plan())
