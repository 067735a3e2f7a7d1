"""Readings that are written alike are read as one block, and say there what they say as elements."""

from __future__ import annotations

import re
import tracemalloc
from typing import Final
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from metering.reading_columns import ReadingColumns
from metering.sep.reader import read_mirror_document
from metering.sep.uniform_run import read_uniform_run
from metering.sep.writer import write_mirror_usage_point
from tests.support.meter_reader import read, read_as_a_tree
from tests.support.metering_documents import meter, reading, register

_RAW: Final = write_mirror_usage_point(
    meter(register([reading(7 * quarter**2, quarter=quarter, quality=0x1A) for quarter in range(9)]))
)
_RUN: Final = _RAW[_RAW.index(b"<Reading>") : _RAW.rindex(b"</Reading>") + len(b"</Reading>")]
_VALUES: Final = st.lists(st.integers(0, 2**47), min_size=1, max_size=20)
_BLANKS: Final = st.text(" \t\r\n", max_size=3)


@given(st.integers(0, len(_RAW) - 1), st.integers(0, 255))
def test_one_byte_that_is_another_one_is_seen_alike(place: int, byte: int) -> None:
    raw = _RAW[:place] + bytes([byte]) + _RAW[place + 1 :]
    assert read(raw) == read_as_a_tree(raw)


@given(st.integers(0, len(_RUN) - 1), st.sampled_from(b"0129aAfF- <>"))
def test_one_byte_within_the_readings_is_seen_alike(place: int, byte: int) -> None:
    raw = _RAW.replace(_RUN, _RUN[:place] + bytes([byte]) + _RUN[place + 1 :])
    assert read(raw) == read_as_a_tree(raw)


@given(_VALUES, st.integers(0, 0xFFFF), st.integers(0, 255), _BLANKS)
def test_values_of_every_length_are_read_exactly(values: list[int], flags: int, block: int, gap: str) -> None:
    written = [
        f"<Reading>{gap}<consumptionBlock>{block}</consumptionBlock><qualityFlags>{flags:04x}</qualityFlags>"
        f"<timePeriod><duration>900</duration>{gap}<start>{number}</start></timePeriod>"
        f"<touTier>{number % 10}</touTier><value>{value}</value><localID>{number:04X}</localID></Reading>"
        for number, value in enumerate(values, start=1000)
    ]
    raw = _RAW.replace(_RUN, gap.join(written).encode())
    document = read(raw)
    assert not isinstance(document, str)
    assert document == read_as_a_tree(raw)
    (readings,) = (each.readings for each in document.meter_readings[0].reading_sets)
    assert [each.value for each in readings] == values


@given(st.lists(st.sampled_from(["", "0", "5", "-3", "125"]), min_size=1, max_size=4))
def test_a_reading_without_a_value_is_none_of_zero(values: list[str]) -> None:
    one = _RUN[: _RUN.index(b"</Reading>") + len(b"</Reading>")]
    written = [re.sub(rb"<value>[0-9]+<", f"<value>{value}<".encode(), one) for value in values]
    raw = _RAW.replace(_RUN, b"".join(written))
    assert read(raw) == read_as_a_tree(raw)


def test_short_readings_beside_a_very_long_one_are_not_filled_up() -> None:
    long = b"<Reading>" + b" " * 100_000 + b"<value>1</value></Reading>"
    run = long + b"<Reading><value></Reading>" * 4_000
    tracemalloc.start()
    try:
        assert read_uniform_run(run) is None
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * len(run)


def test_readings_that_are_alike_are_one_block() -> None:
    columns = read_uniform_run(_RUN)
    assert isinstance(columns, ReadingColumns)
    assert columns.value.tolist() == [7 * quarter**2 for quarter in range(9)]
    assert set(columns.quality_flags.tolist()) == {0x1A}


def test_readings_that_are_not_alike_are_no_block() -> None:
    assert read_uniform_run(_RUN.replace(b"<value>7<", b"<value>-7<")) is None
    assert read_uniform_run(_RUN.replace(b"<value>7<", b" <value>7<")) is None
    assert read_uniform_run(_RUN.replace(b"<value>0<", b"<value>-1<")) is None
    assert read_uniform_run(_RUN + b" " + _RUN) is None


def test_what_stands_around_the_readings_is_read_only_once() -> None:
    first = read(_RAW)
    later = _RAW.replace(b"<value>7<", b"<value>9<")
    with patch("metering.sep.reader.parse_document", side_effect=AssertionError("it is known")):
        second = read_mirror_document(later)
    assert second == read_as_a_tree(later)
    assert second != first


def test_a_reading_beside_a_set_is_judged_anew_in_every_document() -> None:
    inside = _RAW.replace(b"<MirrorReadingSet>", b"").replace(b"</MirrorReadingSet>", b"")
    one = inside.replace(_RUN, _RUN.split(b"</Reading>")[0] + b"</Reading>")
    assert read(one) == read_as_a_tree(one)
    assert "Reading is there twice" in str(read(inside))
