"""A challenge as another implementation has encrypted it, against ours, in both directions."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from protocol.x25519 import (
    EncryptionPrivateKey,
    EncryptionPublicKey,
    read_encryption_private_key,
    read_encryption_public_key,
    write_encryption_public_key,
)
from registry_client.challenge import ChallengeScheme, decrypt_challenge, encrypt_challenge

AES_ECB = ChallengeScheme.AES_ECB
_PKCS8 = bytes.fromhex("302e020100300506032b656e04220420")  # how DER begins around such a private key


@pytest.fixture(scope="module")
def vector(shared: Path) -> dict[str, str]:
    read = json.loads((shared / "golden" / "signatures.json").read_text(encoding="utf-8"))
    challenge: dict[str, str] = read["onix_challenge"]
    return challenge


def _pair(vector: dict[str, str], side: str) -> tuple[EncryptionPrivateKey, EncryptionPublicKey]:
    return (
        read_encryption_private_key(vector[f"x25519_private_{side}_b64"]),
        read_encryption_public_key(vector[f"x25519_public_{side}_b64"]),
    )


@pytest.mark.parametrize("side", ["a", "b"])
def test_the_public_keys_are_those_of_the_private_ones(vector: dict[str, str], side: str) -> None:
    private, public = _pair(vector, side)
    assert private.public_key == public


@pytest.mark.parametrize(("sender", "receiver"), ["ab", "ba"])
def test_the_challenge_is_encrypted_to_the_very_bytes(
    vector: dict[str, str], sender: str, receiver: str
) -> None:
    private, public = _pair(vector, sender)[0], _pair(vector, receiver)[1]
    text = encrypt_challenge(vector["plaintext"], scheme=AES_ECB, sender=private, receiver=public)
    assert text == vector["ciphertext_b64"]


@pytest.mark.parametrize(("sender", "receiver"), ["ab", "ba"])
def test_the_published_challenge_is_read(vector: dict[str, str], sender: str, receiver: str) -> None:
    public, private = _pair(vector, sender)[1], _pair(vector, receiver)[0]
    plain = decrypt_challenge(vector["ciphertext_b64"], scheme=AES_ECB, sender=public, receiver=private)
    assert plain == vector["plaintext"]


def test_it_is_read_with_wrapped_keys_just_as_well(vector: dict[str, str]) -> None:
    public = read_encryption_public_key(write_encryption_public_key(_pair(vector, "a")[1], der=True))
    wrapped = _PKCS8 + b64decode(vector["x25519_private_b_b64"])
    private = read_encryption_private_key(b64encode(wrapped).decode())
    plain = decrypt_challenge(vector["ciphertext_b64"], scheme=AES_ECB, sender=public, receiver=private)
    assert plain == vector["plaintext"]
