"""How a node knows its peers: which directory it asks, and what remembers the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kernel.clock import Clock
from kernel.errors import NodeError
from node.distrust_watch import DistrustWatch
from node.key_watch import KeyWatch
from node.known_keys import KnownKeys
from node.settings import RegistryKind, Settings
from protocol.keys import read_public_key
from protocol.signing import Signers
from registry_client.answer_signature import RegistryTrust
from registry_client.changes import ChangeFeed
from registry_client.connection import ConnectionLimits
from registry_client.dedi import DediClient
from registry_client.directory import DirectoryUnreadable, StaticDirectory
from registry_client.key_times import KeyTimes
from registry_client.keyring import KeyRing
from registry_client.lookup import LookupClient
from registry_client.ports import OpenDirectory
from registry_client.reach import check_registry_url
from registry_client.shared_cache import SharedCache
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener

_DEDI_PATH: Final = "/dedi"


class RedisUrlInvalid(NodeError):
    """A Redis URL that names no Redis; the node does not start."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


class SubscribersUnreadable(NodeError):
    """The file of subscribers cannot be read; the node does not start."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerKeys:
    """The keys of peers: the ring, what it asks, and what tells it of changes."""

    keyring: KeyRing
    directory: OpenDirectory
    shared_cache: SharedCache | None
    distrust: DistrustWatch
    watch: KeyWatch | None
    known: KnownKeys
    grace: timedelta
    clock: Clock

    @asynccontextmanager
    async def running(self, listener: Listener) -> AsyncIterator[None]:
        """Follow what changes while the block runs; enter it before `listener` starts."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.directory.close)
            if self.shared_cache is not None:
                stack.push_async_callback(self.shared_cache.close)
            await self.known.forget_before(self.clock.now() - self.grace)
            await stack.enter_async_context(self.distrust.running(listener))
            if self.watch is not None:
                await stack.enter_async_context(self.watch.running())
            yield


def open_peer_keys(
    settings: Settings, *, signers: Signers, uow_factory: UnitOfWorkFactory, clock: Clock
) -> PeerKeys:
    """Return the way to peers' keys that `settings` describe; nothing is asked yet.

    Raises: RedisUrlInvalid, SubscribersUnreadable, DestinationRefused, RegistryUrlInvalid.
    """
    trust = RegistryTrust(
        clock=clock, signers=signers, keys=tuple(map(read_public_key, settings.registry_key))
    )
    directory = open_directory(settings, trust=trust)
    network = _network(settings)
    shared_cache = _open_shared_cache(settings, network=network)
    known = KnownKeys(uow_factory, network=network)
    times = KeyTimes(cache_for=settings.key_cache, grace=settings.key_grace)
    is_file = settings.registry_kind is RegistryKind.FILE  # it is always there, and tells of no change
    keyring = KeyRing(
        directory,
        clock=clock,
        times=times,
        shared=None if is_file else shared_cache,
        store=None if is_file else known,
    )
    is_followed = settings.key_watch and not is_file
    feed = ChangeFeed(network.removesuffix(_DEDI_PATH), trust=trust) if is_followed else None
    return PeerKeys(
        keyring=keyring,
        directory=directory,
        shared_cache=shared_cache,
        distrust=DistrustWatch(keyring, uow_factory),
        watch=None if feed is None else KeyWatch(feed, keyring=keyring, known=known),
        known=known,
        grace=settings.key_grace,
        clock=clock,
    )


def open_directory(settings: Settings, *, trust: RegistryTrust) -> OpenDirectory:
    """Return the directory that `settings` name; nothing is asked yet.

    Raises: SubscribersUnreadable, DestinationRefused, RegistryUrlInvalid.
    """
    if settings.registry_kind is RegistryKind.FILE:
        return _read_subscribers(settings)
    if not trust.keys:  # what it says is believed as it comes
        check_registry_url(_network(settings), reach=settings.reaching, path="DEGNODE_REGISTRY_URL")
    limits = ConnectionLimits(
        connect_timeout=settings.registry_timeout, answer_timeout=settings.registry_timeout
    )
    if settings.registry_kind is RegistryKind.DEDI:
        return DediClient(
            _network(settings),
            registry=settings.dedi_registry,
            speaking_for_others=settings.dedi_namespaces,
            limits=limits,
            trust=trust,
        )
    return LookupClient(_network(settings), limits=limits, trust=trust)


def _network(settings: Settings) -> str:
    """Return the name under which what is learnt of this network is kept apart from others."""
    if settings.registry_kind is RegistryKind.FILE:
        return f"file:{settings.subscribers}"
    return str(settings.registry_url).rstrip("/")


def _read_subscribers(settings: Settings) -> StaticDirectory:
    if settings.subscribers is None:  # pragma: no cover  the settings have been checked
        raise RuntimeError("a directory in a file without a file")
    try:
        return StaticDirectory.from_file(settings.subscribers)
    except DirectoryUnreadable as error:
        raise SubscribersUnreadable(
            str(error), path="DEGNODE_SUBSCRIBERS", hint="Write a list of records, in YAML or JSON."
        ) from error


def _open_shared_cache(settings: Settings, *, network: str) -> SharedCache | None:
    if settings.redis_url is None:
        return None
    try:
        return SharedCache.connect(settings.redis_url.get_secret_value(), network=network)
    except ValueError:  # its words hold the URL, and so the password
        raise RedisUrlInvalid(
            "the Redis URL cannot be read",
            path="DEGNODE_REDIS_URL",
            hint="Write it like redis://host:6379/0.",
        ) from None
