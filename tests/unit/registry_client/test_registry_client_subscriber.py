"""Records as registries write them: three names for a key, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry_client.subscriber import (
    Place,
    RecordUnreadable,
    SubscriberRecord,
    SubscriberRole,
    SubscriberStatus,
)
from tests.support.subscribers import NOW, record

KEY = "ONtluFKk9FfVIePk0FJjCZE1XlTdcXtcWWRjqzllVSw="


def wire(**changes: Any) -> dict[str, Any]:
    return {"subscriber_id": "bap.example.com", "key_id": "k1", "signing_public_key": KEY} | changes


@pytest.mark.parametrize("name", ["key_id", "unique_key_id", "ukId"])
def test_the_name_of_a_key_is_read_under_each_of_its_names(name: str) -> None:
    fields = wire()
    del fields["key_id"]
    assert SubscriberRecord.from_wire(fields | {name: "k7"}).key_id == "k7"


def test_an_empty_name_counts_as_none() -> None:
    assert SubscriberRecord.from_wire(wire(key_id="", ukId="k7")).key_id == "k7"


def test_a_record_needs_no_more_than_a_subscriber_and_its_key() -> None:
    read = SubscriberRecord.from_wire(wire())
    assert (read.url, read.role, read.domain, read.encr_public_key) == (None, None, None, None)
    assert (read.valid_from, read.valid_until) == (None, None)
    assert read.status is SubscriberStatus.SUBSCRIBED
    assert read.is_valid_at(NOW)


def test_a_whole_record_is_read() -> None:
    read = SubscriberRecord.from_wire(
        wire(
            type="bpp",
            status="subscribed",
            url="https://bpp.example.com",
            valid_from="2026-01-01T05:30:00+05:30",
            valid_until="2027-01-01T00:00:00.000Z",
            created="2026-01-01T00:00:00Z",
            location={"city": {"code": "std:080"}},
        )
    )
    assert read.role is SubscriberRole.BPP
    assert read.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert read.valid_until == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_record_survives_being_written() -> None:
    whole = record(valid_from=NOW, valid_until=NOW + timedelta(days=1), encr_public_key=KEY)
    assert SubscriberRecord.from_wire(whole.to_wire()) == whole
    assert whole.to_wire()["key_id"] == whole.to_wire()["unique_key_id"] == "k1"


def test_an_instant_that_yaml_has_read_already_is_taken() -> None:
    assert SubscriberRecord.from_wire(wire(valid_from=NOW)).valid_from == NOW


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"subscriber_id": None}, "subscriber_id", "is missing"),
        ({"subscriber_id": 7}, "subscriber_id", "is int, not text"),
        ({"key_id": None}, "key_id", "so are unique_key_id and ukId"),
        ({"signing_public_key": ""}, "signing_public_key", "is missing"),
        ({"signing_public_key": "AAAA"}, "signing_public_key", "no Ed25519 public key"),
        ({"type": "GARDENER"}, "type", "not one of BAP, BPP, BG"),
        ({"status": "GONE"}, "status", "not one of INITIATED"),
        ({"network_memberships": "beckn.one/testnet"}, "network_memberships", "no list of names"),
        ({"network_memberships": [7]}, "network_memberships", "no list of names"),
        ({"valid_from": "yesterday"}, "valid_from", "no instant"),
        ({"valid_until": "2026-01-01T00:00:00"}, "valid_until", "no instant with a time zone"),
        ({"valid_until": datetime(2026, 1, 1)}, "valid_until", "has no time zone"),  # noqa: DTZ001
    ],
)
def test_an_unreadable_record_names_its_field(changes: dict[str, Any], field: str, why: str) -> None:
    with pytest.raises(RecordUnreadable, match=why) as refusal:
        SubscriberRecord.from_wire(wire(**changes))
    assert refusal.value.field == field


def test_validity_is_half_open() -> None:
    bounded = record(valid_from=NOW, valid_until=NOW + timedelta(hours=1))
    assert not bounded.is_valid_at(NOW - timedelta(microseconds=1))
    assert bounded.is_valid_at(NOW)
    assert not bounded.is_valid_at(NOW + timedelta(hours=1))


@pytest.mark.parametrize("status", [s for s in SubscriberStatus if s is not SubscriberStatus.SUBSCRIBED])
def test_only_the_subscribed_are_believed(status: SubscriberStatus) -> None:
    assert not record(status=status).is_valid_at(NOW)


def test_memberships_that_are_none_are_told_from_those_that_nobody_tells() -> None:
    assert SubscriberRecord.from_wire(wire()).network_memberships is None
    assert SubscriberRecord.from_wire(wire(network_memberships=[])).network_memberships == ()
    for memberships in ((), ("beckn.one/testnet",)):
        member = record(network_memberships=memberships)
        assert SubscriberRecord.from_wire(member.to_wire()) == member


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (None, None),
        ("Bengaluru", None),
        ({}, None),
        ({"city": {"name": "Bengaluru"}}, None),
        ({"city": {"code": "*"}}, None),
        ({"city": {"code": "std:080"}}, Place(city="std:080")),
        ({"country": {"code": "IND"}, "city": {"code": "*"}}, Place(country="IND")),
    ],
)
def test_a_place_is_read_by_its_codes(location: object, place: Place | None) -> None:
    assert SubscriberRecord.from_wire(wire(location=location)).place == place


def test_a_place_survives_being_written() -> None:
    placed = record(place=Place(country="IND", city="std:080"))
    assert SubscriberRecord.from_wire(placed.to_wire()) == placed


def test_whoever_names_a_country_serves_all_of_its_cities() -> None:
    here = Place(country="IND", city="std:080")
    assert Place(country="IND").serves(here)
    assert here.serves(here)
    assert not Place(country="IND", city="std:011").serves(here)
    assert not Place(country="DEU").serves(here)
    assert not here.serves(Place(country="IND"))
