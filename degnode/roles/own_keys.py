"""The keys of whoever runs here: the key manager that the settings name, and the keychain it opens."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kernel.clock import Clock
from kernel.errors import NodeError
from keystore.key_encryption import (
    FILE_NAME,
    ensure_key_encryption_keys,
    load_key_encryption_keys,
    read_key_encryption_keys,
)
from keystore.keychain import Keychain
from keystore.local_key_manager import LocalKeyManager
from keystore.opening import FirstKey, open_keychain
from keystore.ports import KeyManager
from keystore.store import find_key_sets
from keystore.succession import Succession
from node.settings import ServiceSettings, Settings
from registry_client.destinations import read_url
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory

_OLD_KEY_FILE: Final = "signing.key"  # in the data directory: from before keys were in the database


class VaultSettingsInvalid(NodeError):
    """What is set of Vault is not enough, or cannot be."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


def key_manager_of(settings: ServiceSettings, *, may_make: bool) -> KeyManager:
    """Return what seals private keys here.

    `may_make` allows to make a key-encryption key where none is: only while nothing was sealed.
    Raises: KeyEncryptionKeyUnusable, VaultSettingsInvalid.
    """
    if settings.vault_url is None:
        return _local_key_manager(settings, may_make=may_make)
    vault = _vault_key_manager(settings)
    was_local = settings.key_encryption_key or settings.key_encryption_file or _file(settings).exists()
    if not was_local:
        return vault
    return Succession(heir=vault, predecessor=_local_key_manager(settings, may_make=False))


def _local_key_manager(settings: ServiceSettings, *, may_make: bool) -> LocalKeyManager:
    if settings.key_encryption_key is not None:
        text = settings.key_encryption_key.get_secret_value()
        return LocalKeyManager(read_key_encryption_keys(text, place="DEGNODE_KEY_ENCRYPTION_KEY"))
    if settings.key_encryption_file is not None:
        return LocalKeyManager(load_key_encryption_keys(settings.key_encryption_file))
    read = ensure_key_encryption_keys if may_make else load_key_encryption_keys
    return LocalKeyManager(read(_file(settings)))


def _file(settings: ServiceSettings) -> Path:
    return settings.data_dir / FILE_NAME


def _vault_key_manager(settings: ServiceSettings) -> KeyManager:
    from keystore.vault_key_manager import VaultKeyManager, token_from_file  # few need it

    mount, _, key = settings.vault_key.strip("/").rpartition("/")
    if not mount or not key:
        raise VaultSettingsInvalid(
            "Vault's key is named by the engine's mount and its own name",
            path="DEGNODE_VAULT_KEY",
            hint="Write it like transit/degnode.",
        )
    if settings.vault_token is not None:
        token = settings.vault_token.get_secret_value
    elif settings.vault_token_file is not None:
        token = token_from_file(settings.vault_token_file)
    else:
        raise VaultSettingsInvalid(
            "Vault wants a token",
            path="DEGNODE_VAULT_TOKEN",
            hint="Set DEGNODE_VAULT_TOKEN_FILE, which is read anew each time, or DEGNODE_VAULT_TOKEN.",
        )
    url = str(settings.vault_url).rstrip("/")
    if not _is_sheltered(url):
        raise VaultSettingsInvalid(
            "Vault is sent private keys, and this URL would send them in the clear",
            path="DEGNODE_VAULT_URL",
            hint="Use https, or a Vault agent on this machine.",
        )
    return VaultKeyManager(url=url, mount=mount, key=key, token=token)


def _is_sheltered(url: str) -> bool:
    destination = read_url(url, path="DEGNODE_VAULT_URL")
    return destination.scheme == "https" or destination.is_here


async def open_own_keys(settings: Settings, *, database: Database, clock: Clock) -> Keychain:
    """Return the keychain of the participant of these settings; its first start makes the keys.

    Raises: NodeError.
    """
    uow_factory = UnitOfWorkFactory(database)
    return await open_keychain(
        subscriber_id=settings.subscriber_id,
        uow_factory=uow_factory,
        key_manager=await _key_manager_for(settings.subscriber_id, settings, uow_factory),
        clock=clock,
        first=FirstKey(
            key_id=settings.key_id,
            key_file=settings.key_file,
            old_key_file=settings.data_dir / _OLD_KEY_FILE,
        ),
        validity=settings.signature_validity,
    )


async def open_service_keys(
    settings: ServiceSettings, *, subscriber_id: str, database: Database, clock: Clock
) -> Keychain:
    """Return the keychain of a service that is no participant, such as a registry. Raises: NodeError."""
    uow_factory = UnitOfWorkFactory(database)
    return await open_keychain(
        subscriber_id=subscriber_id,
        uow_factory=uow_factory,
        key_manager=await _key_manager_for(subscriber_id, settings, uow_factory),
        clock=clock,
    )


async def _key_manager_for(
    subscriber_id: str, settings: ServiceSettings, uow_factory: UnitOfWorkFactory
) -> KeyManager:
    async with uow_factory() as uow:
        sealed = await find_key_sets(uow.connection, subscriber_id=subscriber_id)
    return key_manager_of(settings, may_make=not sealed)
