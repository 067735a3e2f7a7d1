"""Readings that meters sign, over HTTP: whose signature counts, how old, and a verdict for each reading."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import func, select

from kernel.clock import ManualClock, format_instant
from metering.energy import Direction
from metering.ingest import IngestResult, record_mirror_document
from metering.query import interval_energy, total_energy
from metering.registration.record import MeterIdentity, MeterTerms
from metering.registration.registry import MeterRegistry
from metering.sources.meter_keys import MeterKey
from metering.sources.naming import meter_by_mrid
from metering.sources.signed_json import FORM, MOST_READINGS
from metering.sources.signed_json_server import signed_json_router
from metering.tables import meter_documents
from node.api_keys import ApiKeys
from node.app import create_app
from node.telemetry import Metrics
from protocol.ed25519 import PrivateKey
from protocol.keys import new_private_key
from storage.unit_of_work import Transaction, UnitOfWorkFactory
from tests.support.metering_documents import DAY, METER, MIDNIGHT, NOW, document, reading

QUARTER = timedelta(minutes=15)
MRID = meter_by_mrid(METER).mrid


class Meter:
    """Signs what it measured, and posts it."""

    def __init__(self, client: AsyncClient, key: PrivateKey) -> None:
        self._client = client
        self._key = key
        self.payload: dict[str, Any] = {"form": FORM, "meter": METER, "issued_at": format_instant(NOW)}

    def reads(self, *values: int | dict[str, int], first: int = 0) -> list[dict[str, Any]]:
        """Return readings of quarter hours from the `first` on."""
        starts = [MIDNIGHT + (first + number) * QUARTER for number in range(len(values))]
        return [
            {"start": format_instant(start), "end": format_instant(start + QUARTER)}
            | ({"wh": value} if isinstance(value, int) else value)
            for start, value in zip(starts, values, strict=True)
        ]

    def envelope(self, taken: list[dict[str, Any]], **said: Any) -> dict[str, str]:
        payload = json.dumps(self.payload | {"readings": taken} | said)
        signature = b64encode(self._key.sign(payload.encode())).decode()
        return {"key": "first", "signature": signature, "payload": payload}

    async def posts(self, *values: int | dict[str, int], first: int = 0, **said: Any) -> Response:
        return await self.sends(self.envelope(self.reads(*values, first=first), **said))

    async def sends(self, body: Any, **headers: str) -> Response:
        return await self._client.post("/api/v1/readings", json=body, headers=headers)


@pytest.fixture
def key() -> PrivateKey:
    return new_private_key()


@pytest.fixture
def heard() -> list[IngestResult]:
    return []


@pytest.fixture
async def client(
    uow_factory: UnitOfWorkFactory, key: PrivateKey, heard: list[IngestResult]
) -> AsyncIterator[AsyncClient]:
    known = {(MRID, "first"): MeterKey(meter=MRID, key_id="first", public_key=key.public_key)}

    async def hear(_uow: Transaction, results: Sequence[IngestResult], _now: datetime) -> None:
        heard.extend(results)

    router = signed_json_router(
        uow_factory=uow_factory,
        clock=ManualClock(NOW),
        find_key=lambda meter, key_id: known.get((meter, key_id)),
        on_recorded=hear,
    )
    app = create_app(
        title="node",
        description="",
        routers=[router],
        api_keys=ApiKeys(uow_factory=uow_factory, configured=None, clock=ManualClock(NOW)),
        metrics=Metrics(),
        readiness=_ready,
        running=nullcontext,
    )
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://node") as client:
        yield client


async def _ready() -> dict[str, bool]:
    return {}


@pytest.fixture
def meter(client: AsyncClient, key: PrivateKey) -> Meter:
    return Meter(client, key)


def verdicts(response: Response) -> list[tuple[int, str, str, str | None]]:
    """Return index, direction, verdict and reason of each reading in the answer."""
    assert response.status_code == 200, response.text
    return [
        (each["index"], each["direction"], each["verdict"], each.get("reason"))
        for each in response.json()["readings"]
    ]


def refusal(response: Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def quarter(**said: Any) -> dict[str, Any]:
    """Return the first quarter hour of the day, with what else is said of it."""
    return {"start": "2026-03-14T00:00:00Z", "end": "2026-03-14T00:15:00Z"} | said


async def documents(uow_factory: UnitOfWorkFactory) -> int:
    async with uow_factory() as uow:
        counted = select(func.count()).select_from(meter_documents)
        return (await uow.connection.execute(counted)).scalar_one()


async def energy(uow_factory: UnitOfWorkFactory, direction: Direction = Direction.IMPORT) -> int:
    async with uow_factory() as uow:
        found = await interval_energy(uow.connection, meter=METER, direction=direction, window=DAY)
    return total_energy(found).watt_hours


async def test_what_a_meter_signs_is_taken_once_and_corrected_by_what_it_signs_later(
    meter: Meter, uow_factory: UnitOfWorkFactory, heard: list[IngestResult]
) -> None:
    first = await meter.posts(250, 260)
    assert verdicts(first) == [(0, "import", "accepted", None), (1, "import", "accepted", None)]
    repeated = await meter.posts(250, 260)
    assert [verdict for _, _, verdict, _ in verdicts(repeated)] == ["duplicate", "duplicate"]
    corrected = await meter.posts(250, 270)
    assert [verdict for _, _, verdict, _ in verdicts(corrected)] == ["duplicate", "revised"]
    replayed = await meter.posts(250, 260)
    assert [verdict for _, _, verdict, _ in verdicts(replayed)] == ["duplicate", "duplicate"]
    assert await energy(uow_factory) == 520
    assert [bool(result.touched) for result in heard] == [True, False, True, False]


async def test_both_directions_of_a_reading_have_verdicts_of_their_own(
    meter: Meter, uow_factory: UnitOfWorkFactory
) -> None:
    await meter.posts({"export_wh": 900})
    answer = await meter.posts({"import_wh": 10, "export_wh": 901}, {"import_wh": 20, "export_wh": 800})
    assert verdicts(answer) == [
        (0, "import", "accepted", None),
        (0, "export", "revised", None),
        (1, "import", "accepted", None),
        (1, "export", "accepted", None),
    ]
    assert await energy(uow_factory) == 30
    assert await energy(uow_factory, Direction.EXPORT) == 1701


async def test_a_reading_in_doubt_is_set_aside_with_its_reason_and_the_others_are_taken(meter: Meter) -> None:
    answer = await meter.posts(250, first=95)
    assert verdicts(answer) == [(0, "import", "accepted", None)]
    answer = await meter.posts(250, 250, first=94)
    assert verdicts(answer) == [(0, "import", "accepted", None), (1, "import", "duplicate", None)]
    future = await meter.posts(1, first=97)
    assert verdicts(future) == [(0, "import", "quarantined", "FUTURE")]


async def test_more_than_the_registered_connection_carries_is_refused_and_the_rest_taken(
    meter: Meter, uow_factory: UnitOfWorkFactory
) -> None:
    async with uow_factory() as uow:
        await MeterRegistry(uow.connection).add(
            MeterIdentity(mrid=MRID),
            MeterTerms(sanctioned_watts=1000),
            valid_from=MIDNIGHT,
            holder=None,
            made_by="the operator",
            why="it was built",
            now=MIDNIGHT,
        )
    answer = await meter.posts(299, 300)  # of 1 kW for a quarter of an hour, 120 % are 300 Wh
    assert verdicts(answer) == [
        (0, "import", "accepted", None),
        (1, "import", "refused", "ABOVE_PHYSICAL_MAXIMUM"),
    ]
    assert await energy(uow_factory) == 299


async def test_a_meter_that_a_device_reports_is_the_same_meter(
    meter: Meter, uow_factory: UnitOfWorkFactory
) -> None:
    lfdi = b"<deviceLFDI>3E4F45AB31EDFE5B67E343E5E4562E31984E23E5</deviceLFDI>"
    raw = document(reading(7)).replace(b"</serviceCategoryKind>", b"</serviceCategoryKind>" + lfdi)
    async with uow_factory() as uow:
        await record_mirror_document(raw, uow=uow, now=NOW, sender="utility")
    await meter.posts(250, first=4)
    assert await energy(uow_factory) == 257


async def test_a_signature_of_anything_else_or_by_anybody_else_is_refused_and_changes_nothing(
    meter: Meter, client: AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    good = meter.envelope(meter.reads(250))
    stranger = Meter(client, new_private_key()).envelope(meter.reads(250))
    changed = good | {"payload": good["payload"].replace("250", "950")}
    other_meter = meter.envelope(meter.reads(250), meter="0100200399")
    unknown_key = good | {"key": "second"}
    cut = good | {"signature": good["signature"][:40]}
    for envelope in (stranger, changed, other_meter, unknown_key, cut):
        assert refusal(await meter.sends(envelope)) == (401, "METER_SIGNATURE_INVALID")
    assert await documents(uow_factory) == 0


async def test_the_envelope_may_be_written_anew_on_its_way(meter: Meter) -> None:
    good = meter.envelope(meter.reads(250))
    again = {name: good[name] for name in ("payload", "signature", "key")}
    assert verdicts(await meter.sends(again)) == [(0, "import", "accepted", None)]


async def test_signed_readings_that_are_sent_again_in_whatever_envelope_undo_no_correction(
    meter: Meter, client: AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    first = meter.envelope(meter.reads(250))
    await meter.sends(first)
    await meter.posts(270, issued_at=format_instant(NOW + timedelta(seconds=60)))
    signature = first["signature"]
    spelt_otherwise = signature[:-3] + chr(ord(signature[-3]) + 1) + "=="  # two bits that decode to nothing
    for envelope in (
        {name: first[name] for name in ("payload", "signature", "key")},
        first | {"signature": spelt_otherwise},
    ):
        for content in (json.dumps(envelope), json.dumps(envelope, indent=3)):
            answer = await client.post(
                "/api/v1/readings", content=content, headers={"content-type": "application/json"}
            )
            assert verdicts(answer) == [(0, "import", "duplicate", None)]
    assert await energy(uow_factory) == 270
    assert await documents(uow_factory) == 2


@pytest.mark.parametrize(
    ("issued_at", "taken"),
    [
        (NOW - timedelta(days=1), True),
        (NOW - timedelta(days=1, seconds=1), False),
        (NOW + timedelta(seconds=120), True),
        (NOW + timedelta(seconds=121), False),
    ],
)
async def test_what_was_issued_long_ago_or_in_the_future_is_refused(
    meter: Meter, issued_at: datetime, taken: bool
) -> None:
    answer = await meter.posts(250, issued_at=format_instant(issued_at))
    if taken:
        assert verdicts(answer) == [(0, "import", "accepted", None)]
    else:
        assert refusal(answer) == (400, "METER_READINGS_UNTIMELY")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"form": "degnode-readings-2"}, "the form is not"),
        ({"meter": "no mrid"}, "no mRID"),
        ({"readings": []}, "there are no readings"),
        ({"readings": [quarter(end="2026-03-14T00:00:00Z", wh=1)]}, "after it starts"),
        ({"readings": [quarter(end="2026-03-14T00:15:00", wh=1)]}, "no instant"),
        ({"readings": [quarter(end="2026-03-14T00:15:00.5Z", wh=1)]}, "whole second"),
        ({"readings": [quarter(wh=1.5)]}, "whole number"),
        ({"readings": [quarter(wh=-1)]}, "whole number"),
        ({"readings": [quarter(wh=True)]}, "whole number"),
        ({"readings": [quarter(wh=1, import_wh=1)]}, "it needs wh"),
        ({"readings": [quarter()]}, "it needs wh"),
        ({"readings": [quarter(kwh=1)]}, "not known here"),
        ({"readings": [quarter(wh=1, quality="good")]}, "no word for a quality"),
        ({"priority": 1}, "not known here"),
    ],
)
async def test_a_payload_that_is_not_of_the_form_is_refused_in_words(
    meter: Meter, uow_factory: UnitOfWorkFactory, change: dict[str, Any], words: str
) -> None:
    envelope = meter.envelope(meter.reads(250), **change)
    answer = await meter.sends(envelope)
    assert (answer.status_code, words in answer.text) == (400, True), answer.text
    assert await documents(uow_factory) == 0


async def test_a_body_over_a_limit_or_in_another_form_is_refused(meter: Meter, client: AsyncClient) -> None:
    many = meter.envelope(meter.reads(*range(MOST_READINGS + 1)))
    assert refusal(await meter.sends(many)) == (413, "METER_READINGS_TOO_MANY")
    assert refusal(await meter.sends({"payload": "x" * 1_000_000})) == (413, "METER_READINGS_TOO_MANY")
    xml = await client.post("/api/v1/readings", content=b"<a/>", headers={"content-type": "application/xml"})
    assert refusal(xml) == (415, "METER_MEDIA_TYPE_UNSUPPORTED")
    for content in (b"", b"\xff", b"[" * 5000, b'{"key":"1","key":"2"}', b'{"key": NaN}', b"[]", b'"a"'):
        answer = await client.post(
            "/api/v1/readings", content=content, headers={"content-type": "application/json"}
        )
        assert refusal(answer) == (400, "METER_READINGS_MALFORMED")
