"""The express lane decides as the ordinary way does: what it reads, what it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from metering.documents import ReadingType
from metering.energy import Measurement, Scale, measure, scale_of
from metering.judgement import Verdict, judge
from metering.reading_columns import ReadingColumns
from metering.sep.elements import NAMESPACE
from metering.sep.plain_runs import MARK, lift_plain_runs
from metering.sep.reader import read_mirror_document
from metering.sep.writer import write_mirror_usage_point
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeGate
from metering.wholesale import Wholesale, measure_wholesale
from tests.support.meter_reader import read, read_as_a_tree
from tests.support.metering_documents import day_of_readings, meter, reading, register

_NOW: Final = datetime(2026, 3, 15, tzinfo=UTC)
_GATE: Final = TimeGate.at(_NOW, DEFAULT_TIME_LIMITS)
_PLAIN: Final = write_mirror_usage_point(
    meter(
        register([reading(5, quality=1), reading(6, quarter=1), reading(7, quarter=2, tou_tier=3)]),
        register(day_of_readings()[:2], mrid="0100200302"),
    )
)
_READING: Final = (
    b"<Reading><timePeriod><duration>900</duration><start>0</start></timePeriod><value>1</value></Reading>"
)
_DISTURBANCES: Final = (
    b"<!-- ",
    b" -->",
    b"<![CDATA[",
    b"]]>",
    b"<?target data?>",
    b"<!DOCTYPE x>",
    b"&amp;",
    b"&#49;",
    b" ",
    b"\n",
    b"-",
    b"0",
    b"999999",
    b"<Reading/>",
    b"<Reading>",
    b"</Reading>",
    _READING,
    b"<description>" + _READING + b"</description>",
    b"<x:Reading xmlns:x='urn:x'/>",
    b" xmlns='urn:other'",
    f" xmlns='{NAMESPACE}'".encode(),
    f"<{MARK}>0</{MARK}>".encode(),
    b"\xff",
    b"\x00",
)
_FULL: Final = (
    f'<MirrorUsagePoint xmlns="{NAMESPACE}"><mRID>01</mRID><MirrorMeterReading><mRID>02</mRID>%s'
    "</MirrorMeterReading></MirrorUsagePoint>"
)


@given(st.lists(st.tuples(st.integers(0, len(_PLAIN)), st.sampled_from(_DISTURBANCES)), max_size=3))
@example([])
def test_a_document_says_the_same_by_runs_as_by_its_tree(changes: list[tuple[int, bytes]]) -> None:
    raw = _PLAIN
    for place, disturbance in sorted(changes, reverse=True):
        raw = raw[:place] + disturbance + raw[place:]
    assert read(raw) == read_as_a_tree(raw)


@given(st.integers(0, len(_PLAIN)), st.integers(0, 40))
def test_what_is_cut_out_of_a_document_is_missed_alike(place: int, length: int) -> None:
    raw = _PLAIN[:place] + _PLAIN[place + length :]
    assert read(raw) == read_as_a_tree(raw)


def test_runs_are_lifted_where_nothing_stands_against_it() -> None:
    rest, runs = lift_plain_runs(_PLAIN)
    assert [len(run) for run in runs] == [3, 2]
    assert b"<Reading>" not in rest


def test_a_reading_in_a_comment_counts_in_neither_way() -> None:
    raw = _PLAIN.replace(b"<status>", b"<!--" + _READING + b"--><status>")
    assert lift_plain_runs(raw) == (raw, ())
    assert read(raw) == read(_PLAIN)


def test_a_mark_that_the_sender_wrote_is_an_element_like_any_unknown_one() -> None:
    mark = f"<{MARK}>0</{MARK}>".encode()
    for raw in (
        _PLAIN.replace(b"</MirrorMeterReading>", mark + b"</MirrorMeterReading>"),
        _PLAIN.replace(b"<Reading>", mark + b"<Reading>"),
    ):
        assert lift_plain_runs(raw) == (raw, ())
        assert read(raw) == read(_PLAIN)


def test_two_readings_of_a_register_outside_a_set_are_refused() -> None:
    said = read((_FULL % (_READING * 2).decode()).encode())
    assert isinstance(said, str)
    assert "Reading is there twice" in said


def test_a_value_out_of_range_is_complained_of_at_its_place() -> None:
    said = read((_FULL % _READING.replace(b">1<", b">999999999999999<").decode()).encode())
    assert isinstance(said, str)
    assert "out of the range of Int48" in said


_STARTS: Final = st.integers(_GATE.earliest_start - 900, _GATE.latest_end + 900)
_ROWS: Final = st.tuples(
    st.one_of(st.integers(0, 96).map(lambda quarter: int(_NOW.timestamp()) - 900 * (quarter + 1)), _STARTS),
    st.sampled_from((900, 900, 900, 1800, 0, 92 * 86_400, 92 * 86_400 + 1)),
    st.one_of(st.integers(0, 5_000), st.integers(-(2**47), 2**47)),
    st.sampled_from((0, 0, 0, 0, 1)),
)
_KINDS: Final = st.builds(
    ReadingType,
    accumulation_behaviour=st.sampled_from((4, 4, 4, 9)),
    flow_direction=st.sampled_from((1, 19)),
    power_of_ten_multiplier=st.sampled_from((0, 0, 3, 9, -1, -3)),
    uom=st.just(72),
)


@given(st.lists(_ROWS, min_size=1, max_size=12), _KINDS, st.booleans())
def test_what_is_taken_as_a_whole_is_what_would_be_taken_one_by_one(
    rows: list[tuple[int, int, int, int]], kind: ReadingType, in_order: bool
) -> None:
    columns = _columns(sorted(rows) if in_order else rows)
    scale = scale_of(kind)
    assert isinstance(scale, Scale)
    (whole,) = measure_wholesale([columns], scale, _GATE)
    measured = [measure(each, scale) for each in columns]
    plain = [each for each in measured if isinstance(each, Measurement) and not _GATE.doubt(each)]
    if whole is None:
        return
    assert len(plain) == len(measured)
    assert [each.verdict for each in judge(plain, ())] == [Verdict.ACCEPTED] * len(plain)
    assert [(each.start, each.end, each.watt_hours, each.quality) for each in plain] == list(
        zip(
            *(column.tolist() for column in (whole.start, whole.end, whole.watt_hours, whole.quality)),
            strict=True,
        )
    )
    assert {each.lane for each in plain} == {whole.lane}


def test_a_plain_day_is_taken_as_a_whole() -> None:
    document = read_mirror_document(_PLAIN)
    columns = document.meter_readings[1].reading_sets[0].readings
    scale = scale_of(ReadingType(accumulation_behaviour=4, flow_direction=1, uom=72))
    assert isinstance(columns, ReadingColumns)
    assert isinstance(scale, Scale)
    assert measure_wholesale([columns], scale, _GATE) != [None]


@given(st.lists(st.lists(_ROWS, min_size=1, max_size=5), max_size=6), _KINDS)
def test_runs_that_are_measured_together_measure_what_each_does_alone(
    runs: list[list[tuple[int, int, int, int]]], kind: ReadingType
) -> None:
    columns, scale = [_columns(sorted(rows)) for rows in runs], scale_of(kind)
    assert isinstance(scale, Scale)
    together = measure_wholesale(columns, scale, _GATE)
    alone = [one for each in columns for one in measure_wholesale([each], scale, _GATE)]
    assert list(map(_said, together)) == list(map(_said, alone))


def _said(whole: Wholesale | None) -> list[list[int]] | None:
    if whole is None:
        return None
    columns = (whole.start, whole.end, whole.watt_hours, whole.quality)
    return [[whole.direction], *(column.tolist() for column in columns)]


def _columns(rows: list[tuple[int, int, int, int]]) -> ReadingColumns:
    start, duration, value, tier = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    nothing = np.zeros(len(rows), dtype=np.int64)
    return ReadingColumns(
        start=start,
        duration=duration,
        value=value,
        quality_flags=nothing,
        tou_tier=tier,
        consumption_block=nothing,
        local_id=nothing - 1,
    )
