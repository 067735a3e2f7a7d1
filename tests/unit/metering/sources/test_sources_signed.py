"""Signed readings in files: whose, how much, and the lines that are none."""

from __future__ import annotations

import json
from base64 import b64encode
from io import BytesIO
from typing import Any

import pytest

from metering.sources.json_lines import GREATEST_JSON_BYTES
from metering.sources.meter_keys import MeterKey
from metering.sources.naming import meter_by_mrid
from metering.sources.ports import Batch, Found, Reject
from metering.sources.signed_json import FORM
from metering.sources.signed_source import SignedSource
from protocol.keys import new_private_key
from tests.support.metering_documents import METER, NOW

PRIVATE_KEY = new_private_key()
MRID = meter_by_mrid(METER).mrid


def find_key(meter: str, key_id: str) -> MeterKey | None:
    key = MeterKey(meter=MRID, key_id="first", public_key=PRIVATE_KEY.public_key, greatest_watts=1000)
    return key if (meter, key_id) == (MRID, "first") else None


def envelope(*watt_hours: int, **said: Any) -> str:
    readings = [
        {"start": f"2020-03-14T{hour:02}:00:00Z", "end": f"2020-03-14T{hour:02}:15:00Z", "wh": wh}
        for hour, wh in enumerate(watt_hours)
    ]
    payload = json.dumps(
        {"form": FORM, "meter": METER, "issued_at": "2020-03-14T12:00:00Z", "readings": readings} | said
    )
    return json.dumps(
        {
            "key": "first",
            "signature": b64encode(PRIVATE_KEY.sign(payload.encode())).decode(),
            "payload": payload,
        }
    )


def read(*lines: str) -> list[Found]:
    return list(SignedSource(find_key=find_key, now=NOW).read(BytesIO("\n".join(lines).encode())))


def test_what_was_signed_years_ago_may_be_imported_now() -> None:
    (batch,) = read("# a remark", "", envelope(250, 299))
    assert isinstance(batch, Batch)
    assert [each.value for each, _ in batch.document.meter_readings[0].readings()] == [250, 299]
    assert batch.place == "line 3"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (envelope(250, 300), "ABOVE_PHYSICAL_MAXIMUM"),
        (envelope(250, issued_at="2027-01-01T00:00:00Z"), "METER_READINGS_UNTIMELY"),
        (envelope(250).replace("first", "second"), "METER_SIGNATURE_INVALID"),
        (envelope(250).replace('"signature": "', '"signature": "*'), "METER_READINGS_MALFORMED"),
        (envelope(250).replace('"key": "first"', '"key": 1'), "METER_READINGS_MALFORMED"),
        (envelope(250).replace('"key": "first"', '"key": "\\ud800"'), "METER_READINGS_MALFORMED"),
        (envelope(250).replace('"key": "first", ', ""), "METER_READINGS_MALFORMED"),
        ("x" * (GREATEST_JSON_BYTES + 1), "LINE_TOO_LONG"),
        ("[" * 100_000, "METER_READINGS_MALFORMED"),
    ],
)
def test_a_line_that_its_meter_did_not_sign_so_is_rejected_and_the_others_are_taken(
    line: str, code: str
) -> None:
    found = read(line, envelope(250))
    assert [item.code for item in found if isinstance(item, Reject)] == [code]
    assert [item.place for item in found if isinstance(item, Batch)] == ["line 2"]


def test_what_is_kept_of_a_line_is_what_was_signed_in_whatever_envelope_it_lies() -> None:
    line = envelope(250)
    said = json.loads(line)
    again = json.dumps({name: said[name] for name in ("signature", "payload", "key")}, indent=None)
    kept = [batch.raw for batch in read(line, again, envelope(251)) if isinstance(batch, Batch)]
    assert kept[0] == kept[1] == f"{said['payload']}\n{said['signature']}".encode()
    assert kept[2] != kept[0]
    assert [batch.body for batch in read(line) if isinstance(batch, Batch)] == [line.encode() + b"\n"]
