"""Key sets for tests: real pairs, and a key manager of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from keystore.key_set import KeySet
from keystore.local_key_manager import LocalKeyManager
from keystore.making import make_key_set
from protocol.ed25519 import PrivateKey
from protocol.x25519 import EncryptionPrivateKey

NOW: Final = datetime(2026, 1, 9, 10, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
SUBSCRIBER: Final = "bpp.example"
KEK: Final = bytes(range(32))

_SIGNING: Final = PrivateKey(bytes(32)).public_key
_ENCRYPTION: Final = EncryptionPrivateKey(bytes(32)).public_key


def key_manager() -> LocalKeyManager:
    """Return a key manager; all of them are the same."""
    return LocalKeyManager([KEK])


def unsealed(key_id: str = "k1", **changes: Any) -> KeySet:
    """Return a set whose secrets nobody needs, valid from `NOW` on."""
    values: dict[str, Any] = {
        "subscriber_id": SUBSCRIBER,
        "key_id": key_id,
        "signing_public_key": _SIGNING,
        "encryption_public_key": _ENCRYPTION,
        "sealed_signing_key": b"",
        "sealed_encryption_key": b"",
        "sealed_by": "nobody",
        "valid_from": NOW,
        "created_at": NOW,
    }
    return KeySet(**values | changes)


async def sealed(key_id: str = "k1", **changes: Any) -> KeySet:
    """Return a set with its secrets sealed by `key_manager()`, valid from `NOW` on."""
    values: dict[str, Any] = {
        "subscriber_id": SUBSCRIBER,
        "key_id": key_id,
        "key_manager": key_manager(),
        "valid_from": NOW,
        "now": NOW,
    }
    return await make_key_set(**values | changes)
