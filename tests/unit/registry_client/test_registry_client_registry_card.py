"""What a registry says of itself, read strictly: a key that is none must not be pinned."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from protocol.ed25519 import PrivateKey
from protocol.keys import write_public_key
from protocol.x25519 import EncryptionPrivateKey, write_encryption_public_key
from registry_client.challenge import ChallengeScheme
from registry_client.registry_card import CardUnreadable, RegistryCard, fingerprint

SIGNING = PrivateKey(bytes(32)).public_key
ENCRYPTION = EncryptionPrivateKey(bytes([7] * 32)).public_key


def card(**changes: Any) -> dict[str, Any]:
    content = {
        "subscriber_id": "registry.example",
        "key_id": "r1",
        "signing_public_key": write_public_key(SIGNING),
        "encr_public_key": write_encryption_public_key(ENCRYPTION),
        "challenge_scheme": "sealed-box",
        "approval": "manual",
        "network_id": "example.com/pilot",
    }
    return content | changes


def test_a_card_is_read() -> None:
    assert RegistryCard.from_wire(card()) == RegistryCard(
        subscriber_id="registry.example",
        key_id="r1",
        signing_key=SIGNING,
        encryption_key=ENCRYPTION,
        scheme=ChallengeScheme.SEALED_BOX,
        approval="manual",
        network_id="example.com/pilot",
    )


def test_a_name_alone_is_enough() -> None:
    read = RegistryCard.from_wire({"subscriber_id": "registry.example"})
    assert (read.signing_key, read.encryption_key, read.scheme) == (None, None, None)


@pytest.mark.parametrize("name", ["key_id", "unique_key_id", "ukId"])
def test_a_key_is_known_by_any_of_its_names(name: str) -> None:
    assert RegistryCard.from_wire({"subscriber_id": "r", name: "r9"}).key_id == "r9"


def test_an_encryption_key_in_der_is_the_same_key() -> None:
    der = write_encryption_public_key(ENCRYPTION, der=True)
    assert RegistryCard.from_wire(card(encr_public_key=der)).encryption_key == ENCRYPTION


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscriber_id", None),
        ("subscriber_id", 7),
        ("signing_public_key", "not base64!"),
        ("signing_public_key", b64encode(bytes(32)).decode()),  # a point of small order
        ("encr_public_key", b64encode(bytes(31)).decode()),
        ("challenge_scheme", "rot13"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(CardUnreadable) as caught:
        RegistryCard.from_wire(card(**{field: value}))
    assert caught.value.field == field


def test_a_fingerprint_can_be_read_out_and_differs_by_key() -> None:
    groups = fingerprint(SIGNING).split(" ")
    assert [len(group) for group in groups] == [4] * 8
    assert fingerprint(SIGNING) != fingerprint(PrivateKey(bytes([1] * 32)).public_key)
