"""The guarded client over real HTTP: it goes only where it may, and listens only for so long."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from registry_client.reach import AnswerTooLong, DestinationRefused, Reach, guarded_client, read_at_most
from tests.support.bad_neighbour import BadNeighbour
from tests.support.calling import PATIENT
from tests.support.names import Names


@pytest.fixture
async def neighbour() -> AsyncIterator[BadNeighbour]:
    async with BadNeighbour() as neighbour:
        yield neighbour


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with guarded_client(Reach.LOOPBACK, PATIENT) as client:
        yield client


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def test_a_redirect_is_not_followed(neighbour: BadNeighbour, client: httpx.AsyncClient) -> None:
    response = await client.post(f"{neighbour.url}/redirect")
    assert (response.status_code, neighbour.asked) == (307, ["redirect"])


async def test_a_redirect_is_judged_again_by_whoever_follows_it(
    neighbour: BadNeighbour, client: httpx.AsyncClient
) -> None:
    response = await client.get(f"{neighbour.url}/redirect?to=http://169.254.169.254/latest")
    assert response.next_request is not None
    with pytest.raises(DestinationRefused):
        await client.send(response.next_request)


async def test_no_more_than_so_many_bytes_are_read(
    neighbour: BadNeighbour, client: httpx.AsyncClient
) -> None:
    async with client.stream("GET", f"{neighbour.url}/flood") as response:
        with pytest.raises(AnswerTooLong, match=r"127\.0\.0\.1 said more than 100000 bytes"):
            await read_at_most(response, 100_000)
    async with client.stream("GET", f"{neighbour.url}/bomb") as response:
        assert (await read_at_most(response, 100_000)).startswith(b"\x1f\x8b")
    async with client.stream("GET", f"{neighbour.url}/well") as response:
        assert await read_at_most(response, 100_000) == b'{"ack_status": "ACK"}'


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "https://10.0.0.7/", "http://bap.example.com/", "http://0x7f.1/"]
)
async def test_nothing_is_asked_where_the_reach_does_not_go(client: httpx.AsyncClient, url: str) -> None:
    with pytest.raises(DestinationRefused):
        await client.get(url)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "10.0.0.7"], ["fe80::1"]])
async def test_a_name_with_a_refused_address_is_refused(names: Names, addresses: list[str]) -> None:
    names.mean("bpp.example.com", addresses)
    async with guarded_client(Reach.PUBLIC, PATIENT) as client:
        with pytest.raises(DestinationRefused, match="is not connected to: its address"):
            await client.post("https://bpp.example.com/on_subscribe")


async def test_a_name_is_resolved_once_and_connected_to_where_it_was_judged(
    names: Names, neighbour: BadNeighbour, client: httpx.AsyncClient
) -> None:
    names.mean("rebound.localhost", ["127.0.0.1"], ["169.254.169.254"])
    url = neighbour.url.replace("127.0.0.1", "rebound.localhost")
    assert (await client.get(f"{url}/well")).status_code == 200
    assert names.asked == ["rebound.localhost"]
    async with guarded_client(Reach.LOOPBACK, PATIENT) as other:
        with pytest.raises(DestinationRefused, match=r"169\.254\.169\.254 is no address"):
            await other.get(f"{url}/well")


async def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(
    names: Names, neighbour: BadNeighbour, client: httpx.AsyncClient
) -> None:
    names.mean("two.localhost", ["127.0.0.2", "127.0.0.1"])
    url = neighbour.url.replace("127.0.0.1", "two.localhost")
    assert (await client.get(f"{url}/well")).status_code == 200


async def test_a_name_without_an_address_is_a_failure_that_may_pass(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ConnectError):
        await client.get("https://nobody.invalid/")


async def test_a_proxy_of_the_environment_is_not_asked(
    neighbour: BadNeighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{neighbour.url}/proxy")
    monkeypatch.setenv("HTTP_PROXY", f"{neighbour.url}/proxy")
    async with guarded_client(Reach.LOOPBACK, PATIENT) as client:
        await client.get(f"{neighbour.url}/well")
    assert neighbour.asked == ["well"]
