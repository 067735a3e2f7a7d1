"""CSV: what each line says, and every way in which one can be wrong, told in its own words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast
from zoneinfo import ZoneInfo

import pytest

from metering.energy import Direction
from metering.quality import ESTIMATED_BY_INTERPOLATION, VALID
from metering.sources import csv_line
from metering.sources.csv_heading import GREATEST_CSV_LINE_BYTES
from metering.sources.csv_layout import CsvOptions
from metering.sources.csv_source import CsvSource
from metering.sources.gathering import STRETCH
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable

EXAMPLE = Path(__file__).resolve().parents[4] / "examples" / "meters" / "day.csv"
HEADING = "meter,direction,start,end,wh"
GOOD = "0100200300,import,2026-03-14T00:00:00Z,2026-03-14T00:15:00Z,250"
START = 1_773_446_400  # 2026-03-14T00:00:00Z


def read(*lines: str, heading: str = HEADING, ends: str = "\n", **options: Any) -> list[Found]:
    content = ends.join([heading, *lines, ""]).encode(errors="surrogateescape")
    return list(CsvSource(CsvOptions(**options)).read(BytesIO(content)))


def said(found: list[Found]) -> list[tuple[str, int, int, int | None]]:
    """Return direction, start, duration and Wh of each reading."""
    return [
        (register.mrid_as_sent, period.start, period.duration, reading.value)
        for batch in found
        if isinstance(batch, Batch)
        for register in batch.document.meter_readings
        for reading, _ in register.readings()
        if (period := reading.time_period)
    ]


def codes(found: list[Found]) -> list[tuple[str, str]]:
    return [(item.place, item.code) for item in found if isinstance(item, Reject)]


def test_the_example_is_two_meters_with_three_registers() -> None:
    found = list(CsvSource().read(BytesIO(EXAMPLE.read_bytes())))
    assert [(batch.place, batch.document.mrid_as_sent) for batch in found if isinstance(batch, Batch)] == [
        ("lines 2 to 4", "0100200300"),
        ("line 5", "0100200400"),
    ]
    ten = START + 4 * 3600 + 1800
    assert said(found) == [
        ("export", ten, 900, 1250),
        ("export", ten + 900, 900, 1310),
        ("import", ten, 900, 40),
        ("import", ten, 900, 735),
    ]
    (first, last) = (cast("Batch", found[index]).document.meter_readings[0] for index in (0, 1))
    assert [reading.quality_flags for reading, _ in first.readings()] == [VALID, VALID]
    assert [reading.quality_flags for reading, _ in last.readings()] == [ESTIMATED_BY_INTERPOLATION]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_marks_quotes_empty_lines_and_spare_commas_change_nothing(ends: str, bom: str) -> None:
    quoted = ",".join(f'"{cell}"' for cell in GOOD.split(","))
    for line in (GOOD, quoted, GOOD + ",,", f" {GOOD} "):
        found = read("", line, "   ", ",,,,", heading=bom + HEADING, ends=ends)
        assert said(found) == [("import", START, 900, 250)]
        assert codes(found) == []


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_that_of_the_heading(delimiter: str) -> None:
    found = read(GOOD.replace(",", delimiter), heading=HEADING.replace(",", delimiter))
    assert said(found) == [("import", START, 900, 250)]


@pytest.mark.parametrize(
    ("wh", "code"),
    [
        ("1_000", "NO_VALUE"),
        ("1e3", "NO_VALUE"),
        ("NaN", "NO_VALUE"),
        ("Infinity", "NO_VALUE"),
        ("0x10", "NO_VALUE"),
        ("", "NO_VALUE"),
        ("1.", "NO_VALUE"),
        (".5", "NO_VALUE"),
        ("١٢", "NO_VALUE"),
        ("9" * 16, "NO_VALUE"),
        ("1.5", "FINER_THAN_WATT_HOUR"),
        ("-1", "NEGATIVE"),
        ('"1,5"', "NO_VALUE"),
    ],
)
def test_an_amount_that_is_no_whole_watt_hours_is_rejected_and_never_rounded(wh: str, code: str) -> None:
    found = read(GOOD.replace("250", wh), GOOD)
    assert codes(found) == [("line 2", code)]
    assert said(found) == [("import", START, 900, 250)]


@pytest.mark.parametrize(
    ("kwh", "watt_hours"),
    [("0.250", 250), ("0.25", 250), ("+12", 12_000), ("0.2500000", 250), ("007", 7_000), ("-0.000", 0)],
)
def test_kilowatt_hours_are_exact(kwh: str, watt_hours: int) -> None:
    found = read(GOOD.replace("250", kwh), heading=HEADING.replace("wh", "kwh"))
    assert said(found) == [("import", START, 900, watt_hours)]


def test_a_comma_before_decimals_is_read_as_one_only_if_that_is_said() -> None:
    line, heading = GOOD.replace(",", ";").replace("250", "1,234"), HEADING.replace(",", ";")
    heading = heading.replace("wh", "kwh")
    assert codes(read(line, heading=heading)) == [("line 2", "NO_VALUE")]
    assert said(read(line, heading=heading, decimal_comma=True)) == [("import", START, 900, 1234)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (GOOD.replace("0100200300", "M1"), "METER_ID_INVALID"),
        (GOOD.replace("0100200300", ""), "METER_ID_INVALID"),
        (GOOD.replace("0100200300", "F" * 32), "METER_ID_INVALID"),
        (GOOD.replace("import", "sideways"), "DIRECTION"),
        (GOOD.replace("import", ""), "DIRECTION"),
        (GOOD.replace("T00:15:00Z", "T00:00:00Z"), "EMPTY_PERIOD"),
        (GOOD.replace("T00:15:00Z", "T00:15:00.5Z"), "TIME_TOO_FINE"),
        (GOOD.replace("2026-03-14T00:15:00Z", "never"), "TIME_UNREADABLE"),
        (GOOD.replace("2026-03-14T00:15:00Z", "2026-02-30T00:15:00Z"), "TIME_UNREADABLE"),
        (GOOD.replace("2026-03-14T00:15:00Z", ""), "PERIOD"),
        (GOOD.replace("00:00Z", "00:00"), "LOCAL_TIME"),
        (GOOD + ",7", "COLUMNS"),
        (GOOD.rpartition(",")[0], "COLUMNS"),
        ('"' + GOOD, "QUOTES"),
        (GOOD.replace("import", '"im"port'), "QUOTES"),
        (GOOD.replace("import", "\udcff"), "NOT_UTF8"),
        ("," * 100_000, "LINE_TOO_LONG"),
        ("," * 10_000 + "x", "COLUMNS"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_and_the_others_are_taken(line: str, code: str) -> None:
    found = read(GOOD, line, GOOD.replace("T00:", "T01:"))
    assert codes(found) == [("line 3", code)]
    assert said(found) == [("import", START, 900, 250), ("import", START + 3600, 900, 250)]


def test_a_rejected_line_is_kept_as_it_was_but_for_one_too_long() -> None:
    bad, long = "x,y", "," * (GREATEST_CSV_LINE_BYTES + 1)
    kept = [item.raw for item in read(bad, long) if isinstance(item, Reject)]
    assert (kept[0], len(kept[1]), kept[1][-4:]) == (b"x,y\n", 1_004, b" ...")


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("meter,direction,start,end", "one of `wh` and `kwh`"),
        ("meter,direction,start,end,wh,kwh", "one of `wh` and `kwh`"),
        ("direction,start,end,wh", "the meter's mRID"),
        ("meter,start,end,wh", "import or export"),
        ("meter,direction,end,wh", "when an interval starts"),
        ("meter,direction,start,wh", "when it ends"),
        ("meter,meter,direction,start,end,wh", "two columns"),
        ("\udcff", "no headings in UTF-8"),
    ],
)
def test_a_heading_that_says_too_little_is_refused_with_what_is_missing(heading: str, words: str) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        read(heading=heading)


def test_headings_of_ones_own_and_columns_that_are_not_there() -> None:
    found = read(
        "2026-03-14 05:30;0,25",
        heading="Zeit;Verbrauch [kWh]",
        columns={"start": "zeit", "kwh": "Verbrauch [kWh]"},
        zone=ZoneInfo("Asia/Kolkata"),
        decimal_comma=True,
        meter="100200300",
        direction=Direction.IMPORT,
        seconds=900,
    )
    assert said(found) == [("import", START, 900, 250)]
    assert isinstance(found[0], Batch)
    assert b"zone=Asia/Kolkata" in found[0].head
    with pytest.raises(SourceUnreadable, match="no column 'Usage'"):
        read(columns={"wh": "Usage"})


def test_another_register_is_another_and_the_same_one_is_the_same_in_every_file() -> None:
    heading = HEADING.replace("direction", "register,direction")
    lines = [GOOD.replace("import", f"{name},import") for name in ("1.8.0", "", "1.8.1")]
    mrids = [
        register.mrid
        for item in (*read(*lines, heading=heading), *read(GOOD))
        if isinstance(item, Batch)
        for register in item.document.meter_readings
    ]
    assert len(set(mrids)) == 3
    assert mrids[1] == mrids[3]


def test_lines_of_a_meter_are_gathered_though_they_are_ordered_by_time() -> None:
    meters, quarters = 50, 40
    lines = [
        f"01002003{meter:02x},import,{START + 900 * quarter},{START + 900 * quarter + 900},1"
        for quarter in range(quarters)
        for meter in range(meters)
    ]
    found = read(*lines)
    assert [len(said([item])) for item in found] == [quarters] * meters


AT_LEAST = 32
"""Bytes of an endless file's line."""
ONE_MORE = 262_144 // AT_LEAST


class _Endless(RawIOBase):
    """Lines without end; counts how many bytes were asked for."""

    def __init__(self) -> None:
        self.given = 0
        self._lines = self._endless()

    @staticmethod
    def _endless() -> Iterator[bytes]:
        yield HEADING.encode() + b"\n"
        for number in itertools.count():
            second = START + 900 * number
            yield f"0100200300,import,{second},{second + 900},1\n".encode()

    def read(self, size: int = -1) -> bytes:
        return b"".join(itertools.islice(iter(self.readline, b""), size // AT_LEAST))

    def readline(self, _size: int | None = -1) -> bytes:
        line = next(self._lines)
        self.given += 1
        return line


def test_a_source_reads_no_further_than_it_must() -> None:
    stream = _Endless()
    batches = CsvSource().read(cast("BinaryIO", stream))
    for _ in range(3):
        assert isinstance(next(batches), Batch)
    assert stream.given <= STRETCH.lines + ONE_MORE


BERLIN = ZoneInfo("Europe/Berlin")
LOCAL = "0100200300,import,{start},{end},250"
SET_BACK = 1_792_886_400  # 2026-10-25T00:00:00Z: two o'clock in Berlin, for the first time


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-10-25 01:45", "2026-10-25 02:00", (SET_BACK - 900, 900)),  # only the first two o'clock fits
        ("2026-10-25 02:00+02:00", "2026-10-25 02:15+02:00", (SET_BACK, 900)),
        ("2026-10-25 02:00+01:00", "2026-10-25 02:15+01:00", (SET_BACK + 3600, 900)),
        ("2026-10-25 03:00", "2026-10-25 03:15", (SET_BACK + 7200, 900)),
        ("2026-10-25", "2026-10-26", (SET_BACK - 7200, 25 * 3600)),
        ("2026-03-29", "2026-03-30", (1_774_738_800, 23 * 3600)),
        ("2026-03-29 01:45", "2026-03-29 03:00", (1_774_745_100, 900)),
        ("2026-10-25 02:00", "2026-10-25 02:15", "TIME_AMBIGUOUS"),
        ("2026-10-25 02:45", "2026-10-25 03:00", "TIME_AMBIGUOUS"),
        ("2026-03-29 02:00", "2026-03-29 03:00", "TIME_ABSENT"),
    ],
)
def test_no_hour_is_guessed_on_the_nights_on_which_the_clock_is_changed(
    start: str, end: str, expected: tuple[int, int] | str
) -> None:
    found = read(LOCAL.format(start=start, end=end), zone=BERLIN)
    if isinstance(expected, str):
        assert codes(found) == [("line 2", expected)]
    else:
        assert said(found) == [("import", *expected, 250)]


def test_a_fold_says_which_of_two_hours_is_meant() -> None:
    heading = HEADING + ",fold"
    lines = [
        LOCAL.format(start=f"2026-10-25 02:{minute:02}", end=f"2026-10-25 02:{minute + 15:02}") + f",{fold}"
        for fold in (0, 1)
        for minute in (0, 15, 30)
    ]
    found = read(*lines, heading=heading, zone=BERLIN)
    assert [start for _, start, _, _ in said(found)] == [
        SET_BACK + 3600 * fold + 60 * minute for fold in (0, 1) for minute in (0, 15, 30)
    ]
    last = LOCAL.format(start="2026-10-25 02:45", end="2026-10-25 03:00")
    assert said(read(last + ",1", heading=heading, zone=BERLIN)) == [("import", SET_BACK + 6300, 900, 250)]
    assert codes(read(last + ",0", heading=heading, zone=BERLIN)) == [("line 2", "TIME_AMBIGUOUS")]
    assert codes(read(last + ",2", heading=heading, zone=BERLIN)) == [("line 2", "FOLD_UNREADABLE")]


def test_a_local_day_of_every_quarter_hour_with_durations_has_92_96_or_100_of_them() -> None:
    options = CsvOptions(zone=BERLIN, seconds=900)
    counts = []
    for day in ("2026-03-29", "2026-03-30", "2026-10-25"):
        lines = [
            f"0100200300,import,{day} {hour:02}:{minute:02},1,{fold}"
            for hour in range(24)
            for fold in (0, 1)
            for minute in (0, 15, 30, 45)
            if fold == 0 or (day == "2026-10-25" and hour == 2)
        ]
        content = "\n".join(["meter,direction,start,wh,fold", *lines]).encode()
        found = list(CsvSource(replace(options)).read(BytesIO(content)))
        starts = [start for _, start, _, _ in said(found)]
        assert starts == list(range(starts[0], starts[0] + 900 * len(starts), 900))
        counts.append((len(starts), len(codes(found))))
    assert counts == [(92, 4), (96, 0), (100, 0)]


@pytest.mark.parametrize(
    ("quality", "bits"), [("", 0), ("valid", 1), ("Edited valid", 3), ("0x0011", 17), ("0x00", 0)]
)
def test_a_quality_is_said_in_words_or_in_bits(quality: str, bits: int) -> None:
    (batch,) = read(f"{GOOD},{quality}", heading=HEADING + ",quality")
    assert isinstance(batch, Batch)
    assert [each.quality_flags for each, _ in batch.document.meter_readings[0].readings()] == [bits]
    assert codes(read(f"{GOOD},splendid", heading=HEADING + ",quality")) == [("line 2", "QUALITY")]


@pytest.mark.parametrize(
    ("end", "duration", "expected"),
    [
        ("", "900", 900),
        ("2026-03-14T00:15:00Z", "900", 900),
        ("2026-03-14T00:15:00Z", "1800", "PERIOD"),
        ("", "15m", "PERIOD"),
        ("", "0", "EMPTY_PERIOD"),
        ("1773447300", "", 900),
    ],
)
def test_an_end_and_a_duration_say_the_same_or_the_line_is_rejected(
    end: str, duration: str, expected: int | str
) -> None:
    line = f"0100200300,import,2026-03-14T00:00:00Z,{end},{duration},250"
    found = read(line, heading="meter,direction,start,end,duration,wh")
    if isinstance(expected, str):
        assert codes(found) == [("line 2", expected)]
    else:
        assert said(found) == [("import", START, expected, 250)]


def test_an_end_with_an_offset_needs_no_zone_and_a_register_has_a_name_of_one_line() -> None:
    line = LOCAL.format(start="2026-10-25 02:45", end="2026-10-25 03:00+01:00")
    found = read(line + ",1", heading=HEADING + ",fold", zone=BERLIN)
    assert said(found) == [("import", SET_BACK + 6300, 900, 250)]
    heading = HEADING.replace("direction", "register,direction")
    for name in ("a\x00b", "x" * 256):
        bad = GOOD.replace("import", f"{name},import")
        assert codes(read(bad, heading=heading)) == [("line 2", "REGISTER")]
    with pytest.raises(SourceUnreadable, match="no field 'volt'"):
        read(columns={"volt": "V"})


def test_memory_of_what_recurs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_line, "_MOST_REMEMBERED", 3)
    found = read(*(GOOD.replace("250", str(number)) for number in range(10)))
    assert [value for *_, value in said(found)] == list(range(10))
