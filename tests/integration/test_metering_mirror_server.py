"""The mirror over HTTP: statuses, Location, Error documents, paging, and who hears of what was taken."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import func, select, text

from kernel.clock import ManualClock
from kernel.errors import NodeError
from metering.ingest import IngestResult
from metering.sep.elements import parse_document, qualified
from metering.sep.mirror_server import mirror_router
from metering.sep.writer import write_mirror_meter_reading, write_mirror_usage_point
from metering.tables import meter_documents, meter_usage_points
from storage.unit_of_work import Transaction, UnitOfWorkFactory
from tests.support.metering_documents import NOW, day_of_readings, document, meter, reading, register

_SEP = {"content-type": "application/sep+xml", "authorization": "utility"}


class _NotKnown(NodeError):
    code, http_status = "NOT_KNOWN", 401


class _Listener:
    """Hears of what was taken, and may refuse it."""

    def __init__(self) -> None:
        self.heard: list[tuple[IngestResult, datetime, int]] = []
        self.refuses = False

    async def __call__(self, uow: Transaction, results: Sequence[IngestResult], now: datetime) -> None:
        documents = await uow.driver.fetchval("SELECT count(*) FROM meter_documents")
        self.heard += [(result, now, documents) for result in results]
        if self.refuses:
            raise _NotKnown("not now")


async def _authenticate(request: Request) -> str:
    sender = request.headers.get("authorization")
    if not sender:
        raise _NotKnown("nobody says who sends this", hint="Send Authorization.")
    return sender


@pytest.fixture
def listener() -> _Listener:
    return _Listener()


@pytest.fixture
async def mirror(uow_factory: UnitOfWorkFactory, listener: _Listener) -> AsyncIterator[AsyncClient]:
    """A client of a mirror under `/sep2`."""
    app = FastAPI()
    router = mirror_router(
        uow_factory=uow_factory, clock=ManualClock(NOW), authenticate=_authenticate, on_recorded=listener
    )
    app.include_router(router, prefix="/sep2")
    transport = ASGITransport(app=app)
    async with AsyncClient(transport=transport, base_url="http://mirror", headers=_SEP) as client:
        yield client


def _error(response: Response) -> tuple[int, str | None, str]:
    assert response.headers["content-type"] == "application/sep+xml"
    root = parse_document(response.content)
    assert root.tag == qualified("Error")
    return (
        response.status_code,
        root.findtext(qualified("reasonCode")),
        root.findtext(qualified("message")) or "",
    )


async def test_a_new_meter_is_created_and_a_known_one_is_not(mirror: AsyncClient) -> None:
    first = await mirror.post("/sep2/mup", content=document(reading(1)))
    again = await mirror.post("/sep2/mup", content=document(reading(2, quarter=1)))
    assert (first.status_code, again.status_code) == (201, 204)
    assert re.fullmatch(r"/sep2/mup/[0-9]+", first.headers["location"])
    assert again.headers["location"] == first.headers["location"]
    assert first.content == again.content == b""


async def test_readings_are_posted_to_their_meter(mirror: AsyncClient, listener: _Listener) -> None:
    location = (await mirror.post("/sep2/mup", content=document(reading(1)))).headers["location"]
    alone = write_mirror_meter_reading(register([reading(2, quarter=1)], kind=None))
    response = await mirror.post(location, content=alone)
    assert (response.status_code, response.headers["location"]) == (201, location)
    assert [(result.accepted, now) for result, now, _ in listener.heard] == [(1, NOW), (1, NOW)]


async def test_a_gzipped_document_is_the_same_document(mirror: AsyncClient, listener: _Listener) -> None:
    raw = document(*day_of_readings())
    await mirror.post("/sep2/mup", content=gzip.compress(raw), headers={"content-encoding": "gzip"})
    await mirror.post("/sep2/mup", content=raw, headers={"content-type": "application/xml"})
    assert [(result.accepted, result.repeated) for result, *_ in listener.heard] == [(96, False), (0, True)]


async def test_a_reading_in_doubt_does_not_refuse_the_document(
    mirror: AsyncClient, listener: _Listener
) -> None:
    response = await mirror.post("/sep2/mup", content=document(reading(1), reading(-1, quarter=1)))
    assert response.status_code == 201
    ((result, *_),) = listener.heard
    assert (result.accepted, len(result.quarantined)) == (1, 1)


@pytest.mark.parametrize(
    ("content", "headers", "status", "reason"),
    [
        (b"<!DOCTYPE x>" + document()[39:], {}, 400, "0"),
        (b"not xml", {}, 400, "0"),
        (document(reading(2**47 + 1)), {}, 400, "1"),
        (b" " * 2_000_001, {}, 413, "2"),
        (gzip.compress(b" " * 2_000_001, mtime=0), {"content-encoding": "gzip"}, 413, "2"),
        (document(), {"content-type": "application/sep-exi"}, 415, "3"),
        (document(), {"authorization": ""}, 401, "3"),
    ],
)
async def test_a_refusal_is_an_error_document_and_leaves_nothing(
    mirror: AsyncClient,
    uow_factory: UnitOfWorkFactory,
    listener: _Listener,
    content: bytes,
    headers: dict[str, str],
    status: int,
    reason: str,
) -> None:
    response = await mirror.post("/sep2/mup", content=content, headers=headers)
    assert _error(response)[:2] == (status, reason)
    async with uow_factory() as uow:
        for table in (meter_usage_points, meter_documents):
            found = select(func.count()).select_from(table)
            assert (await uow.connection.execute(found)).scalar_one() == 0
    assert listener.heard == []


async def test_an_unknown_meter_and_another_senders_are_refused(mirror: AsyncClient) -> None:
    alone = write_mirror_meter_reading(register([reading(1)]))
    for number in (999, 10**30):
        assert _error(await mirror.post(f"/sep2/mup/{number}", content=alone))[0] == 404
    await mirror.post("/sep2/mup", content=document(reading(1)))
    foreign = await mirror.post("/sep2/mup", content=document(reading(2)), headers={"authorization": "other"})
    assert _error(foreign)[0] == 403


async def test_the_listener_works_in_the_unit_of_work_that_keeps_the_document(
    mirror: AsyncClient, uow_factory: UnitOfWorkFactory, listener: _Listener
) -> None:
    listener.refuses = True
    assert _error(await mirror.post("/sep2/mup", content=document(reading(1))))[0] == 401
    assert [documents for *_, documents in listener.heard] == [1]
    async with uow_factory() as uow:
        assert (await uow.connection.execute(text("SELECT count(*) FROM meter_documents"))).scalar_one() == 0


async def test_a_mirror_needs_no_listener(uow_factory: UnitOfWorkFactory) -> None:
    app = FastAPI()
    app.include_router(
        mirror_router(uow_factory=uow_factory, clock=ManualClock(NOW), authenticate=_authenticate)
    )
    async with AsyncClient(
        transport=ASGITransport(app=app), base_url="http://mirror", headers=_SEP
    ) as client:
        assert (await client.post("/mup", content=document(reading(1)))).status_code == 201


async def test_meters_are_listed_page_by_page_to_their_sender_only(mirror: AsyncClient) -> None:
    for number in range(3):
        raw = write_mirror_usage_point(meter(mrid=f"0{number + 1}", lfdi="AB" * 20))
        await mirror.post("/sep2/mup", content=raw)
    await mirror.post(
        "/sep2/mup", content=write_mirror_usage_point(meter(mrid="0F")), headers={"authorization": "other"}
    )

    async def page(query: str) -> tuple[str | None, str | None, list[str | None]]:
        root = parse_document((await mirror.get(f"/sep2/mup{query}")).content)
        mrids = [item.findtext(qualified("mRID")) for item in root.iterfind(qualified("MirrorUsagePoint"))]
        return root.get("all"), root.get("results"), mrids

    assert await page("") == ("3", "1", ["01"])
    assert await page("?s=1&l=5") == ("3", "2", ["02", "03"])
    assert await page("?s=3&l=5") == ("3", "0", [])
    assert await page("?l=0") == ("3", "0", [])


async def test_a_listed_meters_href_is_where_its_readings_go(mirror: AsyncClient) -> None:
    location = (await mirror.post("/sep2/mup", content=document(reading(1)))).headers["location"]
    root = parse_document((await mirror.get("/sep2/mup")).content)
    assert [item.get("href") for item in root] == [location]


@pytest.mark.parametrize("query", ["s=-1", "l=-1", "l=x", "s=1_0", "s=99999999999"])
async def test_a_page_that_cannot_be_counted_is_refused(mirror: AsyncClient, query: str) -> None:
    assert _error(await mirror.get(f"/sep2/mup?{query}"))[:2] == (400, "1")


@pytest.mark.parametrize("digits", [19, 20, 5_000])
@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("HEAD", 404), ("POST", 404), ("DELETE", 405)])
async def test_a_number_that_no_meter_can_have_is_not_found(
    mirror: AsyncClient, method: str, status: int, digits: int
) -> None:
    alone = write_mirror_meter_reading(register([reading(2, quarter=1)], kind=None))
    response = await mirror.request(method, f"/sep2/mup/{'9' * digits}", content=alone)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/sep+xml"
