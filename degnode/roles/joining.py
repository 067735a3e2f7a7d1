"""What a participant says to its registry and with what, put together from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from keystore.keychain import Keychain
from node.announcement import Announcer, Particulars, Registry
from node.settings import KeyFormat, Settings
from protocol.actions import Role
from protocol.keys import read_public_key
from protocol.x25519 import read_encryption_public_key
from registry_client.registrar import Registrar
from registry_client.subscriber import SubscriberRole


def plain(url: object) -> str:
    """Return a URL as registries hold it: without a final slash."""
    return str(url).rstrip("/")


def registry_of(settings: Settings, *, site_request_id: str | None = None) -> Registry:
    """Return the registry that the settings name."""
    key = settings.registry_encryption_key
    return Registry(
        url=plain(settings.registry_url),
        keys=tuple(read_public_key(text) for text in settings.registry_key),
        encryption_key=None if key is None else read_encryption_public_key(key),
        scheme=settings.challenge_scheme,
        site_request_id=site_request_id,
    )


def particulars_of(settings: Settings, role: Role) -> Particulars:
    """Return what stands in the participant's entry beside its keys."""
    return Particulars(
        url=plain(settings.public_url),
        role=SubscriberRole(role.subscribes_as.upper()),
        domain=settings.domain,
        der=settings.key_format is KeyFormat.DER,
    )


@asynccontextmanager
async def open_announcer(
    settings: Settings, *, particulars: Particulars, keychain: Keychain, site_request_id: str | None = None
) -> AsyncIterator[Announcer]:
    """Open the line to the registry of the settings, for one round of announcements.

    Raises: RegistryUrlInvalid.
    """
    registry = registry_of(settings, site_request_id=site_request_id)
    async with Registrar(registry.url, clock=keychain.clock, keys=registry.keys) as registrar:
        yield Announcer(
            registrar=registrar,
            registry=registry,
            particulars=particulars,
            keychain=keychain,
            uow_factory=keychain.uow_factory,
            clock=keychain.clock,
            delivery_timeout=settings.delivery_timeout,
        )
