"""Green Button: what a feed says, however its entries are ordered, and feeds that are meant ill."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from metering.quality import ESTIMATED_BY_REFERENCE_DAY, QUESTIONABLE, VALID
from metering.sources import espi_source
from metering.sources.espi_source import EspiSource
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.sources.xml_stream import GREATEST_ELEMENT_BYTES

EXAMPLE = (Path(__file__).resolve().parents[4] / "examples" / "meters" / "green-button.xml").read_text()
METER = "8A2B6F049F1D4E5C8F0E2B7F5F5A0300"
START = 1_773_549_000
READING = (
    '<IntervalReading xmlns="http://naesb.org/espi"><timePeriod><duration>{seconds}</duration>'
    "<start>{start}</start></timePeriod><value>{value}</value></IntervalReading>"
)


def read(text: str | bytes, meter: str | None = None) -> list[Found]:
    raw = text.encode() if isinstance(text, str) else text
    return list(EspiSource(meter=meter).read(BytesIO(raw)))


def said(found: list[Found]) -> list[tuple[int, int, int | None, int]]:
    """Return start, duration, value and quality of each reading."""
    return [
        (period.start, period.duration, reading.value, reading.quality_flags)
        for batch in found
        if isinstance(batch, Batch)
        for register in batch.document.meter_readings
        for reading, _ in register.readings()
        if (period := reading.time_period)
    ]


def with_readings(*readings: tuple[int, int, int]) -> str:
    """Return the example with these (start, seconds, value) for its two readings."""
    head, _, rest = EXAMPLE.partition("        <IntervalReading>")
    tail = rest.rpartition("</IntervalReading>")[2]
    written = [
        READING.format(start=start, seconds=seconds, value=value) for start, seconds, value in readings
    ]
    return head + "".join(written) + tail


def without(text: str, start: str, end: str) -> str:
    """Return `text` without what stands from `start` to `end`, and that alone."""
    before, _, rest = text.partition(start)
    cut, _, after = rest.partition(end)
    return before + after if cut else text


def entries(text: str) -> tuple[str, list[str], str]:
    head, *found = text.split("  <entry>")
    found[-1], _, tail = found[-1].rpartition("</feed>")
    return head, ["<entry>" + entry for entry in found], "</feed>" + tail


EXPECTED = [(START, 3600, 320, VALID), (START + 3600, 3600, 336, ESTIMATED_BY_REFERENCE_DAY)]


def test_the_example_is_a_meter_with_its_readings_quality_and_no_costs() -> None:
    (batch,) = read(EXAMPLE)
    assert isinstance(batch, Batch)
    assert (batch.document.mrid, batch.document.meter_readings[0].description) == (METER, None)
    assert said([batch]) == EXPECTED


def test_the_order_of_the_entries_decides_nothing() -> None:
    head, found, tail = entries(EXAMPLE)
    assert said(read(head + "".join(reversed(found)) + tail)) == EXPECTED


def test_a_block_belongs_to_the_register_that_it_links_to_or_stands_below() -> None:
    head, found, tail = entries(EXAMPLE)
    export = [entry.replace("MeterReading/1", "MeterReading/2") for entry in found[2:]]
    export[1] = export[1].replace("<flowDirection>1<", "<flowDirection>19<")
    export = [entry.replace("ReadingType/1", "ReadingType/2").replace("5a030", "5a040") for entry in export]
    for other in (export, [without(entry, '<link rel="up"', "/>") for entry in export]):
        batches = read(head + "".join(found) + "".join(other) + tail)
        kinds = [
            register.reading_type.flow_direction
            for batch in batches
            if isinstance(batch, Batch)
            for register in batch.document.meter_readings
            if register.reading_type
        ]
        assert kinds == [1, 19]
    orphan = without(export[2], '<link rel="up"', "/>").replace("MeterReading/2", "MeterReading/3")
    with pytest.raises(SourceUnreadable, match="which MeterReading"):
        read(head + "".join(found) + "".join(export[:2]) + orphan + tail)


def test_many_blocks_are_gathered_and_what_is_kept_of_them_can_be_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(espi_source, "GREATEST_BATCH_READINGS", 10)
    monkeypatch.setattr(espi_source, "MOST_WAITING", 15)
    readings = [(START + 900 * number, 900, number) for number in range(95)]
    batches = read(with_readings(*readings))
    assert [len(said([batch])) for batch in batches] == [10] * 9 + [5]
    expected = [(*reading, 0) for reading in readings]
    assert said(batches) == expected
    again = [item for batch in batches if isinstance(batch, Batch) for item in read(batch.raw)]
    assert said(again) == expected


@pytest.mark.parametrize("rule", ["360E2000", "B40E2000", "00000000", "FFFFFFFF"])
@pytest.mark.parametrize("hours", [23, 24, 25])
def test_the_rule_of_the_clocks_change_moves_no_reading(rule: str, hours: int) -> None:
    """The hour that New York has twice on 1 November is two hours, and the one it lacks is none."""
    midnight = {23: 1_772_946_000, 24: 1_773_028_800, 25: 1_793_505_600}[hours]
    readings = [(midnight + 3600 * number, 3600, number) for number in range(hours)]
    text = with_readings(*readings).replace("360E2000", rule)
    assert said(read(text)) == [(*reading, 0) for reading in readings]


def test_the_meter_may_be_said_if_there_is_only_one() -> None:
    (batch,) = read(EXAMPLE, meter="100200300")
    assert isinstance(batch, Batch)
    assert (batch.document.mrid, batch.head) == (
        "0100200300".zfill(32),
        b"<!-- read as meter 100200300 -->\n",
    )
    head, found, tail = entries(EXAMPLE)
    second = found[0].replace("UsagePoint/1", "UsagePoint/2")
    with pytest.raises(SourceUnreadable, match="2 usage points"):
        read(head + "".join(found) + second + tail, meter="100200300")


def test_an_id_that_is_no_uuid_names_a_meter_too() -> None:
    text = EXAMPLE.replace("urn:uuid:8a2b6f04-9f1d-4e5c-8f0e-2b7f5f5a0300", "https://utility.example/up/7")
    (batch,) = read(text)
    assert isinstance(batch, Batch)
    assert batch.document.mrid_as_sent == "https://utility.example/up/7"
    assert len(batch.document.mrid) == 32


def test_a_reading_that_cannot_be_read_is_rejected_and_the_others_are_taken() -> None:
    twice = EXAMPLE.replace("<value>320</value>", "<value>320</value><value>32</value>")
    for text in (twice, EXAMPLE.replace(">320<", ">3_20<"), EXAMPLE.replace(">320<", ">NaN<")):
        rejects = [item for item in read(text) if isinstance(item, Reject)]
        assert [(item.place, b"320" in item.raw or b"value" in item.raw) for item in rejects] == [
            ("IntervalReading 1", True)
        ]
        assert said(read(text)) == EXPECTED[1:]
    assert said(read(EXAMPLE.replace(">320<", ">3<!-- -->20<"))) == EXPECTED


@pytest.mark.parametrize(
    ("was", "becomes", "code"),
    [
        ("<uom>72<", "<uom>169<", "NOT_WATT_HOURS"),
        ("<commodity>1<", "<commodity>7<", "NOT_ELECTRICITY"),
        ("<flowDirection>1<", "<flowDirection>4<", "NO_DIRECTION"),
        ("<phase>769<", "<phase>128<", "ONE_PHASE"),
    ],
)
def test_what_is_no_energy_of_the_whole_meter_is_rejected_with_its_readings(
    was: str, becomes: str, code: str
) -> None:
    (reject,) = read(EXAMPLE.replace(was, becomes))
    assert isinstance(reject, Reject)
    assert (reject.code, reject.raw.count(b"IntervalReading>") // 2) == (code, 2)


DTD = '<!DOCTYPE feed [<!ENTITY a "250"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
UTF_16 = EXAMPLE.replace('encoding="UTF-8"?>', '?><!DOCTYPE feed [<!ENTITY a "1">]>').encode("utf-16")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (EXAMPLE.replace("?>", "?>" + DTD, 1).replace(">320<", ">&a;<"), "DOCTYPE"),
        (EXAMPLE.replace("?>", "?>" + DTD, 1).replace(">320<", ">&x;<"), "DOCTYPE"),
        (EXAMPLE.replace("?>", '?><!DOCTYPE feed SYSTEM "http://127.0.0.1/x.dtd">', 1), "DOCTYPE"),
        (UTF_16, "DOCTYPE"),
        (EXAMPLE.replace(">320<", ">&a;<"), "not well-formed"),
        (EXAMPLE[:-20], "not well-formed"),
        (EXAMPLE.replace(">320<", ">" + "<a>" * 40 + "</a>" * 40 + "<"), "nested deeper"),
        (EXAMPLE.replace(">320<", ">" + " " * (GREATEST_ELEMENT_BYTES + 200_000) + "<"), "more than"),
        (EXAMPLE.replace("?>", "?><!--" + " " * (GREATEST_ELEMENT_BYTES + 200_000) + "-->", 1), "more than"),
        (EXAMPLE.replace("?>", "?><feed>", 1), "not well-formed"),
        ("", "not well-formed"),
        (without(EXAMPLE, "<MeterReading ", "/>"), "no MeterReading"),
        (without(EXAMPLE, "<UsagePoint ", "</UsagePoint>"), "which UsagePoint"),
        (without(EXAMPLE, "<ReadingType ", "</ReadingType>"), "which ReadingType"),
        (EXAMPLE.replace("<uom>72<", "<uom>seventy<"), "ReadingType"),
        (EXAMPLE.replace("http://naesb.org/espi", "http://naesb.org/other"), "no MeterReading"),
    ],
)
def test_a_feed_that_is_meant_ill_or_lacks_a_part_is_refused(text: str | bytes, words: str) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        read(text)


def test_a_reading_without_a_quality_has_that_of_its_type() -> None:
    text = EXAMPLE.replace("<flowDirection>", "<defaultQuality>10</defaultQuality><flowDirection>")
    text = without(text, "<ReadingQuality>", "</ReadingQuality>")
    assert [quality for *_, quality in said(read(text))] == [QUESTIONABLE, ESTIMATED_BY_REFERENCE_DAY]


def test_a_reading_whose_period_lacks_a_part_is_rejected() -> None:
    (reject, _) = read(EXAMPLE.replace("<duration>3600</duration>", "", 1))
    assert isinstance(reject, Reject)
    assert reject.code == "METER_DOCUMENT_MALFORMED"


def test_what_waits_of_many_registers_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espi_source, "MOST_WAITING", 2)
    assert said(read(EXAMPLE)) == EXPECTED
    with pytest.raises(SourceUnreadable, match="--meter"):
        read(EXAMPLE, meter="M1")


def test_long_readings_fill_a_batch_sooner_and_what_waits_is_bounded_in_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = [(START + 900 * number, 900, number) for number in range(6)]
    text = with_readings(*readings)
    padded = text.replace("<IntervalReading ", f'<IntervalReading note="{"x" * 1_000}" ')
    monkeypatch.setattr(espi_source, "GREATEST_BATCH_BYTES", 2_000)
    assert [len(said([batch])) for batch in read(text)] == [6]
    assert [len(said([batch])) for batch in read(padded)] == [2, 2, 2]
    monkeypatch.setattr(espi_source, "MOST_BYTES_WAITING", 1_000)
    assert [len(said([batch])) for batch in read(padded)] == [1] * 6
    assert said(read(padded)) == [(*reading, 0) for reading in readings]
