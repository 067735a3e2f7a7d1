"""Making a key set: two new pairs, sealed at once; and opening it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kernel.errors import NodeError
from keystore.key_set import KeySet
from keystore.ports import KeyManager
from protocol.ed25519 import PrivateKey
from protocol.x25519 import EncryptionPrivateKey


class _Half(StrEnum):
    SIGNING = "signing"
    ENCRYPTION = "encryption"


class KeyPairMismatch(NodeError):
    """An opened private key is not the other half of the public key that it is kept with."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateHalves:
    """The secrets of a key set; they show nowhere."""

    signing: PrivateKey
    encryption: EncryptionPrivateKey


async def make_key_set(
    *,
    subscriber_id: str,
    key_id: str,
    key_manager: KeyManager,
    valid_from: datetime,
    now: datetime,
    valid_until: datetime | None = None,
    signing_key: PrivateKey | None = None,
) -> KeySet:
    """Return a new key set, kept nowhere yet; `signing_key` is one that was in use before.

    Its time begins with a whole second, as signatures do.
    Raises: NodeError, if the key manager does not answer.
    """
    secrets = PrivateHalves(
        signing=signing_key or PrivateKey.generate(), encryption=EncryptionPrivateKey.generate()
    )
    unsealed = KeySet(
        subscriber_id=subscriber_id,
        key_id=key_id,
        signing_public_key=secrets.signing.public_key,
        encryption_public_key=secrets.encryption.public_key,
        sealed_signing_key=b"",
        sealed_encryption_key=b"",
        sealed_by="",
        valid_from=valid_from.replace(microsecond=0),
        valid_until=valid_until,
        created_at=now,
    )
    return await seal_key_set(unsealed, secrets, key_manager=key_manager)


async def seal_key_set(key_set: KeySet, secrets: PrivateHalves, *, key_manager: KeyManager) -> KeySet:
    """Return the set with its secrets as `key_manager` seals them. Raises: NodeError."""
    return replace(
        key_set,
        sealed_signing_key=await key_manager.seal(secrets.signing.seed, label=_label(key_set, _Half.SIGNING)),
        sealed_encryption_key=await key_manager.seal(
            secrets.encryption.raw, label=_label(key_set, _Half.ENCRYPTION)
        ),
        sealed_by=key_manager.name,
    )


async def open_key_set(key_set: KeySet, *, key_manager: KeyManager) -> PrivateHalves:
    """Return the secrets of a set.

    Raises: KeyPairMismatch, or what the key manager raises.
    """
    seed = await key_manager.open(key_set.sealed_signing_key, label=_label(key_set, _Half.SIGNING))
    raw = await key_manager.open(key_set.sealed_encryption_key, label=_label(key_set, _Half.ENCRYPTION))
    secrets = PrivateHalves(signing=PrivateKey(seed), encryption=EncryptionPrivateKey(raw))
    if (secrets.signing.public_key, secrets.encryption.public_key) != (
        key_set.signing_public_key,
        key_set.encryption_public_key,
    ):
        raise KeyPairMismatch(
            f"the key set {key_set.key_id!r} of {key_set.subscriber_id} does not hold together",
            path="table key_sets",
            hint="Its row was changed by hand: restore it from a backup, or revoke it and make another.",
        )
    return secrets


def _label(key_set: KeySet, half: _Half) -> str:
    return f"degnode/{key_set.subscriber_id}/{key_set.key_id}/{half}"
