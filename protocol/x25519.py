"""X25519 keys, with which a registry's challenge is read; never the keys that messages are signed with.

Registries write them in two ways: the 32 raw bytes in base64, or the same wrapped in DER (SPKI for a
public key, PKCS#8 for a private one). The length tells which.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocol.keys import KeyUnreadable

KEY_BYTES: Final = 32
_SPKI_PREFIX: Final = bytes.fromhex("302a300506032b656e032100")
_PKCS8_PREFIX: Final = bytes.fromhex("302e020100300506032b656e04220420")


@dataclass(frozen=True, slots=True)
class EncryptionPublicKey:
    """The public half: 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise KeyUnreadable(f"an X25519 public key has 32 bytes, or 44 in DER; this has {len(self.raw)}")


@dataclass(frozen=True, slots=True)
class EncryptionPrivateKey:
    """The secret half: 32 bytes; keep it out of logs and samples."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise KeyUnreadable(f"an X25519 private key has 32 bytes, or 48 in DER; this has {len(self.raw)}")

    @classmethod
    def generate(cls) -> EncryptionPrivateKey:
        """Return a new key."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @property
    def public_key(self) -> EncryptionPublicKey:
        return EncryptionPublicKey(
            X25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw()
        )

    def shared_secret(self, peer: EncryptionPublicKey) -> bytes:
        """Return the 32 bytes that only the holders of both keys can compute (RFC 7748).

        Raises: KeyUnreadable, if `peer` is a point of small order, with which anybody could.
        """
        try:
            return X25519PrivateKey.from_private_bytes(self.raw).exchange(
                X25519PublicKey.from_public_bytes(peer.raw)
            )
        except ValueError as error:
            raise KeyUnreadable("this X25519 public key is a point of small order") from error


def read_encryption_public_key(text: str) -> EncryptionPublicKey:
    """Return the key of base64 text, raw or in DER. Raises: KeyUnreadable."""
    return EncryptionPublicKey(_decode(text).removeprefix(_SPKI_PREFIX))


def read_encryption_private_key(text: str) -> EncryptionPrivateKey:
    """Return the key of base64 text, raw or in DER. Raises: KeyUnreadable."""
    return EncryptionPrivateKey(_decode(text).removeprefix(_PKCS8_PREFIX))


def write_encryption_public_key(key: EncryptionPublicKey, *, der: bool = False) -> str:
    """Return the base64 of `key`: its raw bytes, or in DER as some registries want it."""
    return b64encode((_SPKI_PREFIX if der else b"") + key.raw).decode()


def _decode(text: str) -> bytes:
    try:
        return b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise KeyUnreadable("a key is written in base64") from error
