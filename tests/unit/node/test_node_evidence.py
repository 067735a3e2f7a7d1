"""Whether a peer's answer is signed, and whether that signature holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kernel.clock import ManualClock
from node.evidence import UNREADABLE, AnswerJudge
from node.transport import PeerAnswer
from protocol.answers import Answer
from protocol.counter_signature import Receipt, add_counter_signature
from protocol.errors import SubscriberUnknown
from protocol.keys import new_private_key
from protocol.signing import Signer, digest, parse_header
from registry_client.subscriber import SubscriberRecord
from storage.outbox import ClaimedOutgoing

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
PEER = Signer(subscriber_id="bap.example", key_id="k1", private_key=new_private_key())
ME = Signer(subscriber_id="bpp.example", key_id="k1", private_key=new_private_key())
RECORD = SubscriberRecord(subscriber_id="bap.example", key_id="k1", signing_public_key=PEER.public_key)
BODY, ACK = b'{"context":{}}', b'{"message":{"status":"ACK"}}'
SENT_UNDER = ME.sign(BODY, now=NOW, label="BLAKE-512")
MESSAGE = ClaimedOutgoing(
    id=1,
    attempt=1,
    profile="v2_rc",
    action="on_confirm",
    peer="bap.example",
    url="https://bap.example/beckn/on_confirm",
    message_id="m-1",
    transaction_id="t-1",
    body=BODY,
    created_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)


class Registry:
    """Knows one key."""

    def __init__(self, record: SubscriberRecord = RECORD) -> None:
        self.record = record

    async def key_for(self, *, subscriber: str, key_id: str, at: datetime) -> SubscriberRecord:
        if key_id != self.record.key_id:
            raise SubscriberUnknown("nobody")
        return self.record


def judge(record: SubscriberRecord = RECORD) -> AnswerJudge:
    return AnswerJudge(keyring=Registry(record), clock=ManualClock(NOW))  # type: ignore[arg-type]  # stands for one


def answer(body: bytes = ACK, signature: str | None = None) -> PeerAnswer:
    return PeerAnswer(status=200, answer=Answer(acknowledged=True), signature=signature, body=body)


def signed(*, bound: bool = True, signer: Signer = PEER) -> str:
    line = parse_header(SENT_UNDER).signature if bound else None
    return signer.sign(ACK, now=NOW, label="BLAKE-512", request_signature=line)


@pytest.mark.parametrize("body", [ACK, b"no JSON", b"[]", b'{"signature": 1}'])
async def test_an_answer_without_a_signature_is_kept_as_that(body: bytes) -> None:
    evidence = await judge().judge(answer(body), to=MESSAGE, sent_under=SENT_UNDER)
    assert (evidence.body, evidence.signature, evidence.verdict) == (body, None, "unsigned")


async def test_a_signed_answer_is_verified_and_bound_to_what_was_sent() -> None:
    header = signed()
    evidence = await judge().judge(answer(signature=header), to=MESSAGE, sent_under=SENT_UNDER)
    assert (evidence.signature, evidence.verdict) == (header, "verified")


async def test_the_whole_header_may_stand_in_the_fourth_line() -> None:
    header = PEER.sign(ACK, now=NOW, label="BLAKE2b-512", request_signature=SENT_UNDER)
    evidence = await judge().judge(answer(signature=header), to=MESSAGE, sent_under=SENT_UNDER)
    assert evidence.verdict == "verified"


async def test_a_signature_without_the_fourth_line_is_bound_to_nothing() -> None:
    evidence = await judge().judge(answer(signature=signed(bound=False)), to=MESSAGE, sent_under=SENT_UNDER)
    assert evidence.verdict == "verified, bound to no request"


async def test_a_signature_in_the_answer_itself_is_verified() -> None:
    body = add_counter_signature(ACK, Receipt(digest(BODY), "m-1"), signer=PEER, now=NOW, label="BLAKE-512")
    evidence = await judge().judge(answer(body), to=MESSAGE, sent_under=SENT_UNDER)
    assert evidence.verdict == "verified"
    other = await judge().judge(answer(body), to=replace(MESSAGE, message_id="m-2"), sent_under=SENT_UNDER)
    assert other.verdict.startswith("AUT_SIGNATURE_INVALID")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("nonsense", "AUT_SIGNATURE_INVALID"),
        (signed(signer=ME), "signed by 'bpp.example'"),
        (PEER.sign(b"other", now=NOW, label="BLAKE-512"), "does not fit"),
        (replace(PEER, key_id="k9").sign(ACK, now=NOW, label="BLAKE-512"), "AUT_SUBSCRIBER_NOT_FOUND"),
    ],
    ids=["unreadable", "somebody else's", "of something else", "of an unknown key"],
)
async def test_a_signature_that_does_not_hold_is_kept_with_the_reason(header: str, words: str) -> None:
    evidence = await judge().judge(answer(signature=header), to=MESSAGE, sent_under=SENT_UNDER)
    assert evidence.signature == header
    assert words in evidence.verdict


async def test_a_key_that_had_ended_proves_nothing() -> None:
    ended = replace(RECORD, valid_until=NOW - timedelta(seconds=1))
    evidence = await judge(ended).judge(answer(signature=signed()), to=MESSAGE, sent_under=SENT_UNDER)
    assert evidence.verdict.startswith("AUT_KEY_EXPIRED_OR_REVOKED")


@pytest.mark.parametrize(
    ("body", "header"), [(ACK, "caf\udce9"), (b'{"status":"ACK","signature":"a\\u0000b"}', None)]
)
async def test_a_signature_that_nobody_can_keep_is_left_out(body: bytes, header: str | None) -> None:
    evidence = await judge().judge(answer(body, header), to=MESSAGE, sent_under=SENT_UNDER)
    assert (evidence.body, evidence.signature, evidence.verdict) == (body, None, UNREADABLE)


@pytest.mark.parametrize(
    ("owner", "verdict"), [("bap.example", "verified"), ("mallory.example", "signed by 'mallory.example'")]
)
async def test_a_key_named_by_its_record_counts_for_its_owner(owner: str, verdict: str) -> None:
    name = f"{owner}/subscribers.beckn.one/k1"
    header = signed().replace("bap.example|k1|ed25519", f"{name}|ed25519")
    registry = Registry(replace(RECORD, key_id=name, subscriber_id=owner))
    judging = AnswerJudge(keyring=registry, clock=ManualClock(NOW))  # type: ignore[arg-type]  # stands for one
    evidence = await judging.judge(answer(signature=header), to=MESSAGE, sent_under=SENT_UNDER)
    assert evidence.verdict == verdict
