"""Which form a file has, lists of 2030.5 documents, and the file of meters' keys."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest

from metering.sources.detection import Form, form_of
from metering.sources.meter_keys import MeterKeysUnreadable, load_meter_keys
from metering.sources.naming import MeterNameInvalid, meter_by_mrid
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.sources.sep_source import SepSource
from protocol.ed25519 import PrivateKey
from protocol.keys import write_public_key
from tests.support.metering_documents import document, reading

EXAMPLES = Path(__file__).resolve().parents[4] / "examples" / "meters"
SEP = (EXAMPLES / "day.sep.xml").read_text()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("day.csv", Form.CSV),
        ("day.sep.xml", Form.SEP),
        ("green-button.xml", Form.ESPI),
        ("charging.jsonl", Form.OCPP),
        ("signed.jsonl", Form.SIGNED),
    ],
)
def test_a_form_is_told_by_the_content(name: str, form: Form) -> None:
    raw = (EXAMPLES / name).read_bytes()
    for content in (raw, b"\xef\xbb\xbf" + raw, b"\n\n" + raw):
        stream = BytesIO(content)
        assert form_of(stream) is form
        assert stream.tell() == 0


@pytest.mark.parametrize(
    ("line", "form"),
    [
        (
            {"key": "a", "payload": '{"form": "degnode-readings-1"}' + " " * 9_000, "signature": "="},
            Form.SIGNED,
        ),
        ({"key": "a", "payload": '{"readings": []}' + " " * 9_000, "signature": "="}, Form.SIGNED),
        ({"key": "a", "payload": {}, "signature": "="}, Form.SIGNED),
        ({"action": "DataTransfer", "payload": {"payload": "x", "signature": "="}}, Form.OCPP),
        ([2, "1", "DataTransfer", {"payload": "x", "signature": "="}], Form.OCPP),
        ({"foo": 1}, Form.OCPP),
    ],
)
def test_signed_readings_are_told_from_messages_in_whatever_order_their_members_come(
    line: object, form: Form
) -> None:
    assert form_of(BytesIO(json.dumps(line).encode())) is form


@pytest.mark.parametrize(
    "content", [b"", b"\n \n", "meter,wh\n".encode("utf-16"), b"<html/>", b"PAR1\0\0\n", b"x"]
)
def test_what_is_in_no_known_form_is_refused(content: bytes) -> None:
    with pytest.raises(SourceUnreadable):
        form_of(BytesIO(content))


def read(text: str | bytes) -> list[Found]:
    return list(SepSource().read(BytesIO(text.encode() if isinstance(text, str) else text)))


def test_a_list_and_a_document_alone_are_read_and_what_is_kept_can_be_read_again() -> None:
    batches = read(SEP)
    assert [batch.document.mrid_as_sent for batch in batches if isinstance(batch, Batch)] == [
        "0100200300",
        "0100200400",
    ]
    for batch in (*batches, *read(document(reading(1)))):
        assert isinstance(batch, Batch)
        (again,) = read(batch.raw)
        assert isinstance(again, Batch)
        assert (again.document, again.raw) == (batch.document, batch.raw)


def test_a_document_that_cannot_be_read_is_rejected_and_the_others_are_taken() -> None:
    found = read(SEP.replace("<value>40<", "<value>forty<"))
    assert [type(item) for item in found] == [Reject, Batch]
    assert (found[0].place, b"forty" in found[0].raw) == ("MirrorUsagePoint 1", True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SEP.replace("?>", "?><!DOCTYPE x>", 1), "DOCTYPE"),
        (SEP.replace("urn:ieee:std:2030.5:ns", "http://ieee.org/2030.5"), "no MirrorUsagePoint"),
        ('<MirrorMeterReading xmlns="urn:ieee:std:2030.5:ns"/>', "could be anybody's"),
        (SEP[:-30], "not well-formed"),
        (SEP.replace(">40<", ">" + "<a>" * 40 + "</a>" * 40 + "<"), "nested deeper"),
    ],
)
def test_a_file_of_documents_that_is_meant_ill_is_refused(text: str, words: str) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        read(text)


def test_a_meter_is_named_by_an_mrid_in_any_spelling_or_a_uuid() -> None:
    for text in ("100200300", "0100200300", " 0100200300 ".zfill(8), "0" * 22 + "0100200300"):
        assert meter_by_mrid(text).mrid == "0100200300".zfill(32)
    uuid = "8a2b6f04-9f1d-4e5c-8f0e-2b7f5f5a0300"
    assert meter_by_mrid(uuid).mrid == meter_by_mrid(f"urn:uuid:{uuid}").mrid == uuid.replace("-", "").upper()
    with pytest.raises(MeterNameInvalid):
        meter_by_mrid("F" * 32)


def test_the_example_of_keys_is_read_by_meter_and_name() -> None:
    keys = load_meter_keys(EXAMPLES / "keys.yaml")
    key = keys.find("0100200300".zfill(32), "2026")
    assert key is not None
    assert key.greatest_watts == 10_000
    assert keys.find("0100200300".zfill(32), "2025") is None


ENTRY = '  - {{meter: "{meter}", key_id: a, public_key: "{key}"}}\n'
KEY = write_public_key(PrivateKey(bytes(range(32))).public_key)  # the same in every process
NUMBER = ENTRY.replace('"{meter}"', "{meter}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("meter_keys: [", "cannot be read"),
        ("keys: []", "meter_keys"),
        ("meter_keys:\n" + ENTRY.format(meter="0100200300", key=KEY) * 2, "meter_keys.1"),
        ("meter_keys:\n" + ENTRY.format(meter="M1", key=KEY), "meter_keys.0"),
        ("meter_keys:\n" + ENTRY.format(meter="0100200300", key=KEY[:20]), "meter_keys.0"),
        ("meter_keys:\n" + ENTRY.format(meter="0100200300", key="A" * 43 + "="), "meter_keys.0"),
        ("meter_keys:\n" + NUMBER.format(meter="0100200300", key=KEY), "in quotes"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_with_the_place(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(content)
    with pytest.raises(MeterKeysUnreadable) as refused:
        load_meter_keys(path)
    assert words in str(refused.value)
    with pytest.raises(MeterKeysUnreadable):
        load_meter_keys(tmp_path / "absent")
