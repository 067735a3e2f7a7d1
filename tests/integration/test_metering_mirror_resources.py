"""What a mirror tells devices: capability, time, one meter; what it refuses; who is behind a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import select

from kernel.clock import ManualClock
from kernel.errors import NodeError
from metering.ingest import IngestResult
from metering.sep.elements import LEGACY_NAMESPACE, NAMESPACE, parse_document, qualified
from metering.sep.mirror_policy import DEFAULT_POLICY, MirrorPolicy
from metering.sep.mirror_server import mirror_router
from metering.sep.terminator import CertificateHeader
from metering.sep.writer import (
    in_legacy_namespace,
    write_mirror_meter_reading,
    write_mirror_meter_reading_list,
    write_mirror_usage_point,
)
from metering.tables import meter_usage_points
from storage.database import Database
from storage.unit_of_work import Transaction, UnitOfWorkFactory
from tests.support.device_certificates import DeviceAuthority
from tests.support.metering_documents import (
    DELTA_EXPORT,
    EXPORT_REGISTER,
    METER,
    NOW,
    document,
    meter,
    reading,
    register,
)

SEP = {"content-type": "application/sep+xml", "x-key": "utility"}


class _NotKnown(NodeError):
    code, http_status = "NOT_KNOWN", 401


async def by_key(request: Request) -> str:
    if not (sender := request.headers.get("x-key")):
        raise _NotKnown("nobody says who sends this")
    return sender


@asynccontextmanager
async def mirror(
    uow_factory: UnitOfWorkFactory,
    policy: MirrorPolicy = DEFAULT_POLICY,
    *,
    clock: ManualClock | None = None,
    prefix: str = "",
    heard: list[int] | None = None,
) -> AsyncIterator[AsyncClient]:
    """Yield a client of a mirror."""

    async def note(_uow: Transaction, results: Sequence[IngestResult], _now: datetime) -> None:
        if heard is not None:
            heard.extend(result.accepted for result in results)

    app = FastAPI()
    app.include_router(
        mirror_router(
            uow_factory=uow_factory,
            clock=clock or ManualClock(NOW),
            authenticate=by_key,
            on_recorded=note,
            policy=policy,
        ),
        prefix=prefix,
    )
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://mirror", headers=SEP) as client:
        yield client


def root_of(answer: Response) -> ET.Element:
    assert answer.headers["content-type"] == "application/sep+xml"
    return parse_document(answer.content)


def error_of(answer: Response) -> tuple[int, str | None]:
    root = root_of(answer)
    assert root.tag == qualified("Error")
    return answer.status_code, root.findtext(qualified("reasonCode"))


def numbers_in(root: ET.Element) -> dict[str, int]:
    return {element.tag.rpartition("}")[2]: int(element.text or "") for element in root}


async def test_the_capability_leads_to_the_time_and_to_the_meters(uow_factory: UnitOfWorkFactory) -> None:
    policy = MirrorPolicy(poll_rate=timedelta(seconds=60))
    async with mirror(uow_factory, policy, prefix="/sep2") as client:
        await client.post("/sep2/mup", content=write_mirror_usage_point(meter()))
        root = root_of(await client.get("/sep2/dcap"))
        assert (root.tag, root.get("pollRate"), root.get("href")) == (
            qualified("DeviceCapability"),
            "60",
            "/sep2/dcap",
        )
        links = {child.tag: (child.get("href") or "", child.get("all")) for child in root}
        assert links == {
            qualified("TimeLink"): ("/sep2/tm", None),
            qualified("MirrorUsagePointListLink"): ("/sep2/mup", "1"),
        }
        for href, _ in links.values():
            assert (await client.get(href)).status_code == 200


async def test_the_time_is_that_of_the_node_with_its_zone(uow_factory: UnitOfWorkFactory) -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)
    policy = MirrorPolicy(time_zone=ZoneInfo("Europe/Berlin"), time_quality=4)
    async with mirror(uow_factory, policy, clock=ManualClock(summer)) as client:
        told = numbers_in(root_of(await client.get("/tm")))
    assert told == {
        "currentTime": int(summer.timestamp()),
        "localTime": int(summer.timestamp()) + 7_200,
        "dstEndTime": int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()),
        "dstStartTime": int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()),
        "dstOffset": 3_600,
        "tzOffset": 3_600,
        "quality": 4,
    }


async def test_one_meter_is_shown_without_its_registers(uow_factory: UnitOfWorkFactory) -> None:
    async with mirror(uow_factory, MirrorPolicy(post_rate=timedelta(seconds=300))) as client:
        location = (await client.post("/mup", content=document(reading(1)))).headers["location"]
        root = root_of(await client.get(location))
    assert (root.tag, root.get("href")) == (qualified("MirrorUsagePoint"), location)
    assert root.findtext(qualified("mRID")) == METER
    assert root.findtext(qualified("postRate")) == "300"
    assert root.find(qualified("MirrorMeterReading")) is None


async def test_a_meter_is_shown_to_nobody_else_and_what_is_not_there_is_not_found(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with mirror(uow_factory) as client:
        location = (await client.post("/mup", content=document())).headers["location"]
        assert error_of(await client.get(location, headers={"x-key": "other"})) == (403, "3")
        for number in (10**6, 2**63, 10**30):
            assert error_of(await client.get(f"/mup/{number}")) == (404, "3")


async def test_a_meter_without_registers_is_taken_and_its_list_of_registers_after_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    heard: list[int] = []
    async with mirror(uow_factory, heard=heard) as client:
        alone = write_mirror_usage_point(meter())
        first, again = [await client.post("/mup", content=alone) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 204)
        listed = write_mirror_meter_reading_list(
            [
                register([reading(1), reading(2, quarter=1)]),
                register([reading(3)], mrid=EXPORT_REGISTER, kind=DELTA_EXPORT),
            ]
        )
        posted = await client.post(first.headers["location"], content=listed)
    assert (posted.status_code, posted.headers["location"]) == (201, first.headers["location"])
    assert heard == [0, 0, 3]


@pytest.mark.parametrize("path", ["/dcap", "/tm", "/mup", "/mup/{}"])
async def test_the_head_of_what_can_be_shown_is_that_of_the_answer(
    uow_factory: UnitOfWorkFactory, path: str
) -> None:
    async with mirror(uow_factory) as client:
        number = (await client.post("/mup", content=document())).headers["location"].rpartition("/")[2]
        whole, head = await client.get(path.format(number)), await client.head(path.format(number))
    assert (head.status_code, head.headers) == (200, whole.headers)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/mup/{}", "GET, HEAD, POST"),
        ("PUT", "/mup/{}", "GET, HEAD, POST"),
        ("PUT", "/mup", "GET, HEAD, POST"),
        ("POST", "/dcap", "GET, HEAD"),
        ("PUT", "/tm", "GET, HEAD"),
    ],
)
async def test_what_is_not_possible_is_refused_with_what_is(
    uow_factory: UnitOfWorkFactory, method: str, path: str, allowed: str
) -> None:
    async with mirror(uow_factory) as client:
        location = (await client.post("/mup", content=document(reading(1)))).headers["location"]
        refused = await client.request(method, path.format(location.rpartition("/")[2]))
        assert (error_of(refused), refused.headers["allow"]) == ((405, "3"), allowed)
        assert (await client.get(location)).status_code == 200


async def test_a_pace_that_is_only_told_refuses_nothing(uow_factory: UnitOfWorkFactory) -> None:
    async with mirror(uow_factory, MirrorPolicy(post_rate=timedelta(seconds=300))) as client:
        location = (await client.post("/mup", content=document(reading(1)))).headers["location"]
        for quarter in (1, 2):
            more = write_mirror_meter_reading(register([reading(1, quarter=quarter)]))
            assert (await client.post(location, content=more)).status_code == 201


async def test_a_pace_that_is_held_refuses_what_comes_too_soon_and_says_how_long_to_wait(
    uow_factory: UnitOfWorkFactory,
) -> None:
    clock = ManualClock(NOW)
    policy = MirrorPolicy(post_rate=timedelta(seconds=300), holds_post_rate=True)
    async with mirror(uow_factory, policy, clock=clock) as client:
        location = (await client.post("/mup", content=write_mirror_usage_point(meter()))).headers["location"]

        async def post(quarter: int) -> Response:
            more = write_mirror_meter_reading(register([reading(1, quarter=quarter)]))
            return await client.post(location, content=more)

        assert (await post(0)).status_code == 201
        refused = await post(1)
        assert (error_of(refused), refused.headers["retry-after"]) == ((429, "4"), "270")
        assert root_of(refused).findtext(qualified("maxRetryDuration")) == "270"
        other = write_mirror_usage_point(meter(register([reading(1)]), mrid="0F"))
        assert (await client.post("/mup", content=other)).status_code == 201
        clock.set(NOW + timedelta(seconds=270))
        assert (await post(1)).status_code == 201


async def test_a_document_that_is_refused_takes_no_turn(uow_factory: UnitOfWorkFactory) -> None:
    policy = MirrorPolicy(post_rate=timedelta(seconds=300), holds_post_rate=True)
    more = write_mirror_meter_reading(register([reading(1)]))
    async with mirror(uow_factory, policy) as client:
        assert error_of(await client.post("/mup/1", content=more))[0] == 404
        location = (await client.post("/mup", content=write_mirror_usage_point(meter()))).headers["location"]
        assert location == "/mup/1"
        assert (await client.post(location, content=more)).status_code == 201


async def test_the_namespace_of_2013_is_for_those_who_are_named_and_answered_in_kind(
    uow_factory: UnitOfWorkFactory,
) -> None:
    heard: list[int] = []
    policy = MirrorPolicy(legacy_senders=frozenset({"utility"}))
    old = in_legacy_namespace(document(reading(1)))
    async with mirror(uow_factory, policy, heard=heard) as client:
        location = (await client.post("/mup", content=old)).headers["location"]
        assert error_of(await client.post("/mup", content=old, headers={"x-key": "other"})) == (400, "0")
        assert (await client.post("/mup", content=document(reading(2, quarter=1)))).status_code == 204
        for path in ("/dcap", "/tm", "/mup", location):
            answer = (await client.get(path)).text
            assert (LEGACY_NAMESPACE in answer, NAMESPACE in answer) == (True, False)
        assert NAMESPACE in (await client.get("/dcap", headers={"x-key": "other"})).text
    assert heard == [1, 1]


@pytest.mark.parametrize("wishes", [{}, {"x-key": "utility"}])
async def test_the_device_behind_a_named_proxy_is_who_the_proxy_says(
    uow_factory: UnitOfWorkFactory, tmp_path: Path, wishes: dict[str, str]
) -> None:
    device = DeviceAuthority(tmp_path).device("house")
    header = CertificateHeader(name="x-client-cert", proxies=[ip_network("127.0.0.0/8")])
    async with mirror(uow_factory, MirrorPolicy(certificate_header=header)) as client:
        headers = {"x-key": "", "x-client-cert": quote(device.pem), **wishes}
        assert (await client.post("/mup", content=document(), headers=headers)).status_code == 201
        foreign = write_mirror_usage_point(meter(lfdi="AB" * 20))
        assert error_of(await client.post("/mup", content=foreign, headers=headers)) == (403, "3")
    async with uow_factory() as uow:
        senders = (await uow.connection.execute(select(meter_usage_points.c.sender))).scalars().all()
    assert senders == [f"lfdi:{device.lfdi}"]


@pytest.mark.parametrize(
    ("proxies", "value", "key", "status"),
    [
        ("127.0.0.0/8", "", "", 401),
        ("127.0.0.0/8", "ab" * 20, "utility", 401),
        ("10.0.0.0/8", "ab" * 32, "", 401),
        ("127.0.0.0/8", "", "utility", 201),
        ("10.0.0.0/8", "ab" * 32, "utility", 201),
    ],
)
async def test_without_a_certificate_from_a_named_proxy_a_key_is_needed(
    uow_factory: UnitOfWorkFactory, proxies: str, value: str, key: str, status: int
) -> None:
    header = CertificateHeader(name="x-client-cert", proxies=[ip_network(proxies)])
    headers = {"x-key": key, "x-client-cert": value}
    async with mirror(uow_factory, MirrorPolicy(certificate_header=header)) as client:
        answer = await client.post("/mup", content=document(), headers=headers)
        assert answer.status_code == status
        if status == 201:
            assert (await client.get("/mup", headers={"x-key": key})).text.count("<mRID>") == 1


async def test_a_database_that_is_away_is_an_error_document_that_says_to_come_again() -> None:
    away = Database.connect("postgresql://nobody@127.0.0.1:9/nowhere")
    async with mirror(UnitOfWorkFactory(away)) as client:
        answers = [await client.get("/dcap"), await client.post("/mup", content=document(reading(1)))]
    await away.close()
    assert [(*error_of(answer), answer.headers["retry-after"]) for answer in answers] == [(503, "2", "1")] * 2
