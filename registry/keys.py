"""What the registry needs of its own keys."""

from __future__ import annotations

from typing import Protocol

from protocol.signing import Signers
from protocol.x25519 import EncryptionPrivateKey


class RegistryKeys(Signers, Protocol):
    """The keys with which a registry signs its answers and encrypts its challenges."""

    def encryption_key(self, key_id: str) -> EncryptionPrivateKey:
        """Return the encryption key beside that signing key. Raises: NodeError, if there is none."""
        ...
