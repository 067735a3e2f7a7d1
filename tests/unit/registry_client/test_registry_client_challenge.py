"""The registry's riddle, in every scheme: only the holder of the key answers it."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from nacl.public import PrivateKey, PublicKey, SealedBox

from protocol.keys import KeyUnreadable
from protocol.x25519 import EncryptionPrivateKey, EncryptionPublicKey
from registry_client.challenge import (
    ChallengeScheme,
    ChallengeUnreadable,
    decrypt_challenge,
    encrypt_challenge,
)

REGISTRY = EncryptionPrivateKey(bytes(range(32)))
SUBSCRIBER = EncryptionPrivateKey(bytes(range(32, 64)))
STRANGER = EncryptionPrivateKey(bytes(range(64, 96)))
SCHEMES = list(ChallengeScheme)


def encrypted(plain: str, scheme: ChallengeScheme) -> str:
    return encrypt_challenge(plain, scheme=scheme, sender=REGISTRY, receiver=SUBSCRIBER.public_key)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("plain", ["challenge-123", "", "0123456789abcdef", "f" * 32, "½ kWh", "x" * 1000])
def test_the_subscriber_reads_what_the_registry_wrote(scheme: ChallengeScheme, plain: str) -> None:
    text = encrypted(plain, scheme)
    assert not plain or plain.encode() not in b64decode(text)
    assert decrypt_challenge(text, scheme=scheme, sender=REGISTRY.public_key, receiver=SUBSCRIBER) == plain


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nobody_else_reads_it(scheme: ChallengeScheme) -> None:
    text = encrypted("f" * 32, scheme)
    with pytest.raises(ChallengeUnreadable) as refusal:
        decrypt_challenge(text, scheme=scheme, sender=REGISTRY.public_key, receiver=STRANGER)
    assert refusal.value.path == "$.challenge"
    assert refusal.value.hint


def test_with_a_shared_secret_another_registry_is_found_out() -> None:
    text = encrypted("f" * 32, ChallengeScheme.AES_ECB)
    with pytest.raises(ChallengeUnreadable):
        decrypt_challenge(
            text, scheme=ChallengeScheme.AES_ECB, sender=STRANGER.public_key, receiver=SUBSCRIBER
        )


@pytest.mark.parametrize(("written", "read"), [SCHEMES, SCHEMES[::-1]])
def test_the_wrong_scheme_is_said(written: ChallengeScheme, read: ChallengeScheme) -> None:
    text = encrypted("f" * 32, written)
    with pytest.raises(ChallengeUnreadable, match=read.value):
        decrypt_challenge(text, scheme=read, sender=REGISTRY.public_key, receiver=SUBSCRIBER)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", b64encode(bytes(16)).decode(), "A" * 100_000])
def test_what_is_no_challenge_is_refused(scheme: ChallengeScheme, text: str) -> None:
    with pytest.raises(ChallengeUnreadable):
        decrypt_challenge(text, scheme=scheme, sender=REGISTRY.public_key, receiver=SUBSCRIBER)


def test_a_registry_with_a_worthless_key_is_refused() -> None:
    worthless = EncryptionPublicKey(bytes(32))  # anybody can compute what is shared with it
    with pytest.raises(ChallengeUnreadable, match="small order"):
        decrypt_challenge(
            b64encode(bytes(16)).decode(),
            scheme=ChallengeScheme.AES_ECB,
            sender=worthless,
            receiver=SUBSCRIBER,
        )


def test_a_sealed_box_is_libsodiums_own() -> None:
    theirs = SealedBox(PublicKey(SUBSCRIBER.public_key.raw)).encrypt(b"challenge-123")
    read = decrypt_challenge(
        b64encode(theirs).decode(),
        scheme=ChallengeScheme.SEALED_BOX,
        sender=REGISTRY.public_key,
        receiver=SUBSCRIBER,
    )
    assert read == "challenge-123"
    ours = b64decode(encrypted("challenge-123", ChallengeScheme.SEALED_BOX))
    assert SealedBox(PrivateKey(SUBSCRIBER.raw)).decrypt(ours) == b"challenge-123"


def _sealed_by_ecb(padded: bytes) -> str:
    encryptor = Cipher(AES256(REGISTRY.shared_secret(SUBSCRIBER.public_key)), ECB()).encryptor()  # noqa: S305
    return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def test_a_refusal_does_not_tell_what_is_wrong_with_a_text() -> None:
    wrong_padding = _sealed_by_ecb(bytes(32))
    no_text = _sealed_by_ecb(b"\xff" * 15 + b"\x01")
    refusals = set()
    for text in (wrong_padding, no_text, "AAAA", "no base64!", ""):
        with pytest.raises(ChallengeUnreadable) as refusal:
            decrypt_challenge(
                text, scheme=ChallengeScheme.AES_ECB, sender=REGISTRY.public_key, receiver=SUBSCRIBER
            )
        refusals.add(str(refusal.value))
    assert len(refusals) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_encrypted_for_a_key_of_small_order(scheme: ChallengeScheme) -> None:
    with pytest.raises(KeyUnreadable, match="small order"):
        encrypt_challenge("f" * 32, scheme=scheme, sender=REGISTRY, receiver=EncryptionPublicKey(bytes(32)))
