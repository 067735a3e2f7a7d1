"""Forms: what a registry takes, and how it says what is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from registry.forms import LookupForm, SubscribeForm
from registry_client.subscriber import SubscriberRole, SubscriberStatus
from tests.support.subscribers import NOW, record

X25519 = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8="
SIGNING = record().to_wire()["signing_public_key"]


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels):
        inner = {"part": inner}
    return inner


def form(**changes: Any) -> SubscribeForm:
    return SubscribeForm.model_validate(record().to_wire() | changes)


@pytest.mark.parametrize("name", ["key_id", "unique_key_id", "ukId"])
def test_the_name_of_a_key_may_come_under_each_of_its_names(name: str) -> None:
    fields: dict[str, Any] = record().to_wire()
    del fields["key_id"], fields["unique_key_id"]
    assert SubscribeForm.model_validate(fields | {name: "k9"}).key_id == "k9"


def test_what_is_null_or_empty_counts_as_absent() -> None:
    empty = {"url": "", "type": "", "domain": None, "status": "", "key_id": "", "location": None}
    assert LookupForm.model_validate(empty) == LookupForm()


def test_fields_that_nobody_asked_for_are_passed_by() -> None:
    assert form(nonce="n-1", created="then").subscriber_id == "bpp.example.com"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"subscriber_id": None}, "subscriber_id"),
        ({"subscriber_id": "a|b"}, "subscriber_id"),
        ({"subscriber_id": "a\x00b"}, "subscriber_id"),
        ({"key_id": 'k"1'}, "key_id"),
        ({"key_id": "k" * 129}, "key_id"),
        ({"url": "ftp://bpp.example.com"}, "URL scheme"),
        ({"url": "bpp.example.com"}, "valid URL"),
        ({"url": "https://user:secret@bpp.example.com"}, "no password, query or fragment"),
        ({"url": "https://bpp.example.com/?a=b"}, "no password, query or fragment"),
        ({"url": "https://bpp.example.com/beckn?"}, "no password, query or fragment"),
        ({"url": "https://bpp.example.com/\x00"}, "ASCII, without blanks"),
        ({"url": "https://bpp.exa\tmple.com/beckn"}, "ASCII, without blanks"),
        ({"type": "GARDENER"}, "'BAP', 'BPP' or 'BG'"),
        ({"domain": "\x00"}, "domain"),
        ({"signing_public_key": "not base64!"}, "base64"),
        ({"signing_public_key": "AAAA"}, "no Ed25519 public key"),
        ({"encr_public_key": "AAAA"}, "has 32 bytes"),
        ({"signing_public_key": X25519}, "no Ed25519 public key"),
        ({"signing_public_key": SIGNING, "encr_public_key": SIGNING}, "a key of its own"),
        ({"valid_from": "2026-01-01T00:00:00"}, "timezone"),
        ({"location": {"gps": float("nan")}}, "location"),
        ({"location": {"name": "a\x00b"}}, "plain JSON"),
        ({"location": {"name": "\ud800"}}, "plain JSON"),
        ({"location": nested(20_000)}, "nested that deep"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "outside the years"),
    ],
)
def test_a_bad_field_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        form(**changes)


def test_a_subscription_starts_now_unless_it_says_when() -> None:
    subscription = form().to_subscription(earlier=None, now=NOW)
    assert (subscription.valid_from, subscription.created_at) == (NOW, NOW)
    assert subscription.status is SubscriberStatus.SUBSCRIBED
    assert subscription.type is SubscriberRole.BPP
    assert subscription.url == "https://bpp.example.com/beckn"


def test_a_repeat_keeps_the_start_and_says_the_same() -> None:
    wanted = form(location={"gps": "12.97,77.59", "circle": {"radius": 1.1}})
    first = wanted.to_subscription(earlier=None, now=NOW)
    again = wanted.to_subscription(earlier=first, now=NOW + timedelta(days=1))
    assert again.says_the_same_as(first)
    assert (again.valid_from, again.created_at) == (NOW, NOW)
    other = form(domain="retail").to_subscription(earlier=first, now=NOW)
    assert not other.says_the_same_as(first)


def test_what_has_ended_is_expired() -> None:
    ending = form(valid_until="2026-01-09T10:00:00Z").to_subscription(earlier=None, now=NOW)
    assert ending.status_at(NOW - timedelta(microseconds=1)) is SubscriberStatus.SUBSCRIBED
    assert ending.status_at(NOW) is SubscriberStatus.EXPIRED
    assert ending.to_wire(now=NOW)["status"] == "EXPIRED"


def test_a_key_in_der_is_kept_raw() -> None:
    raw = "ONtluFKk9FfVIePk0FJjCZE1XlTdcXtcWWRjqzllVSw="
    der = "MCowBQYDK2VwAyEA" + raw
    assert form(signing_public_key=der).signing_public_key == raw
