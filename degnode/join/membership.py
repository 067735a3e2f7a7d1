"""A participant as its data directory and its registry know it, opened from the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from degnode.node_database import node_database
from degnode.roles.configuration import load_settings, secret
from degnode.roles.joining import plain, registry_of
from degnode.roles.node_env import read_node_env
from degnode.roles.own_keys import open_own_keys
from kernel.clock import Clock
from kernel.errors import NodeError
from keystore.keychain import Keychain
from node.settings import Settings
from protocol.actions import Role
from registry_client.registrar import Registrar
from storage.unit_of_work import UnitOfWorkFactory


class NotAMember(NodeError):
    """Nobody has joined a network from this directory."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The participant's settings, its role, its keys, and the line to its registry."""

    settings: Settings
    role: Role
    keychain: Keychain
    registrar: Registrar
    uow_factory: UnitOfWorkFactory
    clock: Clock

    @property
    def registry_url(self) -> str:
        return plain(self.settings.registry_url)


@asynccontextmanager
async def open_membership(
    data_dir: Path, *, role: Role | None, database_url: str | None, clock: Clock
) -> AsyncIterator[Membership]:
    """Open the participant whose directory this is. Raises: NotAMember, NodeError."""
    role = role or _role_in(data_dir)
    said = {} if database_url is None else {"database_url": database_url}
    settings = load_settings(Settings, data_dir=data_dir, **said)
    if settings.registry_url is None:
        raise NotAMember(
            "this participant finds its peers in a file and has no registry",
            path="DEGNODE_REGISTRY_KIND",
            hint="There is nothing to tell a registry then.",
        )
    registry = registry_of(settings)
    async with (
        node_database(role.value, data_dir, secret(settings.database_url)) as database,
        Registrar(registry.url, clock=clock, keys=registry.keys) as registrar,
    ):
        yield Membership(
            settings=settings,
            role=role,
            keychain=await open_own_keys(settings, database=database, clock=clock),
            registrar=registrar,
            uow_factory=UnitOfWorkFactory(database),
            clock=clock,
        )


def _role_in(data_dir: Path) -> Role:
    name = read_node_env(data_dir).get("DEGNODE_ROLE")
    if name is None:
        raise NotAMember(
            "nobody has joined a network from here",
            path=str(data_dir),
            hint="Name the --data-dir that you joined with, or join: degnode join --help. A participant that "
            "has its settings in the environment says its --role.",
        )
    return Role(name)
