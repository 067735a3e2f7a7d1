"""Ed25519 keys as they stand in registries and key files: base64 of the raw bytes."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_SEED_BYTES: Final = 32
_SEED_AND_PUBLIC_BYTES: Final = 64
_SPKI_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")


class KeyUnreadable(ValueError):
    """Text that should be a key is none."""


def new_private_key() -> Ed25519PrivateKey:
    """Return a new signing key."""
    return Ed25519PrivateKey.generate()


def read_private_key(text: str) -> Ed25519PrivateKey:
    """Return the key of a base64 seed (32 bytes), or of seed and public key (64 bytes).

    Raises: KeyUnreadable.
    """
    raw = _decode(text)
    if len(raw) not in (_SEED_BYTES, _SEED_AND_PUBLIC_BYTES):
        raise KeyUnreadable(f"a signing key has 32 or 64 bytes, this has {len(raw)}")
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    if raw[_SEED_BYTES:] not in (b"", key.public_key().public_bytes_raw()):
        raise KeyUnreadable("the second half of a 64-byte key is not the public key of its first half")
    return key


def read_public_key(text: str) -> Ed25519PublicKey:
    """Return the key of base64 text: 32 raw bytes, or the same wrapped in DER.

    Raises: KeyUnreadable.
    """
    raw = _decode(text).removeprefix(_SPKI_PREFIX)
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise KeyUnreadable(f"no Ed25519 public key: {error}") from error


def write_private_key(key: Ed25519PrivateKey) -> str:
    """Return the base64 seed of `key`; keep it out of logs and samples."""
    return b64encode(key.private_bytes_raw()).decode()


def write_public_key(key: Ed25519PublicKey) -> str:
    """Return the base64 of the raw public key."""
    return b64encode(key.public_bytes_raw()).decode()


def _decode(text: str) -> bytes:
    try:
        return b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise KeyUnreadable("a key is written in base64") from error
