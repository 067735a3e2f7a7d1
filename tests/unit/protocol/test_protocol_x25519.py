"""Encryption keys: read as registries write them, and never a signing key in disguise."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from protocol.ed25519 import PrivateKey
from protocol.keys import KeyUnreadable, write_private_key, write_public_key
from protocol.x25519 import (
    EncryptionPrivateKey,
    EncryptionPublicKey,
    read_encryption_private_key,
    read_encryption_public_key,
    write_encryption_public_key,
)

KEY = EncryptionPrivateKey(bytes(range(32)))
OTHER = EncryptionPrivateKey(bytes(range(32, 64)))


def test_raw_and_wrapped_keys_are_read_alike() -> None:
    theirs = X25519PrivateKey.from_private_bytes(KEY.raw)
    spki = theirs.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pkcs8 = theirs.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for public in (KEY.public_key.raw, spki):
        assert read_encryption_public_key(f"\n{b64encode(public).decode()} ") == KEY.public_key
    for private in (KEY.raw, pkcs8):
        assert read_encryption_private_key(b64encode(private).decode()) == KEY


@pytest.mark.parametrize("der", [False, True])
def test_what_is_written_is_read_again(*, der: bool) -> None:
    text = write_encryption_public_key(KEY.public_key, der=der)
    assert read_encryption_public_key(text) == KEY.public_key
    assert len(text) == (60 if der else 44)


def test_both_sides_compute_the_same_secret_and_a_third_does_not() -> None:
    assert KEY.shared_secret(OTHER.public_key) == OTHER.shared_secret(KEY.public_key)
    third = EncryptionPrivateKey.generate()
    assert third.shared_secret(KEY.public_key) != OTHER.shared_secret(KEY.public_key)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_point_of_small_order_shares_no_secret(point: bytes) -> None:
    with pytest.raises(KeyUnreadable, match="small order"):
        KEY.shared_secret(EncryptionPublicKey(point))


@pytest.mark.parametrize("text", ["", "no key", "AAAA", b64encode(bytes(31)).decode(), "é"])
def test_what_is_no_key_is_said_so(text: str) -> None:
    with pytest.raises(KeyUnreadable):
        read_encryption_public_key(text)
    with pytest.raises(KeyUnreadable):
        read_encryption_private_key(text)


def test_a_wrapped_signing_key_is_not_taken_for_an_encryption_key() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signing = Ed25519PrivateKey.from_private_bytes(bytes(32))
    spki = signing.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pkcs8 = signing.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyUnreadable):
        read_encryption_public_key(b64encode(spki).decode())
    with pytest.raises(KeyUnreadable):
        read_encryption_private_key(b64encode(pkcs8).decode())


def test_the_two_kinds_of_keys_are_different_things() -> None:
    signing = PrivateKey(KEY.raw)
    assert signing.public_key.raw != KEY.public_key.raw
    assert write_public_key(signing.public_key) != write_encryption_public_key(KEY.public_key)


def test_a_private_key_shows_nowhere() -> None:
    assert repr(KEY.raw) not in repr(KEY)
    assert write_private_key(PrivateKey(KEY.raw)) not in repr(KEY)
