"""What the registry needs of its own keys."""

from __future__ import annotations

from typing import Protocol

from protocol.signing import Signers
from protocol.x25519 import EncryptionPrivateKey


class RegistryKeys(Signers, Protocol):
    """The keys with which a registry signs its answers and encrypts its challenges."""

    def encryption_key(self, key_id: str | None = None) -> EncryptionPrivateKey:
        """Return the newest encryption key, or that of a key set. Raises: NodeError, if there is none."""
        ...
