"""What a running BPP refuses, with which words, and that nothing of it stays; and what it takes only once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from degnode.processes import Network
from kernel.clock import SystemClock
from protocol.actions import Action, Role
from protocol.keys import new_private_key
from protocol.profile import V2_RC
from protocol.signing import parse_header, verify
from registry_client.lookup import LookupClient
from registry_client.ports import Wanted
from storage.outbox import Outgoing
from tests.support.network import contents_of, member, seller_address, solar_order
from tests.support.processes import rows, seller_of
from tests.support.simulated_peer import SimulatedPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

DISCOVER = {"text_search": "solar"}
LABEL = V2_RC.digest_labels[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer(network: Network) -> AsyncIterator[SimulatedPeer]:
    """A buyer's platform that the registry knows."""
    async with member(network, Role.BAP, "bap.tester.example") as buyer:
        yield buyer


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What is posted: where, the bytes, and the header; an empty one is left out."""

    url: str
    body: bytes
    authorization: str


def _signed(peer: SimulatedPeer, message: Outgoing, body: bytes | None = None) -> Post:
    raw = message.body if body is None else body
    return Post(url=message.url, body=raw, authorization=peer.sign(raw))


def bad_signature(peer: SimulatedPeer, message: Outgoing) -> Post:
    impostor = replace(peer.signer, private_key=new_private_key())
    header = impostor.sign(message.body, now=peer.clock.now(), label=LABEL)
    return Post(url=message.url, body=message.body, authorization=header)


def expired_signature(peer: SimulatedPeer, message: Outgoing) -> Post:
    header = peer.signer.sign(message.body, now=peer.clock.now() - timedelta(minutes=10), label=LABEL)
    return Post(url=message.url, body=message.body, authorization=header)


def changed_byte(peer: SimulatedPeer, message: Outgoing) -> Post:
    return replace(_signed(peer, message), body=message.body.replace(b"solar", b"sonar"))


def unknown_sender(peer: SimulatedPeer, message: Outgoing) -> Post:
    stranger = replace(peer.signer, subscriber_id="bap.stranger.example")
    header = stranger.sign(message.body, now=peer.clock.now(), label=LABEL)
    return Post(url=message.url, body=message.body, authorization=header)


def unknown_key(peer: SimulatedPeer, message: Outgoing) -> Post:
    header = replace(peer.signer, key_id="k9").sign(message.body, now=peer.clock.now(), label=LABEL)
    return Post(url=message.url, body=message.body, authorization=header)


def body_over_the_limit(peer: SimulatedPeer, message: Outgoing) -> Post:
    return _signed(peer, message, message.body + b" " * 1_048_576)


def broken_json(peer: SimulatedPeer, message: Outgoing) -> Post:
    return _signed(peer, message, message.body[:-1])


def wrong_action(peer: SimulatedPeer, message: Outgoing) -> Post:
    return replace(_signed(peer, message), url=message.url.replace("/discover", "/confirm"))


def unknown_action(peer: SimulatedPeer, message: Outgoing) -> Post:
    return replace(_signed(peer, message), url=message.url.replace("/discover", "/barter"))


def unsigned(_peer: SimulatedPeer, message: Outgoing) -> Post:
    return Post(url=message.url, body=message.body, authorization="")


def _with_context(**changes: Any) -> Callable[[SimulatedPeer, Outgoing], Post]:
    def post(peer: SimulatedPeer, message: Outgoing) -> Post:
        document = orjson.loads(message.body)
        document["context"] |= changes
        return _signed(peer, message, orjson.dumps(document))

    return post


def broken_schema(peer: SimulatedPeer, message: Outgoing) -> Post:
    return _signed(peer, message, message.body.replace(b'"text_search"', b'"test_search"'))


REFUSALS = {
    "bad signature": (bad_signature, 401, "AUT_SIGNATURE_INVALID", "does not fit the body"),
    "expired signature": (expired_signature, 401, "AUT_SIGNATURE_INVALID", "lapsed"),
    "changed byte": (changed_byte, 401, "AUT_SIGNATURE_INVALID", "does not fit the body"),
    "unknown sender": (unknown_sender, 401, "AUT_SUBSCRIBER_NOT_FOUND", "knows no subscriber"),
    "unknown key": (unknown_key, 401, "AUT_KEY_NOT_FOUND", "'k9'"),
    "unsigned": (unsigned, 401, "AUT_SIGNATURE_MISSING", "no signature"),
    "another's name": (_with_context(bap_id="bap.other"), 401, "AUT_UNAUTHORIZED_ACTION", "'bap.other'"),
    "body over the limit": (body_over_the_limit, 413, "POL_GENERIC_ERROR", "1048576 are taken"),
    "broken JSON": (broken_json, 400, "SCH_INVALID_JSON", "no JSON: "),
    "broken schema": (broken_schema, 400, "SCH_SCHEMA_VALIDATION_FAILED", "text_search"),
    "wrong action for the path": (wrong_action, 400, "CTX_ACTION_MISMATCH", "the path says 'confirm'"),
    "unknown action": (unknown_action, 404, "NET_NOT_IMPLEMENTED", "no action of a BPP"),
    "expired ttl": (
        _with_context(timestamp="2026-01-09T10:00:00Z", ttl="PT30S"),
        400,
        "CTX_TTL_EXPIRED",
        "lapsed",
    ),
    "id beyond an index": (
        _with_context(transaction_id="x" * 10_240),
        400,
        "CTX_INVALID_FIELD",
        "10240 characters",
    ),
    "addressed to another": (_with_context(bpp_id="bpp.other"), 400, "CTX_INVALID_FIELD", "is for bpp.other"),
    "callback to another": (_with_context(bap_uri="http://x.example"), 400, "CTX_INVALID_FIELD", "registry"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_is_wrong_is_refused_in_words_and_changes_no_row(
    network: Network, peer: SimulatedPeer, name: str
) -> None:
    spoil, status, code, words = REFUSALS[name]
    before, heard = await contents_of(network.database_urls["bpp"]), list(peer.received)
    post = spoil(peer, peer.write(Action.DISCOVER, DISCOVER, to=seller_address(network)))

    answer = await peer.post(post.url, post.body, authorization=post.authorization)

    nack = answer.json()
    assert (answer.status_code, nack["ack_status"], nack["error"]["code"]) == (status, "NACK", code)
    assert words in nack["error"]["message"] + str(nack["error"].get("details"))
    assert ("www-authenticate" in answer.headers) == (status == 401)
    await _check_signature(network, post, answer.content, answer.headers["Signature"])
    assert await contents_of(network.database_urls["bpp"]) == before
    assert peer.received == heard


async def _check_signature(network: Network, post: Post, body: bytes, header: str) -> None:
    directory = LookupClient(network.registry.url)
    (seller,) = await directory.find(Wanted(subscriber_id=seller_of(network)))
    await directory.close()
    bound = (parse_header(post.authorization).signature,) if post.authorization else ()
    verify(
        body,
        parse_header(header),
        key=seller.signing_public_key,
        now=SystemClock().now(),
        labels=(LABEL,),
        request_signatures=bound,
    )


async def test_the_same_confirm_fifty_times_at_once_has_one_effect_and_one_callback(
    network: Network, peer: SimulatedPeer
) -> None:
    seller = seller_address(network)
    await peer.send(Action.INIT, {"order": solar_order()}, to=seller, transaction_id="t-fifty")
    (drafted,) = await peer.wait_for(Action.ON_INIT, transaction_id="t-fifty")
    message = peer.write(Action.CONFIRM, drafted.document["message"], to=seller, transaction_id="t-fifty")
    header = peer.sign(message.body)

    answers = await asyncio.gather(
        *(peer.post(message.url, message.body, authorization=header) for _ in range(50))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["ack_status"] for answer in answers} == {"ACK"}
    assert len({answer.content for answer in answers}) == 1
    await peer.wait_for(Action.ON_CONFIRM)
    await asyncio.sleep(1)  # time enough for a second one, if there were any
    assert [received.message_id for received in await peer.wait_for(Action.ON_CONFIRM)] == [
        message.message_id
    ]
    assert await _count(network, "inbox", message_id=message.message_id) == 1
    assert await _count(network, "outbox", message_id=message.message_id) == 1
    assert await _count(network, "contract_events", message_id=message.message_id) == 1


async def _count(network: Network, table: str, *, message_id: str) -> int:
    query = f"SELECT count(*) AS n FROM {table} WHERE message_id = :message_id"  # noqa: S608  our own names
    return int((await rows(network.database_urls["bpp"], query, message_id=message_id))[0]["n"])


async def test_an_order_is_nobody_elses(network: Network, peer: SimulatedPeer) -> None:
    seller = seller_address(network)
    await peer.send(Action.INIT, {"order": solar_order()}, to=seller, transaction_id="t-mine")
    (answer,) = await peer.wait_for(Action.ON_INIT, transaction_id="t-mine")
    drafted = answer.document["message"]["order"]
    order_id = drafted["beckn:id"]
    async with member(network, Role.BAP, "bap.nosy.example") as nosy:
        for action, message in {
            Action.STATUS: {"order": {"beckn:id": order_id}},
            Action.TRACK: {"tracking": {"id": order_id}},
            Action.CANCEL: {"order": {"beckn:id": order_id}},
            Action.CONFIRM: {"order": drafted},
            Action.UPDATE: {"order": drafted},
        }.items():
            await nosy.send(action, message, to=seller, transaction_id="t-mine")
            (callback,) = await nosy.wait_for(Action(f"on_{action}"))
            assert callback.document["error"]["code"] == "BIZ_ORDER_NOT_FOUND"
            assert "message" not in callback.document
