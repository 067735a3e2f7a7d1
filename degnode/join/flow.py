"""The way into a network, from an empty folder to SUBSCRIBED; each step may be taken again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bpp.catalog_file.reader import load_catalogue
from degnode.actor import operator
from degnode.join.acquaintance import Acquaintance, Expected, get_to_know
from degnode.join.checklist import Checklist
from degnode.join.visit import Visit
from degnode.node_database import node_database
from degnode.roles.configuration import load_settings, secret
from degnode.roles.joining import plain
from degnode.roles.node_env import read_node_env, served_as, write_node_env
from degnode.roles.own_keys import open_own_keys
from kernel.clock import Clock
from kernel.errors import NodeError
from keystore.keychain import Keychain
from keystore.store import forget_announcements
from node.audit import record_act
from node.settings import KeyFormat, Settings
from protocol.actions import Role
from protocol.ed25519 import PublicKey
from protocol.keys import KeyUnreadable, read_public_key, write_public_key
from protocol.x25519 import read_encryption_public_key, write_encryption_public_key
from registry_client.challenge import ChallengeScheme
from registry_client.reach import check_registry_url, check_url
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory

_CATALOG: Final = "DEGNODE_CATALOG"
_ROLE: Final = "DEGNODE_ROLE"


class JoinRequestInvalid(NodeError):
    """What was said on the command line is not enough, or cannot be."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """What was said on the command line; what is None is as it was, or follows by itself."""

    data_dir: Path
    registry: str | None = None
    role: Role | None = None
    subscriber: str | None = None
    domain: str | None = None
    url: str | None = None
    database_url: str | None = None
    registry_keys: tuple[str, ...] = ()
    registry_id: str | None = None
    registry_encryption_key: str | None = None
    scheme: ChallengeScheme | None = None
    key_format: KeyFormat | None = None
    catalog: Path | None = None
    host: str | None = None
    port: int | None = None
    site_request_id: str | None = None
    wait: timedelta = timedelta(seconds=60)


@dataclass(slots=True, kw_only=True)
class Join:
    """One run of `degnode join`."""

    request: JoinRequest
    checklist: Checklist
    clock: Clock
    _step: str = "command"

    async def run(self) -> bool:
        """Take every step; say whether all went well. What went wrong is on the screen then."""
        try:
            await self._run()
        except NodeError as error:
            self.checklist.wrong(self._step, error)
            return False
        return True

    async def _run(self) -> None:
        role, settings = self._read_command()
        self.checklist.title(
            f"{settings.subscriber_id} joins the network of {plain(settings.registry_url)} as {role.upper()}"
        )
        with self._at("registry"):
            met = await get_to_know(self._expected(settings), clock=self.clock)
            self.checklist.done("registry", met.describe())
        async with node_database(
            role.value, self.request.data_dir, secret(settings.database_url)
        ) as database:
            with self._at("keys"):
                keychain = await self._open_keys(settings, database)
            with self._at("settings"):
                settings = self._keep(settings, role, met)
            is_running = await self._subscribe(settings, role, keychain)
        self._tell_what_next(settings, role, is_running=is_running)

    def _read_command(self) -> tuple[Role, Settings]:
        """Return the role and the settings, what was said going before what was there."""
        request, kept = self.request, read_node_env(self.request.data_dir)
        role = _role_of(request, kept)
        given = {
            "registry_url": request.registry,
            "subscriber_id": request.subscriber,
            "public_url": request.url,
            "domain": request.domain,
            "host": request.host,
            "port": request.port,
            "registry_encryption_key": request.registry_encryption_key,
            "challenge_scheme": request.scheme,
            "key_format": request.key_format,
            "database_url": request.database_url,
        }
        said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        settings = load_settings(Settings, data_dir=request.data_dir, **said)
        url = plain(settings.public_url)
        destination = check_url(url, reach=settings.reaching, path="--url")
        if "port" not in settings.model_fields_set and destination.is_here:  # nothing stands in between
            settings = settings.model_copy(update={"port": urlsplit(url).port or settings.port})
        check_registry_url(plain(settings.registry_url), reach=settings.reaching, path="--registry")
        if request.catalog is not None:
            load_catalogue(request.catalog)
        return role, settings

    def _expected(self, settings: Settings) -> Expected:
        request, key = self.request, settings.registry_encryption_key
        is_same = _is_same_registry(settings, read_node_env(request.data_dir))
        known = request.registry_keys or (settings.registry_key if is_same else ())
        encryption_key = None if key is None else read_encryption_public_key(key)
        was_told = request.registry_encryption_key is not None
        return Expected(
            url=plain(settings.registry_url),
            keys=tuple(_read_key(text) for text in known),
            were_told=bool(request.registry_keys),
            encryption_key=encryption_key if was_told else None,
            remembered_encryption_key=encryption_key if is_same else None,
            scheme=request.scheme,
            registry_id=request.registry_id,
        )

    async def _open_keys(self, settings: Settings, database: Database) -> Keychain:
        before = read_node_env(self.request.data_dir)
        keychain = await open_own_keys(settings, database=database, clock=self.clock)
        if not _is_same_registry(settings, before):
            async with UnitOfWorkFactory(database)() as uow:  # what another registry knows, this one does not
                await forget_announcements(uow, subscriber_id=settings.subscriber_id)
            await keychain.reload()
        signer = keychain.at(self.clock.now())
        self.checklist.done(
            "keys",
            f"{signer.key_id}: a signing key and an encryption key, sealed in the node's database",
        )
        return keychain

    def _keep(self, settings: Settings, role: Role, met: Acquaintance) -> Settings:
        """Write down what the node must know, and return its settings with it."""
        request = self.request
        changes = {
            _ROLE: role.value,
            "DEGNODE_SUBSCRIBER_ID": settings.subscriber_id,
            "DEGNODE_PUBLIC_URL": plain(settings.public_url),
            "DEGNODE_DOMAIN": settings.domain,
            "DEGNODE_HOST": settings.host,
            "DEGNODE_PORT": str(settings.port),
            "DEGNODE_REGISTRY_URL": plain(settings.registry_url),
            "DEGNODE_REGISTRY_KEY": ",".join(write_public_key(key) for key in met.keys),
            "DEGNODE_CHALLENGE_SCHEME": met.scheme.value,
            "DEGNODE_KEY_FORMAT": settings.key_format.value,
            "DEGNODE_JOINED": "true",
        }
        if met.encryption_key is not None:
            changes["DEGNODE_REGISTRY_ENCRYPTION_KEY"] = write_encryption_public_key(met.encryption_key)
        if request.catalog is not None:
            changes[_CATALOG] = str(request.catalog.resolve())
        file = write_node_env(request.data_dir, changes)
        self.checklist.done("settings", f"written to {file}")
        return settings.model_copy(
            update={
                "registry_key": tuple(write_public_key(key) for key in met.keys),
                "registry_encryption_key": changes.get("DEGNODE_REGISTRY_ENCRYPTION_KEY"),
                "challenge_scheme": met.scheme,
                "joined": True,
            }
        )

    async def _subscribe(self, settings: Settings, role: Role, keychain: Keychain) -> bool:
        """Ask the registry and wait for it; return whether the participant itself runs meanwhile."""
        visit = Visit(
            settings=settings,
            role=role,
            keychain=keychain,
            checklist=self.checklist,
            wait=self.request.wait,
            site_request_id=self.request.site_request_id,
        )
        with self._at("address"):
            async with visit.open() as subscription:
                with self._at("request"):
                    await subscription.run()
        async with keychain.uow_factory() as uow:
            act = operator().act("network.joined", plain(settings.registry_url), after={"role": role.value})
            await record_act(uow, act, now=self.clock.now())
        return subscription.by_node

    def _tell_what_next(self, settings: Settings, role: Role, *, is_running: bool) -> None:
        kept = read_node_env(self.request.data_dir)
        if role is Role.BPP and _CATALOG not in kept:
            self.checklist.note(
                "catalogue",
                "say what is for sale: degnode catalog import FILE, or join again with --catalog FILE",
            )
        command = f"degnode serve {served_as(role)} --data-dir {self.request.data_dir}"
        what = (
            f"It runs already, at its next start with: {command}" if is_running else f"Run it with: {command}"
        )
        self.checklist.say(f"{settings.subscriber_id} is in. {what}")

    @contextmanager
    def _at(self, step: str) -> Iterator[None]:
        """Name the step that fails, should one fail within the block."""
        before, self._step = self._step, step
        yield
        self._step = before


def _role_of(request: JoinRequest, kept: dict[str, str]) -> Role:
    missing = [
        option
        for option, value, name in (
            ("--registry", request.registry, "DEGNODE_REGISTRY_URL"),
            ("--role", request.role, _ROLE),
            ("--subscriber", request.subscriber, "DEGNODE_SUBSCRIBER_ID"),
            ("--url", request.url, "DEGNODE_PUBLIC_URL"),
        )
        if value is None and not kept.get(name)
    ]
    if missing:
        raise JoinRequestInvalid(
            f"{' and '.join(missing)} must be said the first time",
            hint="For example: degnode join --registry https://registry.example.com --role bpp "
            "--subscriber bpp.example.com --url https://bpp.example.com",
        )
    was = kept.get(_ROLE)
    if request.role is not None and was not in (None, request.role.value):
        raise JoinRequestInvalid(
            f"{request.data_dir} is the data directory of a {str(was).upper()}",
            path="--data-dir",
            hint="Every participant has a directory of its own: name another one.",
        )
    return request.role or Role(str(was))


def _is_same_registry(settings: Settings, kept: dict[str, str]) -> bool:
    return kept.get("DEGNODE_REGISTRY_URL", "").rstrip("/") == plain(settings.registry_url)


def _read_key(text: str) -> PublicKey:
    try:
        return read_public_key(text)
    except KeyUnreadable as error:
        raise JoinRequestInvalid(
            f"the registry's key cannot be read: {error}",
            path="--registry-key",
            hint="It is the base64 of 32 bytes that the registry shows as signing_public_key at its address.",
        ) from error
