"""What holds of every CSV file: lines taken together say what they say one by one, and break off alike."""

from __future__ import annotations

from io import BytesIO
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.energy import Direction
from metering.reading_columns import ReadingColumns
from metering.sources import csv_source, gathering
from metering.sources.csv_columns import ColumnReader
from metering.sources.csv_layout import CsvOptions
from metering.sources.csv_source import CsvSource
from metering.sources.gathering import Bound
from metering.sources.ports import Batch, Found

HEADINGS = (
    "meter,direction,start,duration,wh,quality",
    "kwh;register;meter;direction;end;start;note",
    "meter,direction,start,end,fold,wh,reject_code,reject_reason",
    "start|wh",
)
OPTIONS = CsvOptions(meter="0100200300", direction=Direction.IMPORT, seconds=900)
SECOND = 1_773_462_600

meters = st.sampled_from(["0100200300", "100200300", " 0100200400", "0100200500", "x", ""])
starts = st.integers(0, 20).flatmap(
    lambda number: st.sampled_from([f"{SECOND + 900 * number}", f"2026-03-{number + 1:02}T00:15:00+01:00"])
)
cells = {
    "meter": meters,
    "register": st.sampled_from(["", "", "A", "B "]),
    "direction": st.sampled_from(["import", "import", "export", "19", "sideways"]),
    "start": st.one_of(starts, starts, st.sampled_from(["", "2026-03-29 02:30", "now"])),
    "end": st.integers(0, 22).map(lambda number: f"{SECOND + 900 * number}"),
    "duration": st.sampled_from(["900", "900", "300", "", "0", "9s"]),
    "fold": st.sampled_from(["", "", "0", "2"]),
    "wh": st.sampled_from(["0", "7", "250", "007", " 8", "12.0", "-3", "1.5", "", "٣", "9" * 15, "9" * 16]),
    "kwh": st.sampled_from(["0", "7", "0.250", "1.0000", "0.0001", "1,5", "", "9" * 15]),
    "quality": st.sampled_from(["valid", "valid", "0x11", "Valid estimated", ""]),
}
odd_lines = st.one_of(
    st.sampled_from([b"", b"\r", b"\r\r", b",,,,,", b'"', b"\xff", b"a\rb", b"\x00", b"x" * 70_000]),
    st.binary(max_size=40),
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file whose lines are mostly of one kind, with some that are odd."""
    heading = draw(st.sampled_from(HEADINGS))
    delimiter = next(each for each in ",;|" if each in heading)
    columns = [cells.get(name, st.sampled_from(["", "", "x"])) for name in heading.split(delimiter)]
    usual = st.tuples(*columns).map(lambda row: delimiter.join(row).encode())
    pattern = draw(st.lists(usual, min_size=1, max_size=6))
    lines = draw(st.lists(st.one_of(st.sampled_from(pattern), usual), max_size=60))
    for _ in range(draw(st.integers(0, 2))):
        lines.insert(draw(st.integers(0, len(lines))), draw(odd_lines))
    newline = draw(st.sampled_from([b"\n", b"\n", b"\r\n"]))
    return newline.join([heading.encode(), *lines, *draw(st.sampled_from([[], [b""]]))])


def read(raw: bytes) -> list[Found]:
    return list(CsvSource(OPTIONS).read(BytesIO(raw)))


def read_one_by_one(raw: bytes) -> list[Found]:
    with patch.object(ColumnReader, "read", return_value=None):
        return read(raw)


@given(
    files(),
    st.sampled_from([262_144, 1_000, 90]),
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(100, 4_000),
)
def test_lines_taken_together_say_what_they_say_one_by_one(
    raw: bytes, at_once: int, stretch: int, batch: int, size: int
) -> None:
    with (
        patch.object(csv_source, "_READ_AT_ONCE", at_once),
        patch.object(csv_source, "_TOO_FEW_FOR_COLUMNS", 64),
        patch.object(gathering, "STRETCH", Bound(lines=stretch, size=4 * size, readings=stretch + 3)),
        patch.object(gathering, "BATCH", Bound(lines=batch, size=size, readings=batch + 2)),
    ):
        assert read(raw) == read_one_by_one(raw)


@pytest.mark.parametrize("heading", HEADINGS[:2] + HEADINGS[3:])
def test_plain_lines_are_taken_as_columns(heading: str) -> None:
    delimiter = next(each for each in ",;|" if each in heading)
    row = {
        "meter": "0100200300", "direction": "import", "start": str(SECOND), "end": str(SECOND + 900),
        "duration": "900", "wh": "5", "kwh": "0.005", "quality": "valid",
    }  # fmt: skip
    line = delimiter.join(row.get(name, "") for name in heading.split(delimiter))
    (batch,) = read(f"{heading}\n{line}\n{line}".encode())
    assert isinstance(batch, Batch)
    (register,) = batch.document.meter_readings
    (reading_set,) = register.reading_sets
    assert isinstance(reading_set.readings, ReadingColumns)
    assert len(reading_set.readings) == 2
