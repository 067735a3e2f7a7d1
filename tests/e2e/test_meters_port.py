"""The meters' own port of a running seller's platform: certificates there, keys elsewhere, a clean end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from degnode.processes import Network, ProcessFailed, free_port, small_network
from metering.sep.tls import client_context
from tests.support.device_certificates import Credentials, DeviceAuthority
from tests.support.metering_documents import document
from tests.support.processes import again, rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

CATALOG = Path(__file__).parents[1] / "support" / "valley_solar.yaml"
SEP = {"content-type": "application/sep+xml"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> DeviceAuthority:
    return DeviceAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def device(authority: DeviceAuthority) -> Credentials:
    return authority.device("house")


@pytest.fixture(scope="module")
def port_settings(authority: DeviceAuthority) -> Mapping[str, str]:
    server = authority.server().material
    return {
        "DEGNODE_METERS_HOST": "127.0.0.1",
        "DEGNODE_METERS_PORT": str(free_port()),
        "DEGNODE_METERS_CERTIFICATE": str(server.certificate),
        "DEGNODE_METERS_KEY": str(server.key),
        "DEGNODE_METERS_AUTHORITIES": str(authority.file),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(port_settings: Mapping[str, str]) -> AsyncIterator[Network]:
    async with small_network(
        catalog=CATALOG, settings={"bpp": port_settings}, start=("registry", "bpp")
    ) as running:
        yield running


def calling(network: Network, credentials: Credentials) -> httpx.AsyncClient:
    port = network.bpp.environment["DEGNODE_METERS_PORT"]
    return httpx.AsyncClient(
        base_url=f"https://127.0.0.1:{port}", verify=client_context(credentials.material), headers=SEP
    )


async def test_a_meter_is_let_in_by_its_certificate_alone(network: Network, device: Credentials) -> None:
    async with calling(network, device) as client:
        posted = await client.post("/mup", content=document())
        listed = await client.get("/mup")
        elsewhere = await client.get("/healthz")
    assert (posted.status_code, elsewhere.status_code) == (201, 404)
    assert f"<deviceLFDI>{device.lfdi}</deviceLFDI>" in listed.text
    kept = await rows(network.database_urls["bpp"], "SELECT sender FROM meter_usage_points")
    assert kept == [{"sender": f"lfdi:{device.lfdi}"}]


async def test_elsewhere_a_key_is_needed_as_ever(network: Network) -> None:
    async with httpx.AsyncClient(base_url=network.bpp.url, headers=SEP) as client:
        assert (await client.get("/dcap")).status_code == 401
        assert (await client.get("/dcap", headers={"X-Api-Key": network.api_key})).status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DEGNODE_METERS_KEY", "/nowhere", "cannot be used for TLS"),
        ("DEGNODE_METERS_PORT", "registry's", "Address already in use"),
    ],
)
async def test_a_port_that_cannot_be_opened_stops_the_start_and_says_why(
    network: Network, name: str, value: str, words: str
) -> None:
    taken: dict[str, Any] = {"registry's": network.registry.environment["DEGNODE_PORT"]}
    await network.bpp.stop()
    with pytest.raises(ProcessFailed, match=words):
        await again(network.bpp, **{name: taken.get(value, value)}).start()


async def test_told_to_stop_the_service_ends_in_order_though_a_meter_is_connected(
    network: Network, device: Credentials
) -> None:
    await network.bpp.stop()
    await network.bpp.start()
    async with calling(network, device) as client:
        assert (await client.get("/tm")).status_code == 200
        process = network.bpp.process
        assert process is not None
        process.terminate()
        assert await process.wait() == 0
        with pytest.raises(httpx.TransportError):
            await client.get("/tm")
