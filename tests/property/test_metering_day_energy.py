"""A day's energy is the same however its readings arrive: order, repeats, splits, intervals or register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from kernel.interval import Interval
from kernel.local_days import days_between
from metering.energy import Direction, Key, Measurement
from metering.judgement import Known, Rules, Verdict, judge
from metering.quality import ESTIMATED_BY_REFERENCE_DAY, VALID
from metering.query import total_energy
from metering.register_rule import Exchange, RegisterRule, Terms
from metering.series import Flow, Rank, energies_within, flows_of

_DAYS = st.sampled_from(
    [
        (date(2026, 3, 29), "Europe/London"),
        (date(2026, 10, 25), "Europe/Berlin"),
        (date(2026, 3, 8), "America/New_York"),
        (date(2026, 11, 1), "America/New_York"),
        (date(2026, 7, 1), "Asia/Kolkata"),
    ]
)
_HOUR = 3_600
_MOST = 6_000  # Wh in an hour; what 120 % of 5 kW carry
_WATTS = 5_000


@dataclass(frozen=True, slots=True)
class _Day:
    """A local day, hour by hour; `modulus` is where its register starts again, at `start_stand` first."""

    period: Interval
    hours: Sequence[int]
    modulus: int
    start_stand: int

    @property
    def start(self) -> int:
        return int(self.period.start.timestamp())

    @property
    def rules(self) -> Rules:
        return {Direction.IMPORT: RegisterRule([Terms(0, self.modulus, _WATTS)])}

    @property
    def totals(self) -> list[int]:
        """What has flowed since the day began, at the start and after every hour."""
        return list(accumulate(self.hours, initial=0))


@st.composite
def _days(draw: st.DrawFn) -> _Day:
    (day,) = days_between(*[(found := draw(_DAYS))[0]] * 2, zone=found[1])
    count = int(day.period.duration.total_seconds()) // _HOUR
    hours = draw(st.lists(st.integers(0, _MOST), min_size=count, max_size=count))
    modulus = draw(st.integers(_MOST + 1, 200_000))
    return _Day(day.period, hours, modulus, draw(st.integers(0, modulus - 1)))


def _measured(start: int, end: int, watt_hours: int, quality: int = 0) -> Measurement:
    return Measurement(Direction.IMPORT, 0, 0, start, end, watt_hours, quality)


@st.composite
def _intervals(draw: st.DrawFn, day: _Day) -> list[Measurement]:
    """The hours, some of them told in parts, others together with the next."""
    found: list[Measurement] = []
    hour = 0
    while hour < len(day.hours):
        start, energy = day.start + hour * _HOUR, day.hours[hour]
        form = draw(st.sampled_from(["whole", "parts", "double"]))
        if form == "double" and hour + 1 < len(day.hours):
            found.append(_measured(start, start + 2 * _HOUR, energy + day.hours[hour + 1]))
            hour += 2
            continue
        if form == "parts":
            middle, first = draw(st.integers(1, _HOUR - 1)), draw(st.integers(0, energy))
            found.append(_measured(start, start + middle, first))
            found.append(_measured(start + middle, start + _HOUR, energy - first))
        else:
            found.append(_measured(start, start + _HOUR, energy))
        hour += 1
    return found


@st.composite
def _stands(draw: st.DrawFn, day: _Day) -> list[Measurement]:
    """The register's stands: at both ends of the day for certain, and at any of the hours between.

    As many as it takes that no whole turn lies between two.
    """
    totals = day.totals
    told = [0]
    for hour in range(1, len(totals)):
        is_last = hour == len(totals) - 1
        would_turn = not is_last and totals[hour + 1] - totals[told[-1]] >= day.modulus
        if is_last or would_turn or draw(st.booleans()):
            told.append(hour)
    instants = [(day.start + hour * _HOUR, (day.start_stand + totals[hour]) % day.modulus) for hour in told]
    return [_measured(at, at, stand) for at, stand in instants]


@st.composite
def _documents(draw: st.DrawFn, readings: Sequence[Measurement]) -> list[list[Measurement]]:
    """The readings in any order, some of them again, over any number of documents."""
    again = draw(st.lists(st.sampled_from(list(readings)), max_size=10))
    shuffled = draw(st.permutations([*readings, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=5)))
    return [list(shuffled[start:end]) for start, end in pairwise([0, *cuts, len(shuffled)])]


def _arrive(
    documents: Sequence[Sequence[Measurement]], rules: Rules
) -> tuple[dict[Key, Known], set[Verdict]]:
    """Take in documents one after the other; return what is stored, and which verdicts there were."""
    stored: dict[Key, Known] = {}
    verdicts: set[Verdict] = set()
    for document in documents:
        judged = judge(document, stored.values(), rules=rules)
        for measurement, judgement in zip(document, judged, strict=True):
            verdicts.add(judgement.verdict)
            if judgement.verdict in (Verdict.ACCEPTED, Verdict.REVISED):
                stored[measurement.key] = Known(measurement, judgement.revision)
    return stored, verdicts


def _energy(period: Interval, rules: Rules, *registers: dict[Key, Known]) -> int:
    flows: dict[Rank, list[Flow]] = {}
    for number, stored in enumerate(registers):
        flows |= flows_of(number, stored.values(), rules=rules)
    return total_energy(energies_within(period, flows)).watt_hours


@given(st.data())
def test_intervals_in_whatever_order_and_pieces(data: st.DataObject) -> None:
    day = data.draw(_days())
    stored, verdicts = _arrive(data.draw(_documents(data.draw(_intervals(day)))), {})
    assert verdicts <= {Verdict.ACCEPTED, Verdict.DUPLICATE}
    assert _energy(day.period, {}, stored) == sum(day.hours)


@given(st.data())
def test_a_registers_stands_in_whatever_order_though_it_rolls_over(data: st.DataObject) -> None:
    day = data.draw(_days())
    stored, verdicts = _arrive(data.draw(_documents(data.draw(_stands(day)))), day.rules)
    assert verdicts <= {Verdict.ACCEPTED, Verdict.DUPLICATE}
    assert _energy(day.period, day.rules, stored) == sum(day.hours)


@given(st.data())
def test_intervals_and_the_register_beside_them_count_once(data: st.DataObject) -> None:
    day = data.draw(_days())
    whole = [
        _measured(day.start + hour * _HOUR, day.start + (hour + 1) * _HOUR, energy)
        for hour, energy in enumerate(day.hours)
    ]
    missing = data.draw(st.sets(st.integers(0, len(whole) - 1)))
    intervals = [item for hour, item in enumerate(whole) if hour not in missing]
    edges = [(day.start_stand + total) % day.modulus for total in day.totals]
    stands = [
        _measured(day.start + hour * _HOUR, day.start + hour * _HOUR, at) for hour, at in enumerate(edges)
    ]
    first, _ = _arrive(data.draw(_documents(intervals)) if intervals else [], {})
    second, _ = _arrive(data.draw(_documents(stands)), day.rules)
    assert _energy(day.period, day.rules, first, second) == sum(day.hours)


@given(st.data())
def test_an_exchanged_register_whose_stands_were_read_counts_every_watt_hour(data: st.DataObject) -> None:
    day = data.draw(_days())
    hour = data.draw(st.integers(1, len(day.hours) - 1))
    first = data.draw(st.integers(0, 1_000))
    last = 10**6 + day.totals[hour]
    at = day.start + hour * _HOUR
    rules: Rules = {Direction.IMPORT: RegisterRule(exchanges=[Exchange(at, last, first)])}
    old = [10**6 + total for total in day.totals[:hour]]
    new = [first + total - day.totals[hour] for total in day.totals[hour + 1 :]]
    at_hours = [*range(hour), *range(hour + 1, len(day.totals))]
    instants = [day.start + number * _HOUR for number in at_hours]
    stands = [_measured(instant, instant, shown) for instant, shown in zip(instants, old + new, strict=True)]
    stored, verdicts = _arrive(data.draw(_documents(stands)), rules)
    assert verdicts <= {Verdict.ACCEPTED, Verdict.DUPLICATE}
    assert _energy(day.period, rules, stored) == sum(day.hours)


@given(st.data())
def test_estimates_that_came_before_or_after_their_actuals_change_nothing(data: st.DataObject) -> None:
    day = data.draw(_days())
    actuals = data.draw(_intervals(day))
    guessed = st.integers(0, _MOST)
    estimates = [
        _measured(item.start, item.end, data.draw(guessed), ESTIMATED_BY_REFERENCE_DAY)
        for item in data.draw(_intervals(day))
    ]
    first, later = data.draw(st.permutations([actuals, estimates]))
    documents = [[item] for item in first] + [[item] for item in later]
    if data.draw(st.booleans()):
        documents = [[item] for item in data.draw(st.permutations([*actuals, *estimates]))]
    stored, _ = _arrive(documents, {})
    assert _energy(day.period, {}, stored) == sum(day.hours)


@given(st.data())
def test_what_is_vouched_for_later_changes_the_quality_and_no_energy(data: st.DataObject) -> None:
    day = data.draw(_days())
    intervals = data.draw(_intervals(day))
    vouched = [_measured(item.start, item.end, item.watt_hours, VALID) for item in intervals]
    stored, _ = _arrive([*data.draw(_documents(intervals)), *data.draw(_documents(vouched))], {})
    assert {item.measurement.quality for item in stored.values()} == {VALID}
    assert _energy(day.period, {}, stored) == sum(day.hours)
