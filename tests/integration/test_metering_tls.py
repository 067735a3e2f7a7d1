"""Meters over real TLS: who is let in, what is negotiated, and for whom a certificate may speak."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI, Request
from sqlalchemy import select

from degnode.serve import server_configuration
from degnode.side_door import DoorServer, SideDoor
from kernel.clock import ManualClock
from kernel.errors import NodeError
from metering.sep.elements import parse_document, qualified
from metering.sep.mirror import is_mirror_path
from metering.sep.mirror_policy import DEFAULT_POLICY, MirrorPolicy
from metering.sep.mirror_server import mirror_router
from metering.sep.tls import CCM8, TlsMaterial, TlsMaterialUnusable, client_context, server_context
from metering.sep.writer import write_mirror_meter_reading, write_mirror_usage_point
from metering.tables import meter_usage_points
from node.settings import ServiceSettings
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.device_certificates import Credentials, DeviceAuthority
from tests.support.metering_documents import NOW, meter, reading, register

SEP = {"content-type": "application/sep+xml"}


class _NoKey(NodeError):
    code, http_status = "NO_KEY", 401


async def _no_key(_request: Request) -> str:
    raise _NoKey("neither certificate nor key")


@pytest.fixture
def authority(tmp_path: Path) -> DeviceAuthority:
    return DeviceAuthority(tmp_path)


@pytest.fixture
def device(authority: DeviceAuthority) -> Credentials:
    return authority.device("house")


@asynccontextmanager
async def meters_port(
    uow_factory: UnitOfWorkFactory, authority: DeviceAuthority, policy: MirrorPolicy = DEFAULT_POLICY
) -> AsyncIterator[str]:
    """Open a port for meters alone; yield its address."""
    app = FastAPI()
    app.include_router(
        mirror_router(uow_factory=uow_factory, clock=ManualClock(NOW), authenticate=_no_key, policy=policy)
    )

    @app.get("/healthz")
    async def healthz() -> str:
        return "live"

    door = SideDoor(
        host="127.0.0.1",
        port=0,
        context=server_context(authority.server().material),
        leads_to=is_mirror_path,
    )
    server = DoorServer(
        server_configuration(app, ServiceSettings(), lifespan="off", grace_seconds=1, door=door)
    )
    await server.open()
    try:
        yield f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        await server.close()


@pytest.fixture
async def address(uow_factory: UnitOfWorkFactory, authority: DeviceAuthority) -> AsyncIterator[str]:
    async with meters_port(uow_factory, authority) as address:
        yield address


def calling(address: str, credentials: Credentials) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, verify=client_context(credentials.material), headers=SEP)


async def cipher_of(address: str, context: ssl.SSLContext) -> str:
    """Return what a client with `context` and the server agree upon."""
    host, port = address.removeprefix("https://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    agreed: tuple[str, str, int] = writer.get_extra_info("cipher")
    writer.close()
    await writer.wait_closed()
    return agreed[0]


def only_ccm8(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return a context that knows nothing but what 2030.5 asks of everybody."""
    context.set_ciphers(CCM8)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


async def test_a_device_that_knows_only_the_standards_suite_is_served(
    address: str, device: Credentials
) -> None:
    context = only_ccm8(client_context(device.material))
    assert await cipher_of(address, context) == CCM8
    async with httpx.AsyncClient(base_url=address, verify=context, headers=SEP) as client:
        posted = await client.post("/mup", content=write_mirror_usage_point(meter(lfdi=device.lfdi)))
    assert posted.status_code == 201


async def test_our_client_meets_a_server_that_knows_only_the_standards_suite(
    authority: DeviceAuthority, device: Credentials
) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    context = only_ccm8(server_context(authority.server().material))
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        assert await cipher_of(f"https://127.0.0.1:{port}", client_context(device.material)) == CCM8


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_modern_device_is_served_without_the_short_tags_of_the_standard(
    address: str, device: Credentials, newest: ssl.TLSVersion
) -> None:
    context = client_context(device.material)
    context.maximum_version = newest
    assert "GCM" in await cipher_of(address, context)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", ["nobody", "a stranger"])
async def test_without_a_certificate_of_a_known_authority_nothing_is_answered(
    address: str, authority: DeviceAuthority, tmp_path: Path, who: str, newest: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.maximum_version = newest
    if who == "a stranger":
        stranger = DeviceAuthority(tmp_path, "elsewhere").device("house").material
        context.load_cert_chain(stranger.certificate, stranger.key)
    async with httpx.AsyncClient(base_url=address, verify=context) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/dcap")


async def test_our_client_refuses_a_server_of_another_authority(
    address: str, tmp_path: Path, device: Credentials
) -> None:
    elsewhere = DeviceAuthority(tmp_path, "elsewhere")
    material = replace(device.material, authorities=(elsewhere.file,))
    async with httpx.AsyncClient(base_url=address, verify=client_context(material)) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get("/dcap")


async def test_tls_before_1_2_is_refused(address: str, device: Credentials) -> None:
    context = client_context(device.material)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await cipher_of(address, context)


async def test_a_device_is_kept_by_the_name_that_its_certificate_gives(
    address: str, uow_factory: UnitOfWorkFactory, device: Credentials
) -> None:
    async with calling(address, device) as client:
        lower_case = write_mirror_usage_point(meter(register([reading(1)]), lfdi=device.lfdi.lower()))
        location = (await client.post("/mup", content=lower_case)).headers["location"]
        more = write_mirror_meter_reading(register([reading(2, quarter=1)], kind=None))
        assert (await client.post(location, content=more)).status_code == 201
    async with uow_factory() as uow:
        c = meter_usage_points.c
        kept = (await uow.connection.execute(select(c.sender, c.device_lfdi))).all()
    assert [tuple(row) for row in kept] == [(f"lfdi:{device.lfdi}", device.lfdi)]


async def test_a_meter_that_names_no_device_is_that_of_the_certificate(
    address: str, uow_factory: UnitOfWorkFactory, device: Credentials
) -> None:
    async with calling(address, device) as client:
        assert (await client.post("/mup", content=write_mirror_usage_point(meter()))).status_code == 201
    async with uow_factory() as uow:
        kept = (await uow.connection.execute(select(meter_usage_points.c.device_lfdi))).scalar_one()
    assert kept == device.lfdi


async def test_two_devices_may_have_given_their_meters_the_same_mrid(
    address: str, authority: DeviceAuthority, device: Credentials
) -> None:
    for credentials in (device, authority.device("other house")):
        async with calling(address, credentials) as client:
            assert (await client.post("/mup", content=write_mirror_usage_point(meter()))).status_code == 201


async def test_a_device_may_not_speak_for_another(
    address: str, authority: DeviceAuthority, uow_factory: UnitOfWorkFactory, device: Credentials
) -> None:
    other = authority.device("other house")
    async with calling(address, device) as client:
        refused = await client.post("/mup", content=write_mirror_usage_point(meter(lfdi=other.lfdi)))
    assert refused.status_code == 403
    assert device.lfdi in (parse_document(refused.content).findtext(qualified("message")) or "")
    async with uow_factory() as uow:
        assert (await uow.connection.execute(select(meter_usage_points.c.id))).all() == []


async def test_nor_may_it_see_or_feed_the_meter_of_another(
    address: str, authority: DeviceAuthority, device: Credentials
) -> None:
    async with calling(address, device) as client:
        location = (await client.post("/mup", content=write_mirror_usage_point(meter()))).headers["location"]
    async with calling(address, authority.device("other house")) as client:
        fed = await client.post(location, content=write_mirror_meter_reading(register([reading(1)])))
        seen = await client.get(location)
    assert (fed.status_code, seen.status_code) == (403, 403)


async def test_an_aggregator_speaks_for_its_devices(
    uow_factory: UnitOfWorkFactory, authority: DeviceAuthority, device: Credentials
) -> None:
    aggregator = authority.device("aggregator")
    policy = MirrorPolicy(aggregators=frozenset({aggregator.lfdi}))
    async with (
        meters_port(uow_factory, authority, policy) as address,
        calling(address, aggregator) as client,
    ):
        raw = write_mirror_usage_point(meter(lfdi=device.lfdi))
        assert (await client.post("/mup", content=raw)).status_code == 201


async def test_the_meters_port_leads_to_nothing_else(address: str, device: Credentials) -> None:
    async with calling(address, device) as client:
        assert (await client.get("/dcap")).status_code == 200
        for path in ("/healthz", "/openapi.json", "/mupx", "/"):
            assert (await client.get(path)).status_code == 404


def test_material_that_cannot_be_used_is_told_without_asking_for_a_password(
    tmp_path: Path, device: Credentials
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for material in (
        replace(device.material, certificate=empty),
        replace(device.material, key=tmp_path / "missing.key"),
        replace(device.material, authorities=(empty,)),
    ):
        with pytest.raises(TlsMaterialUnusable, match="cannot be used for TLS"):
            server_context(material)


def test_a_sealed_key_is_refused(tmp_path: Path, device: Credentials) -> None:
    key = serialization.load_pem_private_key(device.material.key.read_bytes(), password=None)
    sealed = tmp_path / "sealed.key"
    sealed.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    material: TlsMaterial = replace(device.material, key=sealed)
    with pytest.raises(TlsMaterialUnusable, match="sealed"):
        client_context(material)
