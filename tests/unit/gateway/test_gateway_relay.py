"""A message as it goes on: nothing of it changes, and it does not live longer than it may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.relay import alive_until, pass_to
from node.correspondence import Correspondent, Peer
from node.message import Inbound, decode
from protocol.actions import Action, Role
from protocol.errors import TtlExpired
from protocol.keys import new_private_key
from protocol.profile import V1_1
from protocol.signing import Signer
from storage.inbox import ClaimedMessage
from storage.outbox import Outgoing
from tests.support.wire_examples import wire_message

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAP = Peer(subscriber_id="bap.example.com", url="https://bap.example.com")
BPP = Peer(subscriber_id="bpp.example.com", url="https://bpp.example.com/v1")


def search(
    *, ttl: timedelta | None = MINUTE, signed_for: timedelta = 5 * MINUTE, at: datetime = NOW
) -> Inbound:
    writer = Correspondent(
        role=Role.BAP,
        subscriber_id=BAP.subscriber_id,
        url=BAP.url,
        domain="energy",
        profile=V1_1,
        request_ttl=ttl or MINUTE,
        callback_ttl=MINUTE,
    )
    message = writer.open_request(
        Action.DISCOVER,
        through=Peer(subscriber_id="bg.example.com", url="https://bg.example.com"),
        message=wire_message(V1_1, Action.DISCOVER),
        transaction_id="t-1",
        now=at,
        profile=V1_1,
    )
    body = message.body if ttl else message.body.replace(b'"ttl"', b'"rest"')
    return _arrive(message, body, signed_for)


def _arrive(message: Outgoing, body: bytes, signed_for: timedelta) -> Inbound:
    signer = Signer(
        subscriber_id=BAP.subscriber_id, key_id="k1", private_key=new_private_key(), validity=signed_for
    )
    return decode(
        ClaimedMessage(
            id=1,
            attempt=1,
            profile=message.profile,
            action=message.action,
            sender=BAP.subscriber_id,
            message_id=message.message_id,
            transaction_id=message.transaction_id,
            body=body,
            authorization=signer.sign(body, now=NOW, label="BLAKE-512"),
            received_at=NOW,
        )
    )


def test_the_bytes_and_the_senders_signature_go_on_as_they_came() -> None:
    inbound = search()
    relayed = pass_to(BPP, inbound, until=NOW + MINUTE, now=NOW)
    assert (relayed.body, relayed.sender_authorization) == (inbound.raw, inbound.authorization)
    assert (relayed.peer, relayed.url) == (BPP.subscriber_id, "https://bpp.example.com/v1/search")
    assert (relayed.message_id, relayed.action) == (inbound.context.message_id, "discover")
    assert relayed.request_signature is None
    assert (relayed.created_at, relayed.expires_at) == (NOW, NOW + MINUTE)


def test_the_same_message_between_two_others_is_another_one() -> None:
    inbound, other = search(), Peer(subscriber_id="bpp.other.example", url=BPP.url)
    first = pass_to(BPP, inbound, until=NOW, now=NOW).relay
    assert first != pass_to(other, inbound, until=NOW, now=NOW).relay
    assert first == pass_to(BPP, search(), until=NOW, now=NOW).relay != ""


@pytest.mark.parametrize(
    ("ttl", "signed_for", "lives"),
    [
        (MINUTE, 5 * MINUTE, MINUTE),
        (9 * MINUTE, 5 * MINUTE, 5 * MINUTE),
        (None, 5 * MINUTE, 5 * MINUTE),
        (None, timedelta(days=300_000), 60 * MINUTE),
        (timedelta(days=300_000), timedelta(days=300_000), 60 * MINUTE),
    ],
)
def test_it_lives_as_long_as_the_message_and_its_signature_but_an_hour_at_most(
    ttl: timedelta | None, signed_for: timedelta, lives: timedelta
) -> None:
    inbound = search(ttl=ttl, signed_for=signed_for)
    assert alive_until(inbound, now=NOW) == NOW + lives


def test_what_has_lapsed_is_not_passed_on() -> None:
    inbound = search()
    assert alive_until(inbound, now=NOW + timedelta(seconds=59)) == NOW + MINUTE
    with pytest.raises(TtlExpired, match="lapsed 1 s before"):
        alive_until(inbound, now=NOW + timedelta(seconds=61))
