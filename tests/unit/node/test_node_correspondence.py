"""What this node writes: contexts, addresses, and exact numbers."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import simplejson

from node.correspondence import Correspondent, Peer, renew
from node.message import Inbound, decode
from protocol.actions import Action, Role
from protocol.errors import WireError
from protocol.keys import new_private_key
from protocol.profile import V2_RC
from protocol.signing import Signer, parse_header
from schemas.validation import schema_set
from storage.inbox import ClaimedMessage
from storage.outbox import ClaimedOutgoing, Outgoing
from tests.support.rc_examples import example

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
BAP = Peer(subscriber_id="bap.example.com", url="https://bap.example.com/")
BPP = Peer(subscriber_id="bpp.example.com", url="https://bpp.example.com")
MESSAGE = {"order": {"price": Decimal("0.10"), "name": "Höhe"}}


def correspondent(role: Role) -> Correspondent:
    me = BAP if role is Role.BAP else BPP
    return Correspondent(
        role=role,
        subscriber_id=me.subscriber_id,
        url=me.url,
        domain="energy-trade",
        profile=V2_RC,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=24),
        new_id=lambda: UUID(int=7),
    )


def read(outgoing: Outgoing) -> dict[str, Any]:
    document: dict[str, Any] = simplejson.loads(outgoing.body, use_decimal=True)
    return document


def arrive(outgoing: Outgoing, *, sender: str, body: bytes | None = None) -> Inbound:
    signer = Signer(subscriber_id=sender, key_id="k1", private_key=new_private_key())
    return decode(
        ClaimedMessage(
            id=1,
            attempt=1,
            profile=outgoing.profile,
            action=outgoing.action,
            sender=sender,
            message_id=outgoing.message_id,
            transaction_id=outgoing.transaction_id,
            body=body or outgoing.body,
            authorization=signer.sign(body or outgoing.body, now=NOW, label="BLAKE-512"),
            received_at=NOW,
        )
    )


def confirm(message: dict[str, Any] | None = None) -> Outgoing:
    return correspondent(Role.BAP).request(
        Action.CONFIRM, to=BPP, message=message or MESSAGE, transaction_id="t-1", now=NOW
    )


def test_a_request_says_who_writes_to_whom_until_when() -> None:
    request = confirm()
    assert read(request)["context"] == {
        "version": "2.0.0",
        "action": "confirm",
        "domain": "energy-trade",
        "timestamp": "2026-01-09T10:00:00Z",
        "message_id": str(UUID(int=7)),
        "transaction_id": "t-1",
        "bap_id": "bap.example.com",
        "bap_uri": "https://bap.example.com/",
        "bpp_id": "bpp.example.com",
        "bpp_uri": "https://bpp.example.com",
        "ttl": "PT30S",
    }
    assert (request.peer, request.url) == ("bpp.example.com", "https://bpp.example.com/beckn/confirm")
    assert (request.created_at, request.expires_at) == (NOW, NOW + timedelta(seconds=30))
    assert request.request_signature is None


def test_numbers_and_letters_stay_as_they_are() -> None:
    body = confirm().body.decode()
    assert '"price": 0.10' in body
    assert "Höhe" in body
    assert read(confirm())["message"] == MESSAGE


def test_an_answer_bears_the_requests_ids_and_its_signature() -> None:
    inbound = arrive(confirm(), sender=BAP.subscriber_id)
    inbound = replace(inbound, context=inbound.context._replace(domain="another-domain"))
    callback = correspondent(Role.BPP).answer(inbound, MESSAGE, now=NOW + timedelta(seconds=5))
    document = read(callback)
    assert document["message"] == MESSAGE
    assert (
        document["context"] | {"timestamp": "2026-01-09T10:00:05Z", "ttl": "PT86400S"} == document["context"]
    )
    assert (document["context"]["action"], document["context"]["domain"]) == ("on_confirm", "another-domain")
    assert (callback.action, callback.message_id) == ("on_confirm", inbound.context.message_id)
    assert (callback.peer, callback.url) == (BAP.subscriber_id, "https://bap.example.com/beckn/on_confirm")
    assert callback.request_signature == parse_header(inbound.authorization).signature
    assert callback.expires_at == NOW + timedelta(hours=24, seconds=5)


def test_a_refusal_stands_in_the_place_of_the_message() -> None:
    inbound = arrive(confirm(), sender=BAP.subscriber_id)
    refusal = WireError(code="BIZ_QUANTITY_UNAVAILABLE", message="no", hint="ask for less")
    document = read(correspondent(Role.BPP).answer(inbound, refusal, now=NOW))
    assert document["error"] == refusal.to_wire()
    assert "message" not in document


def test_a_callback_that_nobody_asked_for_binds_nothing() -> None:
    callback = correspondent(Role.BPP).unsolicited(
        Action.ON_STATUS, to=BAP, message=MESSAGE, transaction_id="t-1", now=NOW
    )
    assert callback.message_id == str(UUID(int=7))
    assert callback.request_signature is None
    assert read(callback)["context"]["bpp_id"] == BPP.subscriber_id


@pytest.mark.parametrize("action", ["discover", "select", "confirm", "status"])
def test_what_is_written_fits_its_schema(action: str) -> None:
    message = example(action)["message"]
    request = correspondent(Role.BAP).request(
        Action(action), to=BPP, message=message, transaction_id="t-1", now=NOW
    )
    assert schema_set("v2_rc").violations(action, read(request)) == []


def test_a_received_message_is_read_exactly() -> None:
    inbound = arrive(confirm(), sender=BAP.subscriber_id)
    assert inbound.message == MESSAGE
    assert (inbound.transaction_id, inbound.sender, inbound.error) == ("t-1", BAP.subscriber_id, None)
    assert (inbound.sender_role, inbound.sender_url) == (Role.BAP, BAP.url)
    assert inbound.raw == confirm().body


def test_a_received_refusal_is_read_as_one() -> None:
    refusal = WireError(code="BIZ_QUANTITY_UNAVAILABLE", message="no")
    callback = correspondent(Role.BPP).answer(arrive(confirm(), sender=BAP.subscriber_id), refusal, now=NOW)
    inbound = arrive(callback, sender=BPP.subscriber_id)
    assert (inbound.error, inbound.message, inbound.sender_role) == (refusal, {}, Role.BPP)


def test_a_message_that_was_given_up_is_renewed_with_a_new_life_and_nothing_else() -> None:
    outgoing = confirm()
    claimed = ClaimedOutgoing(
        id=1, attempt=3, **{f.name: getattr(outgoing, f.name) for f in fields(outgoing)}
    )
    later = outgoing.created_at + timedelta(days=2)
    renewed = renew(claimed, now=later, ttl=timedelta(hours=1))
    before, after = read(outgoing), read(renewed)
    assert (renewed.expires_at, renewed.attempt) == (later + timedelta(hours=1), 3)
    assert after["context"]["ttl"] == "PT3600S"
    assert after["context"]["timestamp"] != before["context"]["timestamp"]
    for changed in ("ttl", "timestamp"):
        del before["context"][changed], after["context"][changed]
    assert after == before
