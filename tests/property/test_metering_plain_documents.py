"""What holds of every file of 2030.5: cut by its bytes it says what it says as a stream of elements."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.reading_columns import ReadingColumns
from metering.sep.elements import MAX_DEPTH
from metering.sources import plain_documents as cutting
from metering.sources import sep_source
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.sources.sep_source import SepSource
from tests.support.metering_documents import document, reading

XMLNS = b' xmlns="urn:ieee:std:2030.5:ns"'
LIST = b"<MirrorUsagePointList" + XMLNS + b' all="2" results="2">'
END = b"</MirrorUsagePointList>"
ODD = (
    b"<!-- </MirrorUsagePoint> -->",
    b"<!-- x -->",
    b"<![CDATA[</MirrorUsagePoint>]]>",
    b"<?x </MirrorUsagePoint>?>",
    b'<?xml version="1.0"?>',
    b"<!DOCTYPE x>",
    b"<MirrorUsagePoint/>",
    b"<MirrorUsagePoint>",
    b"</MirrorUsagePoint>",
    b"</MirrorUsagePoint >",
    b"<MirrorMeterReading/>",
    b'<a xmlns="x"/>',
    b'<x:a xmlns:x="y"/>',
    b"<x:a/>",
    b"&amp;",
    b"&x;",
    b"&#0;",
    b"\xff",
    b"\xc3\xa9",
    b"<",
    b">",
    b"]]>",
    b' a="1"',
    b' a="1" a="2"',
    XMLNS,
    b"\0",
    b"text",
    b"<a>" * (MAX_DEPTH - 3) + b"</a>" * (MAX_DEPTH - 3),
    b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH,
    END,
)

documents = st.lists(st.integers(0, 10**6), max_size=4).map(
    lambda values: document(*(reading(value, quarter=place) for place, value in enumerate(values)))
)
heads = st.sampled_from(
    [
        LIST,
        b"<?xml version='1.0' encoding='utf-8'?>\n" + LIST,
        b'\xef\xbb\xbf<?xml version="1.0"?>' + LIST,
        b'<?xml version="1.0" encoding="iso-8859-1"?>' + LIST,
        b'<MirrorUsagePointList xmlns="http://ieee.org/2030.5">',
        b"<MirrorUsagePointList>",
        b'<s:MirrorUsagePointList xmlns:s="urn:ieee:std:2030.5:ns"' + XMLNS + b">",
        b"<rejected" + XMLNS + b">",
        LIST.replace(b">", b' all="3">'),
        b"",
    ]
)


def without_declaration(raw: bytes) -> bytes:
    return raw.partition(b"?>")[2] if raw.startswith(b"<?") else raw


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A list of documents or one of them, mostly plain, with something odd put in here and there."""
    head = draw(st.one_of(st.just(LIST), heads))
    inside = [without_declaration(each) for each in draw(st.lists(documents, max_size=4))]
    parts = [each.replace(XMLNS, b"", 1) if head and draw(st.integers(0, 9)) else each for each in inside]
    end = b"</" + head.rpartition(b"<")[2].partition(b" ")[0].rstrip(b">") + b">" if head else b""
    raw = head + draw(st.sampled_from([b"", b"\n ", b"\r\n"])).join(parts) + end
    for _ in range(draw(st.integers(0, 2))):
        places = [0, len(raw), *(place for place, byte in enumerate(raw) if byte in b"<>")]
        place = draw(st.one_of(st.integers(0, len(raw)), st.sampled_from(places)))
        place = min(place + draw(st.integers(0, 1)), len(raw))
        cut = draw(st.one_of(st.just(0), st.just(0), st.integers(0, 40)))
        raw = raw[:place] + draw(st.sampled_from([b"", *ODD])) + raw[place + cut :]
    return raw


def read(raw: bytes) -> tuple[Sequence[object], str | None]:
    """Return what a file says, without the bytes that are kept of it, and why it was not read on."""
    found: list[Found] = []
    why = None
    try:
        found.extend(SepSource().read(BytesIO(raw)))
    except SourceUnreadable as error:
        why = str(error)
    return [(each.place, each.document) if isinstance(each, Batch) else each for each in found], why


def read_as_elements(raw: bytes) -> tuple[Sequence[object], str | None]:
    with patch.object(sep_source, "plain_documents", side_effect=cutting.NotPlain):
        return read(raw)


@given(files(), st.sampled_from([262_144, 700, 61]))
def test_a_file_that_is_cut_says_what_it_says_as_elements(raw: bytes, at_once: int) -> None:
    with patch.object(cutting, "_READ_AT_ONCE", at_once):
        assert read(raw) == read_as_elements(raw)


@pytest.mark.parametrize("head", [LIST, b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n' + LIST, b""])
def test_documents_of_a_plain_file_are_kept_as_they_stand_in_it(head: bytes) -> None:
    one = without_declaration(document(*(reading(40, quarter=quarter) for quarter in range(96))))
    inside = [one.replace(XMLNS, b"", 1)] * 3 if head else [one]
    batches = list(SepSource().read(BytesIO(head + b"\n".join(inside) + (END if head else b""))))
    assert len(batches) == len(inside)
    for batch in batches:
        assert isinstance(batch, Batch)
        (register,) = batch.document.meter_readings
        assert isinstance(register.reading_sets[0].readings, ReadingColumns)
        assert batch.raw.replace(XMLNS, b"") == one.strip().replace(XMLNS, b"")


def test_what_is_found_before_a_file_breaks_off_is_given() -> None:
    one = without_declaration(document(reading(40))).replace(XMLNS, b"", 1)
    found, why = read(LIST + one + one.replace(b"<value>40<", b"<value>forty<") + one + b"<&" + END)
    assert [type(each) for each in found] == [tuple, Reject, tuple]
    assert why is not None
    assert "not well-formed" in why


def test_a_document_that_grows_too_large_ends_the_reading() -> None:
    one = without_declaration(document(reading(40))).replace(XMLNS, b"", 1)
    found, why = read(LIST + one + one.replace(b"<mRID>", b" " * 2_500_000 + b"<mRID>", 1) + END)
    assert len(found) == 1
    assert why is not None
    assert "more than" in why
