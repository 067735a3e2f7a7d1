"""Keys as text: what a registry or a key file may hold, and what is refused."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.keys import (
    KeyUnreadable,
    new_private_key,
    read_private_key,
    read_public_key,
    write_private_key,
    write_public_key,
)


def test_a_private_key_survives_being_written() -> None:
    key = new_private_key()
    again = read_private_key(write_private_key(key))
    assert again.seed == key.seed


def test_a_public_key_survives_being_written() -> None:
    key = new_private_key().public_key
    assert read_public_key(f" {write_public_key(key)}\n") == key


def test_a_public_key_may_be_wrapped_in_der() -> None:
    key = new_private_key().public_key
    der = Ed25519PublicKey.from_public_bytes(key.raw).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert read_public_key(b64encode(der).decode()) == key


def test_a_private_key_may_carry_its_public_key_behind_it() -> None:
    key = new_private_key()
    both = key.seed + key.public_key.raw
    assert read_private_key(b64encode(both).decode()).public_key == key.public_key


def test_a_private_key_with_somebody_elses_public_key_is_refused() -> None:
    both = new_private_key().seed + new_private_key().public_key.raw
    with pytest.raises(KeyUnreadable, match="second half"):
        read_private_key(b64encode(both).decode())


def test_a_private_key_of_another_length_is_refused() -> None:
    with pytest.raises(KeyUnreadable, match="32 or 64 bytes, this has 33"):
        read_private_key(b64encode(bytes(33)).decode())


def test_a_public_key_of_another_length_is_refused() -> None:
    with pytest.raises(KeyUnreadable, match="no Ed25519 public key"):
        read_public_key(b64encode(bytes(31)).decode())


@pytest.mark.parametrize("text", ["not base64!", "abc", "ключ"])
def test_a_key_that_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(KeyUnreadable, match="base64"):
        read_public_key(text)
