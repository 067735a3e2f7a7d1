"""Ed25519 keys as they stand in registries and key files: base64 of the raw bytes."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Final

from protocol.ed25519 import KEY_BYTES, KeyWeak, PrivateKey, PublicKey

_SEED_AND_PUBLIC_BYTES: Final = 2 * KEY_BYTES
_SPKI_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")


class KeyUnreadable(ValueError):
    """Text that should be a key is none."""


def new_private_key() -> PrivateKey:
    """Return a new signing key."""
    return PrivateKey.generate()


def read_private_key(text: str) -> PrivateKey:
    """Return the key of a base64 seed (32 bytes), or of seed and public key (64 bytes).

    Raises: KeyUnreadable.
    """
    raw = _decode(text)
    if len(raw) not in (KEY_BYTES, _SEED_AND_PUBLIC_BYTES):
        raise KeyUnreadable(f"a signing key has 32 or 64 bytes, this has {len(raw)}")
    key = PrivateKey(raw[:KEY_BYTES])
    if raw[KEY_BYTES:] not in (b"", key.public_key.raw):
        raise KeyUnreadable("the second half of a 64-byte key is not the public key of its first half")
    return key


def read_public_key(text: str) -> PublicKey:
    """Return the key of base64 text: 32 raw bytes, or the same wrapped in DER.

    Raises: KeyUnreadable.
    """
    raw = _decode(text).removeprefix(_SPKI_PREFIX)
    try:
        return PublicKey(raw)
    except KeyWeak as error:
        raise KeyUnreadable(str(error)) from error


def write_private_key(key: PrivateKey) -> str:
    """Return the base64 seed of `key`; keep it out of logs and samples."""
    return b64encode(key.seed).decode()


def write_public_key(key: PublicKey) -> str:
    """Return the base64 of the raw public key."""
    return b64encode(key.raw).decode()


def _decode(text: str) -> bytes:
    try:
        return b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise KeyUnreadable("a key is written in base64") from error
