"""What was learnt of a key: as JSON, in grace, and under which names it is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocol.errors import KeyUnknown
from registry_client.answer import KeyAnswer
from registry_client.subscriber import Place, SubscriberRecord
from tests.support.subscribers import BPP, NOW, record

MINUTE = timedelta(minutes=1)


def answer_of(*records: SubscriberRecord, subscriber: str = BPP, key_id: str = "k1") -> KeyAnswer:
    return KeyAnswer.of(
        records,
        subscriber=subscriber,
        key_id=key_id,
        now=NOW,
        cache_for=10 * MINUTE,
        negative_for=MINUTE,
    )


def test_an_answer_survives_being_written() -> None:
    known = record(
        valid_until=NOW + timedelta(days=1),
        network_memberships=("beckn.one/testnet",),
        place=Place(country="IND"),
    )
    answer = answer_of(known)
    assert KeyAnswer.from_json(answer.to_json()) == answer


def test_grace_is_counted_from_when_the_answer_was_fresh() -> None:
    answer = answer_of(record())
    once = answer.prolonged(NOW + 20 * MINUTE)
    twice = once.prolonged(NOW + 30 * MINUTE)
    assert twice.until == NOW + 30 * MINUTE
    assert answer.was_fresh_until == once.was_fresh_until == twice.was_fresh_until == NOW + 10 * MINUTE


def test_grace_ends_with_the_key() -> None:
    answer = answer_of(record(valid_until=NOW + 15 * MINUTE))
    assert answer.prolonged(NOW + 60 * MINUTE).until == NOW + 15 * MINUTE


def test_an_answer_is_about_its_name_and_about_its_records() -> None:
    named = answer_of(record("k1"), subscriber="", key_id=f"{BPP}/keys/k1")
    assert named.is_about(subscriber="", key_id=f"{BPP}/keys/k1")
    assert named.is_about(subscriber=BPP, key_id="k1")
    assert not named.is_about(subscriber=BPP, key_id="k2")
    assert answer_of().is_about(subscriber=BPP, key_id="k1")


def test_a_record_that_is_not_there_is_no_unknown_subscriber() -> None:
    with pytest.raises(KeyUnknown, match="'a/b/c'") as refused:
        answer_of(subscriber="", key_id="a/b/c").get_valid(NOW)
    assert refused.value.hint
