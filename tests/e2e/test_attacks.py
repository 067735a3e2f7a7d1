"""What an attacker sends to running nodes, and what becomes of it; docs/security.md says why.

Each attack is made against real processes by a peer that signs for real: it fails with the code that
stands in the table, and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from degnode.processes import Network
from protocol.actions import Action, Role
from protocol.profile import V1_1, V2_RC
from tests.support.bad_neighbour import BadNeighbour
from tests.support.calling import PATIENCE, calling
from tests.support.network import contents_of, join, member, seller_address, solar_order
from tests.support.processes import eventually, rows
from tests.support.simulated_peer import Reply, SimulatedPeer
from tests.support.v1_1_examples import example

pytestmark = pytest.mark.asyncio(loop_scope="module")

DISCOVER = {"text_search": "solar"}
LABEL = V2_RC.digest_labels[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def victim(network: Network) -> AsyncIterator[SimulatedPeer]:
    """A buyer's platform in whose name others would like to speak."""
    async with member(network, Role.BAP, "bap.victim.example") as buyer:
        yield buyer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attacker(network: Network) -> AsyncIterator[SimulatedPeer]:
    """A subscriber like any other, with a key of its own that the registry holds."""
    async with member(network, Role.BAP, "bap.attacker.example") as buyer:
        yield buyer


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def left_behind(network: Network) -> dict[str, tuple[int, str]]:
    """Return what the seller's messages and contracts are; what it remembers of keys may grow."""
    contents = await contents_of(network.database_urls["bpp"])
    return {name: found for name, found in contents.items() if "key" not in name}


async def test_a_replayed_message_has_no_second_effect(network: Network, victim: SimulatedPeer) -> None:
    message = victim.write(Action.DISCOVER, DISCOVER, to=seller_address(network))
    header = victim.sign(message.body)
    first = await victim.post(message.url, message.body, authorization=header)
    replayed = await victim.post(message.url, message.body, authorization=header)
    assert (first.status_code, replayed.content) == (200, first.content)
    query = "SELECT count(*) AS n FROM inbox WHERE message_id = :message_id"
    found = await rows(network.database_urls["bpp"], query, message_id=message.message_id)
    assert found == [{"n": 1}]


async def test_a_message_replayed_after_its_time_is_refused(
    network: Network, victim: SimulatedPeer, attacker: SimulatedPeer
) -> None:
    message = victim.write(Action.DISCOVER, DISCOVER, to=seller_address(network))
    old = victim.signer.sign(message.body, now=victim.clock.now() - timedelta(minutes=6), label=LABEL)
    answer = await attacker.post(message.url, message.body, authorization=old)
    assert code_of(answer) == (401, "AUT_SIGNATURE_INVALID")


async def test_a_message_replayed_at_another_receiver_is_refused(
    network: Network, victim: SimulatedPeer
) -> None:
    elsewhere = replace(seller_address(network), subscriber_id="bpp.elsewhere.example")
    message = victim.write(Action.DISCOVER, DISCOVER, to=elsewhere)
    before = await left_behind(network)
    answer = await victim.post(message.url, message.body)
    assert code_of(answer) == (400, "CTX_INVALID_FIELD")
    assert await left_behind(network) == before


async def test_a_swapped_sender_is_refused(
    network: Network, victim: SimulatedPeer, attacker: SimulatedPeer
) -> None:
    message = victim.write(Action.DISCOVER, DISCOVER, to=seller_address(network))
    before = await left_behind(network)
    answer = await attacker.post(message.url, message.body)  # signed by the attacker, in the victim's name
    assert code_of(answer) == (401, "AUT_UNAUTHORIZED_ACTION")
    assert await left_behind(network) == before


async def test_a_key_of_another_subscriber_is_refused(
    network: Network, victim: SimulatedPeer, attacker: SimulatedPeer
) -> None:
    message = victim.write(Action.DISCOVER, DISCOVER, to=seller_address(network))
    posing = replace(attacker.signer, subscriber_id=victim.signer.subscriber_id)
    header = posing.sign(message.body, now=attacker.clock.now(), label=LABEL)
    before = await left_behind(network)
    answer = await attacker.post(message.url, message.body, authorization=header)
    assert code_of(answer) == (401, "AUT_SIGNATURE_INVALID")
    assert await left_behind(network) == before


DOWNGRADES = {
    "another algorithm": ('algorithm="ed25519"', 'algorithm="rsa-sha256"'),
    "an algorithm that says nothing": ('algorithm="ed25519"', 'algorithm="hs2019"'),
    "no algorithm at all": ('algorithm="ed25519"', 'algorithm="none"'),
    "another algorithm of the key": ("|ed25519", "|xed25519"),
    "a body that is not signed": ('headers="(created) (expires) digest"', 'headers="(created) (expires)"'),
    "a time that is not signed": ('headers="(created) (expires) digest"', 'headers="digest"'),
    "a second signature": ('signature="', 'signature="AAAA",signature="'),
}


@pytest.mark.parametrize("name", DOWNGRADES)
async def test_a_downgraded_algorithm_is_refused(network: Network, victim: SimulatedPeer, name: str) -> None:
    message = victim.write(Action.DISCOVER, DISCOVER, to=seller_address(network))
    header = victim.sign(message.body)
    downgraded = header.replace(*DOWNGRADES[name])
    assert downgraded != header
    answer = await victim.post(message.url, message.body, authorization=downgraded)
    assert code_of(answer) == (401, "AUT_SIGNATURE_INVALID")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/latest",
        "https://10.0.0.7/beckn",
        "http://metadata.example/beckn",
    ],
)
async def test_a_callback_to_where_nobody_should_look_is_refused(
    network: Network, attacker: SimulatedPeer, url: str
) -> None:
    """Even though the registry holds that very URL: registries take what they are given."""
    careless = replace(attacker.signer, subscriber_id=f"bap.careless-{len(url)}.example")
    await join(network, attacker, subscriber_id=careless.subscriber_id, url=url)
    context = {"bap_id": careless.subscriber_id, "bap_uri": url}
    message = attacker.write(Action.DISCOVER, DISCOVER, to=seller_address(network), context=context)
    header = careless.sign(message.body, now=attacker.clock.now(), label=LABEL)
    before = await left_behind(network)
    answer = await attacker.post(message.url, message.body, authorization=header)
    assert code_of(answer) == (400, "CTX_INVALID_FIELD")
    assert answer.json()["error"]["details"]["path"] == "$.context.bap_uri"
    assert await left_behind(network) == before


async def test_a_callback_to_an_address_that_is_not_the_senders_is_refused(
    network: Network, victim: SimulatedPeer, attacker: SimulatedPeer
) -> None:
    message = attacker.write(
        Action.DISCOVER, DISCOVER, to=seller_address(network), context={"bap_uri": victim.url}
    )
    assert code_of(await attacker.post(message.url, message.body)) == (400, "CTX_INVALID_FIELD")


async def test_a_redirect_to_loopback_is_not_followed(network: Network) -> None:
    async with BadNeighbour() as secret, member(network, Role.BAP, "bap.redirect.example") as peer:
        peer.reply = Reply(status=307, body=b"", headers={"Location": f"{secret.url}/secret"})
        message = peer.write(Action.SELECT, {"order": solar_order()}, to=seller_address(network))
        assert (await peer.post(message.url, message.body)).status_code == 200
        await peer.wait_for(Action.ON_SELECT)

        async def is_settled() -> bool:
            query = "SELECT state FROM outbox WHERE message_id = :message_id AND state = 'refused'"
            return bool(await rows(network.database_urls["bpp"], query, message_id=message.message_id))

        await eventually(is_settled, what="the redirected callback is refused")
        assert secret.asked == []


async def test_a_participant_that_pretends_to_be_a_gateway_is_refused(
    network: Network, attacker: SimulatedPeer
) -> None:
    async with (
        member(network, Role.BAP, "bap.searcher.example", profile=V1_1) as buyer,
        member(network, Role.BPP, "bpp.pretender.example") as pretender,
    ):
        search = buyer.write(Action.DISCOVER, example("search")["message"], to=seller_address(network))
        for signer in (pretender, attacker):
            before = await left_behind(network)
            answer = await buyer.post(search.url, search.body, gateway_authorization=signer.sign(search.body))
            assert answer.status_code == 401
            assert "is no gateway" in answer.json()["error"]["message"]
            assert "proxy-authenticate" in answer.headers
            assert await left_behind(network) == before


@pytest.mark.parametrize(
    "lines",
    [
        [b"Authorization: Signature " + b"x" * 100_000],
        [b"X-%d: %s" % (number, b"y" * 1_000) for number in range(200)],
    ],
    ids=["one long line", "many lines"],
)
async def test_an_oversized_header_is_refused(network: Network, lines: list[bytes]) -> None:
    address = urlsplit(network.bpp.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = [b"POST /beckn/discover HTTP/1.1", b"Host: bpp", b"Content-Length: 2", *lines, b"", b"{}"]
    writer.write(b"\r\n".join(head))
    async with asyncio.timeout(PATIENCE):
        said = await reader.readline()
    writer.close()
    assert said.startswith(b"HTTP/1.1 431 ")
    assert (await ask(network, "/readyz")).status_code == 200


async def ask(
    network: Network, path: str, *, key: str | None = None, from_address: str = "127.0.0.1"
) -> httpx.Response:
    """Return what the buyer's node answers at `path` to a caller at an address of this machine."""
    transport = httpx.AsyncHTTPTransport(local_address=from_address)
    async with calling(transport=transport) as client:
        headers = {"X-Api-Key": key} if key else {}
        return await client.get(f"{network.bap.url}{path}", headers=headers)


async def test_brute_force_of_an_api_key_is_slowed_for_the_guesser_alone(network: Network) -> None:
    path, guesser = "/api/v1/peers", "127.0.0.9"
    real_id = network.api_key.rpartition("_")[0]
    guesses = [f"{real_id}_{number:043d}" for number in range(35)]
    answers = [await ask(network, path, key=guess, from_address=guesser) for guess in guesses[:5]]
    assert {answer.status_code for answer in answers} == {401}
    flood = [ask(network, path, key=guess, from_address=guesser) for guess in guesses[5:]]
    answers += await asyncio.gather(*flood)
    slowed = [answer for answer in answers if answer.status_code == 429]
    assert slowed
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in slowed)
    said: list[Any] = [answer.json() for answer in answers if answer.status_code == 401]
    unknown = await ask(network, path, key="dgn_nobody_x", from_address="127.0.0.10")
    assert all(each["error"]["message"] == unknown.json()["error"]["message"] for each in said)
    assert (await ask(network, path, key=network.api_key)).status_code == 200
