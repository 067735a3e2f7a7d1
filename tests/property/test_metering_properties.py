"""What holds of every document and every series of readings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kernel.interval import Interval
from metering.documents import (
    MirrorMeterReading,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.energy import Direction, Key, Measurement, Scale, measure, scale_of
from metering.judgement import Known, Verdict, judge
from metering.quality import ESTIMATED_BY_INTERPOLATION, ESTIMATED_BY_REFERENCE_DAY, FORECAST, MANUALLY_EDITED
from metering.query import total_energy
from metering.sep.elements import MeterDocumentRefused
from metering.sep.reader import read_mirror_document
from metering.sep.writer import write_mirror_usage_point
from metering.series import energies_within, flows_of
from tests.support.metering_documents import document, reading

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UINT8, _UINT16, _UINT32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
_MRIDS = st.integers(1, 2**128 - 1).map(lambda number: f"{number:032X}")
_PERIODS = st.builds(TimePeriod, start=st.integers(-(10**14), 10**14), duration=_UINT32)
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=32)
_READINGS = st.builds(
    Reading,
    value=st.none() | st.integers(-(2**47), 2**47),
    time_period=st.none() | _PERIODS,
    quality_flags=_UINT16,
    tou_tier=_UINT8,
    consumption_block=_UINT8,
    local_id=st.none() | _UINT16,
)
_READING_TYPES = st.builds(
    ReadingType,
    accumulation_behaviour=_UINT8,
    commodity=_UINT8,
    data_qualifier=_UINT8,
    flow_direction=_UINT8,
    interval_length=st.none() | _UINT32,
    kind=_UINT8,
    number_of_consumption_blocks=_UINT8,
    number_of_tou_tiers=_UINT8,
    phase=_UINT8,
    power_of_ten_multiplier=st.integers(-9, 9),
    uom=_UINT8,
)
_READING_SETS = st.builds(
    MirrorReadingSet,
    mrid=st.none() | _MRIDS,
    readings=st.lists(_READINGS, max_size=4).map(tuple),
    time_period=st.none() | _PERIODS,
    version=_UINT16,
)


@st.composite
def _registers(draw: st.DrawFn) -> MirrorMeterReading:
    mrid = draw(_MRIDS)
    return MirrorMeterReading(
        mrid=mrid,
        mrid_as_sent=mrid,
        reading_type=draw(st.none() | _READING_TYPES),
        reading=draw(st.none() | _READINGS),
        reading_sets=tuple(draw(st.lists(_READING_SETS, max_size=3))),
        description=draw(st.none() | _TEXT),
        version=draw(_UINT16),
    )


@st.composite
def _meters(draw: st.DrawFn) -> MirrorUsagePoint:
    mrid = draw(_MRIDS)
    return MirrorUsagePoint(
        mrid=mrid,
        mrid_as_sent=mrid.lower(),
        device_lfdi=draw(
            st.just("") | st.binary(min_size=20, max_size=20).map(lambda lfdi: lfdi.hex().upper())
        ),
        role_flags=draw(_UINT16),
        service_category_kind=draw(_UINT8),
        status=draw(_UINT8),
        meter_readings=tuple(draw(st.lists(_registers(), max_size=3))),
        description=draw(st.none() | _TEXT),
        version=draw(_UINT16),
        post_rate=draw(st.none() | _UINT32),
    )


@given(_meters())
def test_a_document_survives_being_written_and_read(told: MirrorUsagePoint) -> None:
    assert read_mirror_document(write_mirror_usage_point(told)) == told


@given(st.data())
def test_a_damaged_document_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    raw = bytearray(document(reading(1), reading(2, quarter=1)))
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    with suppress(MeterDocumentRefused):
        read_mirror_document(bytes(raw))


@given(value=st.integers(0, 2**47), power=st.integers(-9, 9))
def test_scaled_energy_is_exact_or_not_taken(value: int, power: int) -> None:
    kind = ReadingType(accumulation_behaviour=4, flow_direction=1, uom=72, power_of_ten_multiplier=power)
    scale = scale_of(kind)
    assert isinstance(scale, Scale)
    outcome = measure(reading(value), scale)
    if isinstance(outcome, Measurement):
        assert outcome.watt_hours * 10 ** max(-power, 0) == value * 10 ** max(power, 0)


@st.composite
def _series(draw: st.DrawFn) -> list[Measurement]:
    """Intervals that do not overlap, of all lengths, with gaps."""
    edges = sorted(draw(st.sets(st.integers(0, 5000), min_size=2, max_size=25)))
    return [
        Measurement(Direction.IMPORT, 0, 0, start, end, draw(st.integers(0, 10_000)), 0)
        for start, end in pairwise(edges)
        if draw(st.integers(0, 4))
    ]


@st.composite
def _stands(draw: st.DrawFn) -> list[Measurement]:
    """Stands of a register that only rises."""
    instants = sorted(draw(st.sets(st.integers(0, 5000), max_size=25)))
    total, stands = 0, []
    for instant in instants:
        total += draw(st.integers(0, 10_000))
        stands.append(Measurement(Direction.IMPORT, 0, 0, instant, instant, total, 0))
    return stands


_EDGES = st.lists(st.integers(-100, 5100), min_size=3, max_size=8, unique=True).map(sorted)


def _energy(series: Sequence[Measurement], start: int, end: int, *, also: Sequence[Measurement] = ()) -> int:
    window = Interval(_EPOCH + timedelta(seconds=start), _EPOCH + timedelta(seconds=end))
    flows = flows_of(1, [Known(item, 0) for item in series]) | flows_of(2, [Known(item, 0) for item in also])
    return total_energy(energies_within(window, flows)).watt_hours


@given(series=_series() | _stands(), also=_series() | _stands(), edges=_EDGES)
def test_windows_side_by_side_add_up_to_the_window_over_all(
    series: list[Measurement], also: list[Measurement], edges: list[int]
) -> None:
    parts = sum(_energy(series, start, end, also=also) for start, end in pairwise(edges))
    assert parts == _energy(series, edges[0], edges[-1], also=also)


@given(series=_series(), edges=_EDGES)
def test_deltas_and_the_register_they_add_up_to_say_the_same(
    series: list[Measurement], edges: list[int]
) -> None:
    total, stands = 0, [Measurement(Direction.IMPORT, 0, 0, -1000, -1000, 0, 0)]
    for item in series:
        stands.append(Measurement(Direction.IMPORT, 0, 0, item.start, item.start, total, 0))
        total += item.watt_hours
        stands.append(Measurement(Direction.IMPORT, 0, 0, item.end, item.end, total, 0))
    unique = list({stand.key: stand for stand in stands}.values())
    whole = [edge for item in series for edge in (item.start, item.end)] or edges
    assert _energy(unique, min(whole), max(whole)) == _energy(series, min(whole), max(whole))


def _arrive(batches: Sequence[Sequence[Measurement]]) -> dict[Key, Known]:
    """Take in batches one after the other, as documents do."""
    stored: dict[Key, Known] = {}
    for batch in batches:
        judged = judge(batch, stored.values())
        for measurement, judgement in zip(batch, judged, strict=True):
            if judgement.verdict in (Verdict.ACCEPTED, Verdict.REVISED):
                stored[measurement.key] = Known(measurement, judgement.revision)
    return stored


@given(st.data())
def test_the_order_in_which_readings_arrive_does_not_matter(data: st.DataObject) -> None:
    series = data.draw(_series() | _stands())
    repeats = data.draw(st.lists(st.sampled_from(series))) if series else []
    shuffled = data.draw(st.permutations(series + repeats))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    batches = [shuffled[start:end] for start, end in pairwise([0, *cuts, len(shuffled)])]
    assert _arrive(batches) == _arrive([series])


@given(series=_series() | _stands())
def test_a_second_arrival_changes_nothing(series: list[Measurement]) -> None:
    stored = _arrive([series])
    assert {item.verdict for item in judge(series, stored.values())} <= {Verdict.DUPLICATE}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(0, 2)), max_size=12))
def test_whatever_is_offered_what_is_taken_never_overlaps(raw: list[tuple[int, int, int]]) -> None:
    offered = [
        Measurement(Direction.IMPORT, tier, 0, start, start + length, 1, 0) for start, length, tier in raw
    ]
    middle = len(offered) // 2
    taken = [item.measurement for item in _arrive([offered[:middle], offered[middle:]]).values()]
    for one in taken:
        for other in taken:
            apart = (
                one.end <= other.start or other.end <= one.start or 0 != one.tou_tier != other.tou_tier != 0
            )
            assert one is other or apart


_HOUR, _HOURS = 60, 3
_QUALITIES = st.sampled_from(
    [0, MANUALLY_EDITED, ESTIMATED_BY_INTERPOLATION, ESTIMATED_BY_REFERENCE_DAY, MANUALLY_EDITED | FORECAST]
)
_STATEMENTS = st.sampled_from([_HOUR // 4, _HOUR // 2, _HOUR]).flatmap(
    lambda length: st.builds(
        lambda place, quality: Measurement(
            Direction.IMPORT, 0, 0, place * length, (place + 1) * length, length, quality
        ),
        place=st.integers(0, _HOURS * _HOUR // length - 1),
        quality=_QUALITIES,
    )
)
"""Of a load of 1 Wh in every second: measured, edited or estimated, by quarters, halves and hours."""


@given(st.lists(st.lists(_STATEMENTS, max_size=6), max_size=10))
def test_actuals_of_two_lengths_and_estimates_never_say_more_than_flowed(
    documents: list[list[Measurement]],
) -> None:
    stored = _arrive(documents)
    window = Interval(_EPOCH, _EPOCH + timedelta(seconds=_HOURS * _HOUR))
    energies = energies_within(window, flows_of(1, stored.values()))
    covered = sum(each.period.duration.total_seconds() for each in energies)
    assert total_energy(energies).watt_hours == covered <= _HOURS * _HOUR
    for one, other in pairwise(energies):
        assert one.period.end <= other.period.start
