"""Posting to peers that mean harm: where messages go, and how much is listened to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from node.transport import Transport
from registry_client.reach import DestinationRefused, Reach
from tests.support.bad_neighbour import BadNeighbour
from tests.support.names import Names

BODY = b'{"context": {}}'


@pytest.fixture
async def neighbour() -> AsyncIterator[BadNeighbour]:
    async with BadNeighbour() as neighbour:
        yield neighbour


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    async with Transport(timeout=timedelta(seconds=20), reach=Reach.LOOPBACK) as transport:
        yield transport


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def test_a_redirect_is_an_answer_and_is_not_followed(
    neighbour: BadNeighbour, transport: Transport
) -> None:
    said = await transport.post(f"{neighbour.url}/redirect", BODY, headers={})
    assert (said.status, said.answer.acknowledged, neighbour.asked) == (307, False, ["redirect"])


async def test_an_answer_without_end_is_listened_to_for_a_while(
    neighbour: BadNeighbour, transport: Transport
) -> None:
    said = await transport.post(f"{neighbour.url}/flood", BODY, headers={})
    assert len(said.body) == 65_536


async def test_a_packed_answer_is_not_unpacked(neighbour: BadNeighbour, transport: Transport) -> None:
    said = await transport.post(f"{neighbour.url}/bomb", BODY, headers={})
    assert said.body.startswith(b"\x1f\x8b")
    assert len(said.body) <= 65_536


async def test_an_answer_with_a_head_without_end_is_a_failure(
    neighbour: BadNeighbour, transport: Transport
) -> None:
    with pytest.raises(OSError, match="headers"):
        await transport.post(f"{neighbour.url}/headers", BODY, headers={})


async def test_a_peer_that_takes_too_long_is_a_failure(neighbour: BadNeighbour) -> None:
    async with Transport(timeout=timedelta(seconds=0.2), reach=Reach.LOOPBACK) as impatient:
        with pytest.raises(TimeoutError, match=r"no answer within 0\.2 s"):
            await impatient.post(f"{neighbour.url}/dawdle", BODY, headers={})


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://10.0.0.7/on_confirm",
        "http://bap.example.com/on_confirm",
    ],
)
async def test_nothing_is_posted_where_this_node_does_not_go(transport: Transport, url: str) -> None:
    with pytest.raises(DestinationRefused):
        await transport.post(url, BODY, headers={})


async def test_a_public_node_posts_nothing_to_itself(neighbour: BadNeighbour) -> None:
    async with Transport(timeout=timedelta(seconds=20), reach=Reach.PUBLIC) as public:
        with pytest.raises(DestinationRefused, match="is this machine itself"):
            await public.post(f"{neighbour.url}/well", BODY, headers={})
    assert neighbour.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::ffff:127.0.0.1"])
async def test_a_name_that_stands_for_a_refused_address_is_refused(names: Names, address: str) -> None:
    names.mean("bap.example.com", [address])
    async with Transport(timeout=timedelta(seconds=20), reach=Reach.PUBLIC) as public:
        with pytest.raises(DestinationRefused, match="the host bap.example.com is not connected to"):  # noqa: RUF043
            await public.post("https://bap.example.com/on_confirm", BODY, headers={})


async def test_a_name_is_resolved_once_and_connected_to_where_it_was_judged(
    names: Names, neighbour: BadNeighbour, transport: Transport
) -> None:
    names.mean("rebound.localhost", ["127.0.0.1"], ["169.254.169.254"])
    url = neighbour.url.replace("127.0.0.1", "rebound.localhost")
    said = await transport.post(f"{url}/well", BODY, headers={})
    assert (said.answer.acknowledged, names.asked) == (True, ["rebound.localhost"])
    async with Transport(timeout=timedelta(seconds=20), reach=Reach.LOOPBACK) as other:
        with pytest.raises(DestinationRefused, match=r"169\.254\.169\.254 is no address"):
            await other.post(f"{url}/well", BODY, headers={})


async def test_a_name_that_nobody_knows_is_a_failure_that_may_pass(transport: Transport) -> None:
    with pytest.raises(OSError, match=r"nobody\.invalid"):
        await transport.post("https://nobody.invalid/on_confirm", BODY, headers={})
