"""A station with a client certificate (security profile 3): a trusted proxy says that it has shown it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from ipaddress import ip_network
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from metering.sep.terminator import CertificateHeader
from stations.port import StationEventKind
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import PASSWORD, basic
from tests.support.device_certificates import Credentials, DeviceAuthority
from tests.support.station_world import STATIONS, StationWorld, station_world

NAME = "X-Client-Cert"
HERE, ELSEWHERE = ip_network("127.0.0.0/8"), ip_network("10.0.0.0/24")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> DeviceAuthority:
    return DeviceAuthority(tmp_path_factory.mktemp("stations"))


@pytest.fixture(scope="module")
def its(authority: DeviceAuthority) -> Credentials:
    return authority.device("CP-7")


def stations_of(its: Credentials) -> str:
    """Return the stations, of which the only one is known by its certificate."""
    lines = [line for line in STATIONS.splitlines() if "password" not in line]
    place = next(number for number, line in enumerate(lines) if "protocol" in line)
    return "\n".join([*lines[:place], f"    certificates: [{sha256(its.der).hexdigest()}]", *lines[place:]])


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, its: Credentials) -> AsyncIterator[StationWorld]:
    header = CertificateHeader(name=NAME, proxies=(HERE,))
    async with station_world(uow_factory, stations=stations_of(its), certificate_header=header) as world:
        yield world


def knock(world: StationWorld, headers: dict[str, str]) -> connect:
    return connect(
        world.url.replace("http", "ws", 1) + "/ocpp/CP-7",
        subprotocols=["ocpp1.6"],  # type: ignore[list-item]  # a NewType of theirs
        additional_headers=headers,
    )


async def status_of(world: StationWorld, headers: dict[str, str]) -> int:
    with pytest.raises(InvalidStatus) as refused:
        await knock(world, headers)
    return int(refused.value.response.status_code)


async def test_a_station_is_let_in_by_the_certificate_that_a_proxy_has_checked(
    world: StationWorld, its: Credentials
) -> None:
    for written in (quote(its.pem), sha256(its.der).hexdigest()):
        async with knock(world, {NAME: written}) as socket:
            await world.until(StationEventKind.ONLINE)
            await socket.close()


async def test_who_shows_another_certificate_or_none_or_a_password_stays_outside(
    world: StationWorld, authority: DeviceAuthority
) -> None:
    for headers in (
        {},
        {NAME: ""},
        {NAME: "no certificate"},
        {NAME: quote(authority.device("CP-8").pem)},
        basic("CP-7", PASSWORD),
    ):
        assert await status_of(world, headers) == 401
    assert world.events == []


@pytest.mark.parametrize("header", [None, CertificateHeader(name=NAME, proxies=(ELSEWHERE,))])
async def test_nobody_but_a_trusted_proxy_is_believed(
    uow_factory: UnitOfWorkFactory, its: Credentials, header: CertificateHeader | None
) -> None:
    async with station_world(uow_factory, stations=stations_of(its), certificate_header=header) as world:
        assert await status_of(world, {NAME: quote(its.pem)}) == 401
