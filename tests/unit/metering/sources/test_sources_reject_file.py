"""The file of what was not taken: as long as nobody mends it, nothing in it is taken either."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metering.energy import Direction
from metering.sources import espi_feed
from metering.sources.csv_heading import GREATEST_CSV_LINE_BYTES
from metering.sources.csv_layout import CsvOptions
from metering.sources.csv_source import CsvSource
from metering.sources.detection import Form
from metering.sources.espi_source import EspiSource
from metering.sources.ports import Batch, Found, MeterSource, Reject
from metering.sources.reject_file import RejectFile, RejectFileUnwritable

GREEN_BUTTON = (Path(__file__).resolve().parents[4] / "examples" / "meters" / "green-button.xml").read_text()
LINK = re.compile(r"<link [^>]*>")
OWN_LINK = '<link rel="self" href="/espi/1_1/resource/UsagePoint/1/MeterReading/1"/>'
HEADING = "meter,direction,start,duration,wh,fold"
START = "2026-03-14T00:00:00Z"
SHORT = f"0100200300,import,{START},900,0"


def imported(path: Path, source: MeterSource, form: Form = Form.CSV) -> tuple[list[Found], Path | None]:
    """Return what a file holds, and the file of its rejects."""
    with path.open("rb") as stream:
        heading = stream.readline()
        stream.seek(0)
        found = list(source.read(stream))
    with RejectFile(path, form, heading=heading) as rejects:
        for each in found:
            if isinstance(each, Reject):
                rejects.add(each)
        return found, rejects.finish()


def values(found: list[Found]) -> list[int | None]:
    return [
        reading.value
        for batch in found
        if isinstance(batch, Batch)
        for register in batch.document.meter_readings
        for reading, _ in register.readings()
    ]


@pytest.mark.parametrize(
    ("heading", "line", "code"),
    [
        (HEADING, SHORT, "COLUMNS"),
        (HEADING, SHORT.replace(",0", ""), "COLUMNS"),
        (HEADING, SHORT + ",,1", "COLUMNS"),
        (HEADING, "x", "COLUMNS"),
        (HEADING, SHORT.replace("import", '"import"'), "COLUMNS"),
        (HEADING, SHORT + ",,VALID,x", "COLUMNS"),
        (HEADING.replace("wh,fold", "kwh"), SHORT.replace(",0", ",1,25"), "COLUMNS"),
        (HEADING.replace("wh,fold", "kwh"), SHORT.replace(",0", ",1,25,000"), "COLUMNS"),
        (HEADING.replace(",", ";"), SHORT.replace(",", ";"), "COLUMNS"),
        (HEADING.replace(",", "|") + '|"a|b"', (SHORT + ",").replace(",", "|"), "COLUMNS"),
        (HEADING, SHORT + ',"', "QUOTES"),
        (HEADING, SHORT + ",\udcff", "NOT_UTF8"),
        (HEADING, SHORT + ",\r" + SHORT + ",", "COLUMNS"),
        (HEADING, SHORT.replace(",0", ",O,,,,"), "NO_VALUE"),
    ],
)
def test_a_rejected_line_that_nobody_mends_is_rejected_alike_however_often_it_is_imported(
    tmp_path: Path, heading: str, line: str, code: str
) -> None:
    path = tmp_path / "readings"
    path.write_bytes(f"{heading}\n{line}\n".encode(errors="surrogateescape"))
    written: list[bytes] = []
    for _ in range(4):
        found, rejects = imported(path, CsvSource())
        assert [each.code for each in found if isinstance(each, Reject)] == [code]
        assert values(found) == []
        assert rejects is not None
        written.append(rejects.read_bytes())
        path = rejects
    assert len(set(written)) == 1


@pytest.mark.parametrize("ends", ["\n", "\r\n", ",,\n"])
def test_a_mended_line_is_taken_with_its_reason_behind_it_or_without(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "readings"
    path.write_text(f"{HEADING}\n{SHORT}\n")
    _, rejects = imported(path, CsvSource())
    assert rejects is not None
    said = rejects.read_text()
    mended = said.replace("900,0,", "900,7,,")
    bare = f"{mended.splitlines()[0]}\n{SHORT},\n"
    unquoted = mended.replace('"', "")
    for text, expected in ((mended, 7), (bare, 0), (unquoted, 7)):
        heading, line = text.splitlines()
        path.write_bytes(f"{heading}\n{line}{ends}".encode())
        assert values(imported(path, CsvSource())[0]) == [expected]


def test_what_is_left_of_a_line_that_is_too_long_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "readings"
    path.write_text(f"{HEADING.removesuffix(',fold')}\n{SHORT}{' ' * GREATEST_CSV_LINE_BYTES}5\n")
    found, rejects = imported(path, CsvSource())
    assert rejects is not None
    again, _ = imported(rejects, CsvSource())
    assert (values(found), values(again)) == ([], [])


def test_headings_in_quotes_may_hold_what_stands_between_columns(tmp_path: Path) -> None:
    options = CsvOptions(
        columns={"kwh": "Usage, kWh"}, meter="0100200300", direction=Direction.IMPORT, seconds=900
    )
    path = tmp_path / "readings"
    path.write_text(f'start;"Usage, kWh"\n{START};1\n{START};one\n')
    found, rejects = imported(path, CsvSource(options))
    assert values(found) == [1000]
    path.write_text(f'start,"Usage, kWh"\n{START},"1"\n{START},one\n')
    found, rejects = imported(path, CsvSource(options))
    assert values(found) == [1000]
    assert rejects is not None
    heading, _ = rejects.read_text().splitlines()
    assert heading == 'start,"Usage, kWh",reject_code,reject_reason'
    rejects.write_text(rejects.read_text().replace("one,", "2,"))
    assert values(imported(rejects, CsvSource(options))[0]) == [2000]


def two_registers(text: str) -> str:
    """Return the example with a second register, whose entries have other ids and addresses."""
    head, *found = text.split("  <entry>")
    found[-1] = found[-1].replace("</feed>", "")
    other = [
        re.sub(r"(MeterReading|ReadingType)/1", r"\1/2", entry).replace("5a030", "5a040")
        for entry in found[2:]
    ]
    return "  <entry>".join([head, *found, *other]) + "</feed>"


@pytest.mark.parametrize(
    ("text", "meter", "registers"),
    [
        (GREEN_BUTTON, None, 1),
        (GREEN_BUTTON, "0100200300", 1),
        (LINK.sub("", GREEN_BUTTON), None, 1),
        (LINK.sub("", GREEN_BUTTON), "0100200300", 1),
        (two_registers(GREEN_BUTTON), None, 2),
        (two_registers(GREEN_BUTTON), "0100200300", 2),
        (two_registers(GREEN_BUTTON.replace(OWN_LINK, "")), None, 2),
    ],
)
def test_rejects_of_green_button_are_taken_again_once_they_are_mended(
    tmp_path: Path, text: str, meter: str | None, registers: int
) -> None:
    path = tmp_path / "feed"
    path.write_text(text)
    source = EspiSource(meter=meter)
    whole, _ = imported(path, source, Form.ESPI)
    assert values(whole) == [320, 336] * registers
    path.write_text(re.sub("<value>3", "<value>E", text))
    found, rejects = imported(path, source, Form.ESPI)
    assert (len(found), values(found)) == (2 * registers, [])
    assert rejects is not None
    again, repeated = imported(rejects, source, Form.ESPI)
    assert (len(again), values(again)) == (2 * registers, [])
    assert repeated is not None
    repeated.write_text(repeated.read_text().replace("value>E", "value>3"))
    mended, _ = imported(repeated, source, Form.ESPI)
    assert [each.document for each in mended if isinstance(each, Batch)] == [
        each.document for each in whole if isinstance(each, Batch)
    ]


def test_many_rejects_of_green_button_describe_no_more_than_their_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espi_feed, "MOST_ENTRIES", 3)
    path = tmp_path / "feed"
    path.write_text(re.sub("<value>3", "<value>E", GREEN_BUTTON))
    _, rejects = imported(path, EspiSource(), Form.ESPI)
    assert rejects is not None
    assert len(imported(rejects, EspiSource(), Form.ESPI)[0]) == 2


def test_two_imports_of_one_file_at_once_write_rejects_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "readings"
    written: list[Path | None] = []
    monkeypatch.setattr("os.getpid", lambda: 1)
    with RejectFile(path, Form.OCPP) as first:
        first.add(Reject(place="line 1", raw=b"1\n", code="NO_MESSAGE", sentence="it is none"))
        monkeypatch.setattr("os.getpid", lambda: 2)
        with RejectFile(path, Form.OCPP) as second:
            second.add(Reject(place="line 2", raw=b"2\n", code="NO_MESSAGE", sentence="it is none"))
            written.append(second.finish())
        written.append(first.finish())
    assert [it.read_bytes()[-2:] for it in written if it] == [b"2\n", b"1\n"]
    assert sorted(it.name for it in tmp_path.iterdir()) == [
        "readings.rejects-2.jsonl",
        "readings.rejects.jsonl",
    ]


def test_rejects_that_cannot_be_written_down_are_told_as_that(tmp_path: Path) -> None:
    reject = Reject(place="line 1", raw=b"1\n", code="NO_MESSAGE", sentence="it is none")
    with RejectFile(tmp_path / "absent" / "readings", Form.OCPP) as rejects:
        with pytest.raises(RejectFileUnwritable) as refused:
            rejects.add(reject)
        assert rejects.finish() is None
    assert refused.value.path is not None
    assert refused.value.hint is not None
    (tmp_path / "readings.rejects.jsonl").mkdir()
    with RejectFile(tmp_path / "readings", Form.OCPP) as rejects:
        rejects.add(reject)
        with pytest.raises(RejectFileUnwritable):
            rejects.finish()
    assert [it.name for it in tmp_path.iterdir()] == ["readings.rejects.jsonl"]
